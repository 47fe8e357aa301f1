package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// SecondFactor is what a sign-in goes on with whose first step was good.
type SecondFactor struct {
	Ticket  string
	Methods []string        // what the user may go on with, the strongest first
	Options json.RawMessage `json:"-"` // request options for a passkey; nil: the user has none
}

// SecondFactorOf returns the second step that err says is due, or nil.
func SecondFactorOf(err error) *SecondFactor {
	var e *Error
	if errors.As(err, &e) {
		return e.Second
	}
	return nil
}

// VerifyPasskey completes a sign-in with a passkey of the authenticator.
func (c *Client) VerifyPasskey(ctx context.Context, due *SecondFactor) (SignedIn, error) {
	credential, err := c.key.Get(due.Options)
	if err != nil {
		return SignedIn{}, err
	}
	return c.FinishVerify(ctx, due.Ticket, credential)
}

// BeginVerify returns new request options for the user's own passkeys: with the
// ticket of a second step, or, where it is empty, for a step-up of the session.
func (c *Client) BeginVerify(ctx context.Context, ticket string) (options []byte, err error) {
	out, err := c.begin(ctx, http.MethodGet, "/api/webauthn/authenticate/options/", ticket, nil)
	return out.Request.PublicKey, err
}

// FinishVerify posts what the authenticator made of BeginVerify's options, or
// of those that came with the second step.
func (c *Client) FinishVerify(ctx context.Context, ticket string, credential []byte) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/webauthn/verify/", ticket, credentialBody{Credential: credential})
}

// VerifyTOTP completes a sign-in with a code of the user's authenticator app.
func (c *Client) VerifyTOTP(ctx context.Context, ticket, code string) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/auth/totp/verify", ticket, proofBody{Code: code})
}

// VerifyRecoveryCode completes a sign-in with a recovery code.
func (c *Client) VerifyRecoveryCode(ctx context.Context, ticket, code string) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/auth/recovery-code/verify", ticket, proofBody{Code: code})
}
