package federated

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/mapae/mapae"
)

// OIDC is an OpenID Connect provider that is found by its discovery document.
type OIDC struct {
	// Name is the provider's name in routes and settings: 1 to 32 lower-case
	// letters, digits and hyphens. The redirect URI to register with the provider
	// ends in /api/auth/federated/NAME/callback.
	Name string
	// Label is what people read on the button, such as "Example".
	Label string
	// Issuer is the provider's identifier: an https URL, to which
	// /.well-known/openid-configuration is added. Accounts are tied to it.
	Issuer string

	ClientID     string
	ClientSecret string

	// Scopes beside openid. Nil: email and profile.
	Scopes []string

	// FormPost asks the provider to send its answer in a form (OAuth 2.0 Form Post
	// Response Mode) instead of in the query.
	FormPost bool

	// HTTP calls the provider. Only its Transport is used. Nil: the standard one.
	HTTP *http.Client

	secret    func(now time.Time) (string, error) // Apple's, which is signed anew each time
	wordFlags bool                                // Apple: email_verified may be the word true
	userForm  bool                                // Apple: the name comes beside the code
	fresh     url.Values                          // how to ask for a fresh proof; nil: max_age
}

// discoveryLife is how long a discovery document and the keys that it names are
// kept. A key that is not among them is looked for at once.
const discoveryLife = time.Hour

// Provider checks the settings. It does not call the provider.
func (o OIDC) Provider() (mapae.Provider, error) {
	if err := checkURL("Issuer", o.Issuer); err != nil {
		return nil, fmt.Errorf("federated: %s: %w", o.Name, err)
	}
	if o.ClientID == "" || o.ClientSecret == "" && o.secret == nil {
		return nil, fmt.Errorf("federated: %s: ClientID or ClientSecret is missing", o.Name)
	}
	if o.Scopes == nil {
		o.Scopes = []string{"email", "profile"}
	}
	return &oidcProvider{set: o, client: bounded(o.HTTP)}, nil
}

// oidcProvider is an OIDC in use.
type oidcProvider struct {
	set    OIDC
	client *http.Client

	mu    sync.Mutex
	found *discovered
	until time.Time
}

