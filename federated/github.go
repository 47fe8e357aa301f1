package federated

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/mapae/mapae"
)

// GitHub lets people sign in with a GitHub account, by OAuth 2.0.
type GitHub struct {
	ClientID     string
	ClientSecret string
	// URL is that of a GitHub Enterprise Server. Empty: https://github.com.
	URL  string
	HTTP *http.Client // as OIDC's
}

// Provider checks the settings. Name github, label GitHub, issuer the URL.
func (g GitHub) Provider() (mapae.Provider, error) {
	site := or(strings.TrimSuffix(g.URL, "/"), "https://github.com")
	api := site + "/api/v3"
	if g.URL == "" {
		api = "https://api.github.com"
	}
	return OAuth2{
		Name: "github", Label: "GitHub", Issuer: site, issuers: []string{site + "/login/oauth"},
		AuthURL: site + "/login/oauth/authorize", TokenURL: site + "/login/oauth/access_token", UserInfoURL: api + "/user",
		ClientID: g.ClientID, ClientSecret: g.ClientSecret, Scopes: []string{"read:user", "user:email"}, HTTP: g.HTTP,
		Read: readGitHub,
		complete: func(_ context.Context, get func(string) ([]byte, error), p *mapae.Profile) error {
			body, err := get(api + "/user/emails")
			if err != nil {
				return err
			}
			return readGitHubEmails(body, p)
		},
	}.Provider()
}

// readGitHub reads who GET /user is about. The numeric ID is the subject: login
// names change hands. The address in it is what the person shows to the public,
// and is not asked for.
func readGitHub(answer []byte) (mapae.Profile, error) {
	o, err := readObject(answer)
	if err != nil {
		return mapae.Profile{}, err
	}
	id, ok := o.number("id")
	if !ok || id <= 0 {
		return mapae.Profile{}, errors.New("no numeric id")
	}
	return mapae.Profile{Subject: strconv.FormatInt(id, 10), Name: or(o.text("name"), o.text("login"))}, nil
}

// readGitHubEmails takes the primary address of GET /user/emails.
func readGitHubEmails(answer []byte, p *mapae.Profile) error {
	var all []json.RawMessage
	if err := json.Unmarshal(answer, &all); err != nil {
		return fmt.Errorf("user info: addresses: %w", err)
	}
	for _, one := range all {
		o, err := readObject(one)
		if err != nil {
			return fmt.Errorf("user info: addresses: %w", err)
		}
		if o.flag("primary") {
			p.Email, p.EmailVerified = o.text("email"), o.flag("verified")
		}
	}
	return nil
}
