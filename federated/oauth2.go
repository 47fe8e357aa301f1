package federated

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/mapae/mapae"
)

// OAuth2 is a provider without OpenID Connect: who the person is is asked of a
// user-info endpoint, with the access token (RFC 6749).
type OAuth2 struct {
	// Name and Label are as OIDC's.
	Name, Label string
	// Issuer names the provider for good, such as "https://example.com": accounts
	// are tied to it. An iss in the provider's answer must be equal to it.
	Issuer string

	AuthURL     string // where people are sent, https
	TokenURL    string // where the code is exchanged, https
	UserInfoURL string // asked with the access token in the Authorization header, https

	ClientID     string
	ClientSecret string
	// SecretInHeader sends the secret by HTTP basic authentication instead of in
	// the body.
	SecretInHeader bool

	Scopes []string

	// Read returns who the answer of UserInfoURL, at most 256 KiB of JSON, is
	// about. EmailVerified is true only where the provider itself has proven the
	// address. An error means that the answer is none.
	Read func(answer []byte) (mapae.Profile, error)

	// HTTP is as OIDC's.
	HTTP *http.Client

	issuers  []string   // further values of iss in the provider's answers
	state    bool       // Naver: the state goes with the code
	fresh    url.Values // how to ask for a fresh proof; nil: the provider can't
	complete func(ctx context.Context, get func(at string) ([]byte, error), p *mapae.Profile) error
}

// Provider checks the settings. It does not call the provider.
func (o OAuth2) Provider() (mapae.Provider, error) {
	for _, u := range []struct{ name, text string }{{"AuthURL", o.AuthURL}, {"TokenURL", o.TokenURL}, {"UserInfoURL", o.UserInfoURL}} {
		if err := checkURL(u.name, u.text); err != nil {
			return nil, fmt.Errorf("federated: %s: %w", o.Name, err)
		}
	}
	if o.ClientID == "" || o.ClientSecret == "" {
		return nil, fmt.Errorf("federated: %s: ClientID or ClientSecret is missing", o.Name)
	}
	if o.Read == nil {
		return nil, fmt.Errorf("federated: %s: Read is missing", o.Name)
	}
	return &oauthProvider{set: o, client: bounded(o.HTTP)}, nil
}

// oauthProvider is an OAuth2 in use.
type oauthProvider struct {
	set    OAuth2
	client *http.Client
}

func (p *oauthProvider) Name() string   { return p.set.Name }
func (p *oauthProvider) Label() string  { return p.set.Label }
func (p *oauthProvider) Issuer() string { return p.set.Issuer }

func (p *oauthProvider) config(trip mapae.ProviderTrip) *oauth2.Config {
	style := oauth2.AuthStyleInParams
	if p.set.SecretInHeader {
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID: p.set.ClientID, ClientSecret: p.set.ClientSecret, RedirectURL: trip.RedirectURI, Scopes: p.set.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: p.set.AuthURL, TokenURL: p.set.TokenURL, AuthStyle: style},
	}
}

// Start is mapae.Provider's.
func (p *oauthProvider) Start(_ context.Context, trip mapae.ProviderTrip) (string, error) {
	more := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(trip.Verifier)}
	if !trip.Since.IsZero() {
		for name, values := range p.set.fresh {
			more = append(more, oauth2.SetAuthURLParam(name, values[0]))
		}
	}
	return p.config(trip).AuthCodeURL(trip.State, more...), nil
}

// Finish is mapae.Provider's.
func (p *oauthProvider) Finish(ctx context.Context, trip mapae.ProviderTrip, answer mapae.ProviderAnswer) (mapae.Profile, error) {
	ctx, cancel := context.WithTimeout(ctx, tripTimeout)
	defer cancel()
	if err := checkIssuer(answer.Issuer, false, append([]string{p.set.Issuer}, p.set.issuers...)...); err != nil {
		return mapae.Profile{}, err
	}
	var more []oauth2.AuthCodeOption
	if p.set.state {
		more = append(more, oauth2.SetAuthURLParam("state", trip.State))
	}
	token, err := exchange(ctx, p.client, p.config(trip), trip, answer.Code, more...)
	if err != nil {
		return mapae.Profile{}, err
	}
	ask := func(at string) ([]byte, error) { return get(ctx, p.client, at, token) }
	body, err := ask(p.set.UserInfoURL)
	if err != nil {
		return mapae.Profile{}, err
	}
	profile, err := p.set.Read(body)
	if err != nil {
		return mapae.Profile{}, fmt.Errorf("user info: %w", err)
	}
	if profile.Subject == "" || len(profile.Subject) > maxSubject {
		return mapae.Profile{}, refuse("subject", "the subject has %d bytes, want 1 to %d", len(profile.Subject), maxSubject)
	}
	if p.set.complete != nil {
		err = p.set.complete(ctx, ask, &profile)
	}
	return profile, err
}
