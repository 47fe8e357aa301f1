package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Identity is an account of another provider that the user has linked.
type Identity struct {
	ID         string
	Provider   string // its name; empty: it is configured no more
	Issuer     string
	Email      string     // as the provider told it
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at"` // nil: never
}

// Identities returns what the user has linked.
func (c *Client) Identities(ctx context.Context) ([]Identity, error) {
	var out struct{ Identities []Identity }
	err := c.read(ctx, "/api/account/identities", &out)
	return out.Identities, err
}

// BeginLink returns where to send this browser to link an account of the
// provider; the session has to be fresh. It comes back to the site by itself.
func (c *Client) BeginLink(ctx context.Context, provider string) (to string, err error) {
	in := struct {
		Provider string `json:"provider"`
	}{provider}
	var out struct{ URL string }
	err = c.call(ctx, http.MethodPost, "/api/account/identities", "", in, &out)
	return out.URL, err
}

// Unlink takes a linked account away; the session has to be fresh.
func (c *Client) Unlink(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/api/account/identities/"+id, "", nil, &struct{}{})
}

// BeginFederated returns where to send this browser to sign in with an account
// of the provider. It comes back to the site by itself, and goes on to the path
// next, which may be empty. An error that is no *Error: the site did not answer
// with a redirect.
func (c *Client) BeginFederated(ctx context.Context, provider, next string) (to string, err error) {
	path := "/api/auth/federated/" + url.PathEscape(provider) + "/start"
	if next != "" {
		path += "?" + url.Values{"next": {next}}.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Accept", "application/json")
	c.identify(r)
	stay := *c.HTTP
	stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := stay.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 == 3 {
		return answer.Header.Get("Location"), nil
	}
	text, err := readAnswer(answer)
	if err == nil && answer.StatusCode/100 == 2 {
		err = errors.New("no redirect")
	} else if err == nil {
		return "", readError(answer, text)
	}
	return "", fmt.Errorf("GET %s: %w", path, err)
}
