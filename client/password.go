package client

import (
	"context"
	"net/http"
)

// SignInPassword signs in with a password. Where a second step is due the error
// is an *Error that has it.
func (c *Client) SignInPassword(ctx context.Context, email, password string) (SignedIn, error) {
	in := struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}{email, password}
	return c.enter(ctx, http.MethodPost, "/api/auth/login", "", in)
}

// SignUpPassword makes an account with a password, and signs in; invitation may
// be empty.
func (c *Client) SignUpPassword(ctx context.Context, email, name, password, invitation string) (SignedIn, error) {
	in := struct {
		Email      string `json:"email"`
		Name       string `json:"name"`
		Password   string `json:"password"`
		Invitation string `json:"invitation,omitempty"`
	}{email, name, password, invitation}
	return c.enter(ctx, http.MethodPost, "/api/auth/signup", "", in)
}

// SetPassword sets or changes the user's password; the session has to be fresh.
// All other sessions end.
func (c *Client) SetPassword(ctx context.Context, password string) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/account/password", "", proofBody{Password: password})
}

// RemovePassword removes the user's password; the session has to be fresh.
func (c *Client) RemovePassword(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "/api/account/password", "", nil, &struct{}{})
}
