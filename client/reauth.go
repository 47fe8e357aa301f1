package client

import (
	"context"
	"net/http"
)

// Actions that a step-up can be for: the answer's Ticket allows one of them.
const (
	ActionDeleteAccount = "delete_account"
	ActionChangeEmail   = "change_email"
)

// Reauth proves again by a passkey who is signed in; the session goes on.
func (c *Client) Reauth(ctx context.Context) (SignedIn, error) { return c.ReauthFor(ctx, "") }

// ReauthFor is Reauth for an action; the answer has its ticket.
func (c *Client) ReauthFor(ctx context.Context, action string) (SignedIn, error) {
	options, err := c.BeginReauthFor(ctx, action)
	if err != nil {
		return SignedIn{}, err
	}
	credential, err := c.key.Get(options)
	if err != nil {
		return SignedIn{}, err
	}
	return c.FinishReauthFor(ctx, credential, action)
}

// BeginReauth returns request options for one of the user's own passkeys.
func (c *Client) BeginReauth(ctx context.Context) (options []byte, err error) {
	return c.BeginReauthFor(ctx, "")
}

// BeginReauthFor is BeginReauth for an action; empty: for none.
func (c *Client) BeginReauthFor(ctx context.Context, action string) (options []byte, err error) {
	out, err := c.begin(ctx, http.MethodPost, "/api/auth/reauth/passkey/options", "", proofBody{Action: action})
	return out.Request.PublicKey, err
}

// FinishReauth posts what the authenticator made of BeginReauth's options.
func (c *Client) FinishReauth(ctx context.Context, credential []byte) (SignedIn, error) {
	return c.FinishReauthFor(ctx, credential, "")
}

// FinishReauthFor is FinishReauth for the action of the options.
func (c *Client) FinishReauthFor(ctx context.Context, credential []byte, action string) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/auth/reauth/passkey", "", credentialBody{Credential: credential, Action: action})
}

// proofBody is the body of a proof that is typed.
type proofBody struct {
	Code     string `json:"code,omitempty"`
	Password string `json:"password,omitempty"`
	Action   string `json:"action,omitempty"`
	Method   string `json:"method,omitempty"`
}

// ReauthPassword is a step-up by the user's password; action may be empty.
func (c *Client) ReauthPassword(ctx context.Context, password, action string) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/auth/reauth/password", "", proofBody{Password: password, Action: action})
}

// ReauthTOTP is a step-up by the user's authenticator app; action may be empty.
func (c *Client) ReauthTOTP(ctx context.Context, code, action string) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/auth/reauth/totp", "", proofBody{Code: code, Action: action})
}

// ReauthRecoveryCode is a step-up by a recovery code; action may be empty.
func (c *Client) ReauthRecoveryCode(ctx context.Context, code, action string) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/auth/reauth/recovery-code", "", proofBody{Code: code, Action: action})
}
