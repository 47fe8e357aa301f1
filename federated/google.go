package federated

import (
	"net/http"
	"net/url"

	"github.com/mapae/mapae"
)

// Google lets people sign in with a Google account, by OpenID Connect.
type Google struct {
	ClientID     string // ends in .apps.googleusercontent.com
	ClientSecret string
	HTTP         *http.Client // as OIDC's
}

// Provider checks the settings. Name google, label Google, issuer
// https://accounts.google.com.
func (g Google) Provider() (mapae.Provider, error) {
	return OIDC{
		Name: "google", Label: "Google", Issuer: "https://accounts.google.com", ClientID: g.ClientID, ClientSecret: g.ClientSecret, HTTP: g.HTTP,
		fresh: url.Values{"prompt": {"select_account"}}, // Google knows neither prompt=login nor max_age
	}.Provider()
}
