package client

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// token is an app's session token.
type token struct {
	mu    sync.Mutex
	value string
}

func (t *token) get() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value
}

func (t *token) set(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.value = value
}

// Token returns an app's session token, to be kept where the system keeps
// secrets; empty: not signed in, or a browser.
func (c *Client) Token() string { return c.token.get() }

// SetToken goes on with a token that was kept.
func (c *Client) SetToken(value string) { c.token.set(value) }

// User is who is signed in.
type User struct {
	ID    string // user handle, base64url
	Login string
	Email string
	Name  string
}

// Use is one use of a method in a session.
type Use struct {
	Method       string
	At           time.Time
	Credential   string // ID of the passkey, base64url
	UserVerified bool   `json:"user_verified"`
}

// Session is a person signed in on one browser or app.
type Session struct {
	ID                string
	CreatedAt         time.Time `json:"created_at"`
	SeenAt            time.Time `json:"seen_at"`
	IdleEndsAt        time.Time `json:"idle_ends_at"` // unless it is used before
	EndsAt            time.Time `json:"ends_at"`      // whatever happens
	Methods           []Use
	AAL               int
	PhishingResistant bool `json:"phishing_resistant"`
	AMR               []string
	App               bool
	Address           string
	UserAgent         string `json:"user_agent"`
	Current           bool   // the one that asks
}

// SignedIn is the end of a sign-up, a sign-in or a step-up.
type SignedIn struct {
	Session Session
	User    User
	Token   string // an app's; the client uses it from now on

	RecoveryCodes []string `json:"recovery_codes"` // to be shown once; nil: none were made
	Ticket        string   // of a step-up for an action

	Suggest []string // what to offer next: "create_passkey", "create_local_passkey", "create_second_passkey"; nil: nothing
}

// enter sends what ends in a session, and keeps an app's token.
func (c *Client) enter(ctx context.Context, method, path, ticket string, in any) (SignedIn, error) {
	var out SignedIn
	if err := c.call(ctx, method, path, ticket, in, &out); err != nil {
		return SignedIn{}, err
	}
	c.token.set(out.Token)
	return out, nil
}

// Session returns what this client is signed in with.
func (c *Client) Session(ctx context.Context) (SignedIn, error) {
	var out SignedIn
	err := c.read(ctx, "/api/auth/session", &out)
	return out, err
}

// Sessions returns the user's live sessions, newest first.
func (c *Client) Sessions(ctx context.Context) ([]Session, error) {
	var out struct{ Sessions []Session }
	err := c.read(ctx, "/api/auth/sessions", &out)
	return out.Sessions, err
}

// EndSession ends one session of the user.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/api/auth/sessions/"+id, "", nil, &struct{}{})
}

// EndOtherSessions ends all sessions of the user but this one.
func (c *Client) EndOtherSessions(ctx context.Context) (SignedIn, error) {
	return c.enter(ctx, http.MethodDelete, "/api/auth/sessions", "", nil)
}

// SignOut ends this session.
func (c *Client) SignOut(ctx context.Context) error {
	if err := c.call(ctx, http.MethodPost, "/api/auth/logout", "", struct{}{}, &struct{}{}); err != nil {
		return err
	}
	c.token.set("")
	return nil
}

func (c *Client) read(ctx context.Context, path string, out any) error {
	return c.call(ctx, http.MethodGet, path, "", nil, out)
}