// discovered is what a provider says of itself (OpenID Connect Discovery 1.0
// §3, RFC 8414 §2).
type discovered struct {
	AuthURL       string   `json:"authorization_endpoint"`
	TokenURL      string   `json:"token_endpoint"`
	UserInfoURL   string   `json:"userinfo_endpoint"`
	KeysURL       string   `json:"jwks_uri"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	SecretMethods []string `json:"token_endpoint_auth_methods_supported"`
	SendsIssuer   bool     `json:"authorization_response_iss_parameter_supported"`

	keys oidc.KeySet
}

func (p *oidcProvider) Name() string   { return p.set.Name }
func (p *oidcProvider) Label() string  { return p.set.Label }
func (p *oidcProvider) Issuer() string { return p.set.Issuer }

// discover returns the provider's document, from the last hour or anew.
func (p *oidcProvider) discover(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	found, until := p.found, p.until
	p.mu.Unlock()
	if found != nil && time.Now().Before(until) {
		return found, nil
	}
	ctx = oidc.ClientContext(ctx, p.client)
	document, err := oidc.NewProvider(ctx, p.set.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	found = new(discovered)
	if err := document.Claims(found); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	if err := found.check(); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	found.keys = oidc.NewRemoteKeySet(ctx, found.KeysURL)
	p.mu.Lock()
	p.found, p.until = found, time.Now().Add(discoveryLife)
	p.mu.Unlock()
	return found, nil
}

func (d *discovered) check() error {
	var wrong []error
	for name, text := range map[string]string{"authorization_endpoint": d.AuthURL, "token_endpoint": d.TokenURL, "jwks_uri": d.KeysURL} {
		wrong = append(wrong, checkURL(name, text))
	}
	if d.UserInfoURL != "" {
		wrong = append(wrong, checkURL("userinfo_endpoint", d.UserInfoURL))
	}
	return errors.Join(wrong...)
}

// config is that of one trip; secret is empty where only the address is wanted.
func (p *oidcProvider) config(d *discovered, trip mapae.ProviderTrip, secret string) *oauth2.Config {
	style := oauth2.AuthStyleInHeader // RFC 8414: the default where nothing is said
	if d.SecretMethods != nil && !slices.Contains(d.SecretMethods, "client_secret_basic") {
		style = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: p.set.ClientID, ClientSecret: secret, RedirectURL: trip.RedirectURI, Scopes: append([]string{oidc.ScopeOpenID}, p.set.Scopes...),
		Endpoint: oauth2.Endpoint{AuthURL: d.AuthURL, TokenURL: d.TokenURL, AuthStyle: style},
	}
}

// Start is mapae.Provider's.
func (p *oidcProvider) Start(ctx context.Context, trip mapae.ProviderTrip) (string, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	more := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(trip.Verifier), oidc.Nonce(trip.Nonce)}
	if p.set.FormPost {
		more = append(more, oauth2.SetAuthURLParam("response_mode", "form_post"))
	}
	if !trip.Since.IsZero() {
		for name, values := range p.freshly() {
			more = append(more, oauth2.SetAuthURLParam(name, values[0]))
		}
	}
	return p.config(d, trip, "").AuthCodeURL(trip.State, more...), nil
}

// freshly is how the provider is asked to let the person prove themselves anew
// (OpenID Connect Core §3.1.2.1).
func (p *oidcProvider) freshly() url.Values {
	if p.set.fresh != nil {
		return p.set.fresh
	}
	return url.Values{"prompt": {"login"}, "max_age": {"0"}}
}

// Finish is mapae.Provider's.
func (p *oidcProvider) Finish(ctx context.Context, trip mapae.ProviderTrip, answer mapae.ProviderAnswer) (mapae.Profile, error) {
	ctx, cancel := context.WithTimeout(ctx, tripTimeout)
	defer cancel()
	d, err := p.discover(ctx)
	if err != nil {
		return mapae.Profile{}, err
	}
	if err := checkIssuer(answer.Issuer, d.SendsIssuer, p.set.Issuer); err != nil {
		return mapae.Profile{}, err
	}
	secret := p.set.ClientSecret
	if p.set.secret != nil {
		if secret, err = p.set.secret(trip.At); err != nil {
			return mapae.Profile{}, err
		}
	}
	token, err := exchange(ctx, p.client, p.config(d, trip, secret), trip, answer.Code)
	if err != nil {
		return mapae.Profile{}, err
	}
	raw, _ := token.Extra("id_token").(string)
	claims, err := p.verify(ctx, d, trip, raw)
	if err != nil {
		return mapae.Profile{}, err
	}
	if !claims.has("email") && d.UserInfoURL != "" {
		if claims, err = p.userInfo(ctx, d, token, claims); err != nil {
			return mapae.Profile{}, err
		}
	}
	return p.profile(claims, answer), nil
}

// userInfo returns what the user-info endpoint says of the ID token's subject
// (OpenID Connect Core §5.3.2): of another one it is refused.
func (p *oidcProvider) userInfo(ctx context.Context, d *discovered, token *oauth2.Token, claims object) (object, error) {
	body, err := get(ctx, p.client, d.UserInfoURL, token)
	if err != nil {
		return nil, err
	}
	info, err := readObject(body)
	if err != nil {
		return nil, fmt.Errorf("user info: %w", err)
	}
	if info.text("sub") != claims.text("sub") {
		return nil, refuse("subject", "user info is about %q, the ID token about %q", info.text("sub"), claims.text("sub"))
	}
	return info, nil
}

// profile is what the claims say (OpenID Connect Core §5.1).
func (p *oidcProvider) profile(claims object, answer mapae.ProviderAnswer) mapae.Profile {
	out := mapae.Profile{Subject: claims.text("sub"), Email: claims.text("email"), Name: claims.text("name")}
	out.EmailVerified = claims.flag("email_verified") || p.set.wordFlags && claims.text("email_verified") == "true"
	if p.set.userForm && out.Name == "" {
		out.Name = appleName(answer.User)
	}
	return out
}
