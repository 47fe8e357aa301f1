package federated

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/mapae/mapae"
)

// Naver lets people sign in with a Naver account, by OAuth 2.0.
type Naver struct {
	ClientID     string
	ClientSecret string
	HTTP         *http.Client
}

// Provider checks the settings. Name naver, label Naver, issuer
// https://nid.naver.com.
func (n Naver) Provider() (mapae.Provider, error) {
	return OAuth2{
		Name: "naver", Label: "Naver", Issuer: "https://nid.naver.com",
		AuthURL: "https://nid.naver.com/oauth2.0/authorize", TokenURL: "https://nid.naver.com/oauth2.0/token",
		UserInfoURL: "https://openapi.naver.com/v1/nid/me", ClientID: n.ClientID, ClientSecret: n.ClientSecret, HTTP: n.HTTP,
		Read: readNaver, state: true, fresh: url.Values{"auth_type": {"reauthenticate"}},
	}.Provider()
}

// readNaver reads who /v1/nid/me is about. Naver does not say whether it has
// proven the address, so it counts as unproven.
func readNaver(answer []byte) (mapae.Profile, error) {
	o, err := readObject(answer)
	if err != nil {
		return mapae.Profile{}, err
	}
	if code := o.text("resultcode"); code != "00" {
		return mapae.Profile{}, fmt.Errorf("resultcode is %q, want 00", code)
	}
	who := o.inner("response")
	return mapae.Profile{Subject: who.text("id"), Name: or(who.text("name"), who.text("nickname")), Email: who.text("email")}, nil
}
