package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/federated"
)

// federatedSettings are the other providers that people can sign in with. A
// provider whose client ID is not given is not offered.
type federatedSettings struct {
	GoogleClient string `group:"federated" placeholder:"ID" help:"Client ID at Google."`
	GoogleSecret string `group:"federated" placeholder:"FILE" help:"File with its client secret."`
	AppleClient  string `group:"federated" placeholder:"ID" help:"Services ID at Apple, such as com.example.web."`
	AppleTeam    string `group:"federated" placeholder:"ID" help:"Team ID at Apple."`
	AppleKeyID   string `name:"apple-key-id" group:"federated" placeholder:"ID" help:"ID of the key for Sign in with Apple."`
	AppleKey     string `group:"federated" placeholder:"FILE" help:"That key, as Apple gives it (.p8)."`
	GitHubClient string `name:"github-client" group:"federated" placeholder:"ID" help:"Client ID at GitHub."`
	GitHubSecret string `name:"github-secret" group:"federated" placeholder:"FILE" help:"File with its client secret."`
	GitHubURL    string `name:"github-url" group:"federated" placeholder:"URL" help:"A GitHub Enterprise Server. Default: https://github.com."`
	KakaoClient  string `group:"federated" placeholder:"KEY" help:"REST API key at Kakao."`
	KakaoSecret  string `group:"federated" placeholder:"FILE" help:"File with its client secret."`
	NaverClient  string `group:"federated" placeholder:"ID" help:"Client ID at Naver."`
	NaverSecret  string `group:"federated" placeholder:"FILE" help:"File with its client secret."`
	OIDCIssuer   string `name:"oidc-issuer" group:"federated" placeholder:"URL" help:"Any OpenID provider, by its issuer."`
	OIDCClient   string `name:"oidc-client" group:"federated" placeholder:"ID" help:"Client ID there."`
	OIDCSecret   string `name:"oidc-secret" group:"federated" placeholder:"FILE" help:"File with its client secret."`
	OIDCName     string `name:"oidc-name" group:"federated" placeholder:"NAME" default:"oidc" help:"Its name in the redirect URI: /api/auth/federated/NAME/callback."`
	OIDCLabel    string `name:"oidc-label" group:"federated" placeholder:"TEXT" help:"What people read on its button. Default: its name."`
}

// federated returns the providers of the settings; nil: none.
func (f *federatedSettings) federated() (mapae.Federated, error) {
	var wrong []error
	secret := func(name, path string) string {
		if path == "" {
			wrong = append(wrong, fmt.Errorf("%s is missing: the file with the client secret", name))
			return "-"
		}
		text, err := os.ReadFile(path)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
			return "-"
		}
		return strings.TrimSpace(string(text))
	}
	var list mapae.Federated
	add := func(p mapae.Provider, err error) {
		if list = append(list, p); err != nil {
			wrong = append(wrong, err)
		}
	}
	if f.GoogleClient != "" {
		add(federated.Google{ClientID: f.GoogleClient, ClientSecret: secret("google-secret", f.GoogleSecret)}.Provider())
	}
	if f.AppleClient != "" {
		add(federated.Apple{ClientID: f.AppleClient, TeamID: f.AppleTeam, KeyID: f.AppleKeyID, Key: []byte(secret("apple-key", f.AppleKey))}.Provider())
	}
	if f.GitHubClient != "" {
		add(federated.GitHub{ClientID: f.GitHubClient, ClientSecret: secret("github-secret", f.GitHubSecret), URL: f.GitHubURL}.Provider())
	}
	if f.KakaoClient != "" {
		add(federated.Kakao{ClientID: f.KakaoClient, ClientSecret: secret("kakao-secret", f.KakaoSecret)}.Provider())
	}
	if f.NaverClient != "" {
		add(federated.Naver{ClientID: f.NaverClient, ClientSecret: secret("naver-secret", f.NaverSecret)}.Provider())
	}
	if f.OIDCIssuer != "" {
		add(federated.OIDC{Name: f.OIDCName, Label: or(f.OIDCLabel, f.OIDCName), Issuer: f.OIDCIssuer, ClientID: f.OIDCClient,
			ClientSecret: secret("oidc-secret", f.OIDCSecret)}.Provider())
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return list, nil
}
