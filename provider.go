package mapae

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Provider is somewhere else that people have an account to sign in with.
// Package federated has them. Its methods are called by several goroutines at
// once, and do not write to a store.
type Provider interface {
	// Name is the provider's name in routes, events and settings: 1 to 32
	// lower-case letters, digits and hyphens.
	Name() string
	// Label is what people read, such as "Google": 1 to 64 characters.
	Label() string
	// Issuer identifies the provider for good, at most 255 bytes. An account
	// elsewhere is its issuer and its subject, whatever Name is.
	Issuer() string
	// Start returns the URL to send the person to. Any error means that the
	// provider is out of reach.
	Start(ctx context.Context, trip ProviderTrip) (string, error)
	// Finish turns what the provider answered into who it says the person is. A
	// *ProviderError means that the answer is refused; any other error that the
	// provider is out of reach, and nothing is known.
	Finish(ctx context.Context, trip ProviderTrip, answer ProviderAnswer) (Profile, error)
}

// ProviderTrip is one person's way to a provider and back, the same at Start
// and Finish but for At.
type ProviderTrip struct {
	RedirectURI string    // where the provider sends the person back to, exact
	State       string    // comes back with the answer
	Nonce       string    // 43 characters; comes back in an ID token
	Verifier    string    // 43 characters: PKCE code verifier (RFC 7636), its challenge by S256
	Since       time.Time // the person is to prove anew who they are, after this; zero: however they did
	At          time.Time // now
}

// ProviderAnswer is what came back by way of the browser.
type ProviderAnswer struct {
	Code   string // authorization code, 1 to 2048 bytes
	Issuer string // iss (RFC 9207), empty: none
	User   string // Apple's form has a name in it: JSON, unsigned
}

// Profile is who a provider says somebody is.
type Profile struct {
	Subject       string // the provider's own ID of the account, 1 to 255 bytes, never given to another
	Email         string // empty: not told
	EmailVerified bool   // the provider has itself proven that the address is this person's
	Name          string // empty: not told
}

// ReasonMixedUp is the reason of a ProviderError where the answer says that it
// is another provider's.
const ReasonMixedUp = "mixed_up"

// ProviderError is an answer of a provider that is refused.
type ProviderError struct {
	Reason string // a word for events and metrics, such as "nonce"
	Err    error
}

// Error returns the reason and the cause.
func (e *ProviderError) Error() string { return e.Reason + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ProviderError) Unwrap() error { return e.Err }

// Federated offers to sign in with an account of other providers, in this
// order. Such a sign-in is one factor, as strong as the provider.
type Federated []Provider

// Name is MethodFederated.
func (Federated) Name() MethodName { return MethodFederated }

var providerName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

const maxIssuer = 255

func (f Federated) check() error {
	if len(f) == 0 {
		return errors.New("no provider is listed")
	}
	seen := map[string]bool{}
	for i, p := range f {
		if p == nil {
			return fmt.Errorf("provider %d is nil", i)
		}
		switch name := p.Name(); {
		case !providerName.MatchString(name):
			return fmt.Errorf("provider %q: a name is 1 to 32 lower-case letters, digits and hyphens", name)
		case checkName(p.Label()) != nil:
			return fmt.Errorf("provider %s: label %q: %w", name, p.Label(), checkName(p.Label()))
		case p.Issuer() == "" || len(p.Issuer()) > maxIssuer:
			return fmt.Errorf("provider %s: issuer %q: it has 1 to %d bytes", name, p.Issuer(), maxIssuer)
		case seen[name] || seen["issuer "+p.Issuer()]:
			return fmt.Errorf("provider %s: its name or its issuer %q is listed twice", name, p.Issuer())
		}
		seen[p.Name()], seen["issuer "+p.Issuer()] = true, true
	}
	return nil
}

// named returns the provider of that name, or nil.
func (f Federated) named(name string) Provider {
	for _, p := range f {
		if p.Name() == name {
			return p
		}
	}
	return nil
}

// issuing returns the provider with that issuer, or nil.
func (f Federated) issuing(issuer string) Provider {
	for _, p := range f {
		if p.Issuer() == issuer {
			return p
		}
	}
	return nil
}
