package federated

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/mapae/mapae"
)

// Bounds of what a provider is waited for and read.
const (
	callTimeout = 5 * time.Second // one call
	tripTimeout = 9 * time.Second // all calls of one sign-in
	maxAnswer   = 256 << 10       // bytes of a body
	clockSkew   = 2 * time.Minute // between the provider's clock and ours
)

var errTooLarge = fmt.Errorf("the answer is larger than %d bytes", maxAnswer)

// bounded returns a client that calls by c's transport (nil: the standard one)
// within the bounds. It follows no redirect: a provider's endpoints are where
// its documents say, and nowhere else.
func bounded(c *http.Client) *http.Client {
	out := &http.Client{Timeout: callTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	transport := http.DefaultTransport
	if c != nil && c.Transport != nil {
		transport = c.Transport
	}
	out.Transport = limited{transport}
	return out
}

// limited cuts the bodies of answers.
type limited struct{ http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = &limitedBody{answer.Body, maxAnswer}
	}
	return answer, err
}

// limitedBody fails once more than left bytes were read, so that what is too
// large is an error and never a shorter answer.
type limitedBody struct {
	io.ReadCloser
	left int
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// checkURL refuses what is no https URL; http is for a provider on this machine
// only, as tests and development have it.
func checkURL(name, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%s %q is not a URL", name, text)
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("%s %q is not https", name, text)
}

// refuse is the error of an answer that was read and is refused.
func refuse(reason, format string, args ...any) error {
	return &mapae.ProviderError{Reason: reason, Err: fmt.Errorf(format, args...)}
}

// ours are errors of the token endpoint that are our own fault or the
// provider's, and say nothing about the code.
var ours = map[string]bool{
	"invalid_client": true, "unauthorized_client": true, "unsupported_grant_type": true, "incorrect_client_credentials": true,
	"redirect_uri_mismatch": true, "server_error": true, "temporarily_unavailable": true,
}

// exchange turns the code into tokens (RFC 6749 §4.1.3, RFC 7636 §4.5).
func exchange(ctx context.Context, client *http.Client, config *oauth2.Config, trip mapae.ProviderTrip, code string, more ...oauth2.AuthCodeOption) (*oauth2.Token, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
	token, err := config.Exchange(ctx, code, append(more, oauth2.VerifierOption(trip.Verifier))...)
	var answered *oauth2.RetrieveError
	if errors.As(err, &answered) {
		refused := answered.Response.StatusCode < 500 && answered.ErrorCode != "" && !ours[answered.ErrorCode]
		if refused {
			return nil, refuse("code", "token endpoint: %s", answered.ErrorCode)
		}
		return nil, fmt.Errorf("token endpoint: %s %s", answered.Response.Status, answered.ErrorCode)
	}
	if err != nil {
		return nil, fmt.Errorf("token endpoint: %w", err)
	}
	return token, nil
}

// get asks a user-info endpoint with the access token and returns the body.
func get(ctx context.Context, client *http.Client, at string, token *oauth2.Token) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token.AccessToken)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "mapae")
	answer, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("user info: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("user info: %w", err)
	case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
		return nil, refuse("user_info", "user info: %s", answer.Status)
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("user info: %s", answer.Status)
	}
	return body, nil
}

// checkIssuer holds an iss of the authorization answer against the provider's
// (RFC 9207 §2.4). always: the provider says that it sends one.
func checkIssuer(got string, always bool, want ...string) error {
	if got == "" && !always {
		return nil
	}
	for _, issuer := range want {
		if got == issuer {
			return nil
		}
	}
	return refuse(mapae.ReasonMixedUp, "iss of the answer is %q, want one of %q", got, want)
}

// or returns v, or d where v is empty.
func or(v, d string) string {
	if v == "" {
		return d
	}
	return v
}
