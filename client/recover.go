package client

import (
	"context"
	"net/http"
	"time"
)

// RecoveryStep is what a recovery goes on with.
type RecoveryStep struct {
	Ticket string
	Ready  bool // a passkey can be bound now; else one more proof, or the delay, is needed
}

// RecoveryWait is a recovery that waits. The claim finishes it from then on.
type RecoveryWait struct {
	Claim   string
	ReadyAt time.Time `json:"ready_at"`
}

// recoverBody is the body of the request that starts a recovery.
type recoverBody struct {
	Email *string `json:"email,omitempty"`
	Claim *string `json:"claim,omitempty"`
	Code  *string `json:"code,omitempty"`
	Wait  bool    `json:"wait,omitempty"`
}

// RecoveryMethods returns the proofs that a recovery takes.
func (c *Client) RecoveryMethods(ctx context.Context) ([]string, error) {
	var out struct{ Methods []string }
	err := c.read(ctx, "/api/auth/recover/methods", &out)
	return out.Methods, err
}

// BeginRecovery returns the ticket of a recovery, whoever has that address.
func (c *Client) BeginRecovery(ctx context.Context, email string) (ticket string, err error) {
	var out RecoveryStep
	err = c.call(ctx, http.MethodPost, "/api/auth/recover/start", "", recoverBody{Email: &email}, &out)
	return out.Ticket, err
}

// BeginIssuedRecovery turns the code in a link of the operator's into a recovery
// that is ready.
func (c *Client) BeginIssuedRecovery(ctx context.Context, code string) (RecoveryStep, error) {
	var out RecoveryStep
	err := c.call(ctx, http.MethodPost, "/api/auth/recover/start", "", recoverBody{Code: &code}, &out)
	return out, err
}

// MailRecoveryCode has a code mailed as a proof to the account that the ticket
// is of, and returns the ticket that takes it by the method email_code.
func (c *Client) MailRecoveryCode(ctx context.Context, ticket string) (next string, err error) {
	var out RecoveryStep
	err = c.call(ctx, http.MethodPost, "/api/auth/recover/mail", ticket, struct{}{}, &out)
	return out.Ticket, err
}

// ProveRecovery gives a proof: a code by the method totp, recovery_code or
// email_code.
func (c *Client) ProveRecovery(ctx context.Context, ticket, method, code string) (RecoveryStep, error) {
	var out RecoveryStep
	err := c.call(ctx, http.MethodPost, "/api/auth/recover/proof", ticket, proofBody{Method: method, Code: code}, &out)
	return out, err
}

// WaitForRecovery lets a recovery with one proof wait for its delay.
func (c *Client) WaitForRecovery(ctx context.Context, ticket string) (RecoveryWait, error) {
	var out RecoveryWait
	err := c.call(ctx, http.MethodPost, "/api/auth/recover/start", ticket, recoverBody{Wait: true}, &out)
	return out, err
}

// ClaimRecovery goes on with a recovery that has waited.
func (c *Client) ClaimRecovery(ctx context.Context, claim string) (RecoveryStep, error) {
	var out RecoveryStep
	err := c.call(ctx, http.MethodPost, "/api/auth/recover/start", "", recoverBody{Claim: &claim}, &out)
	return out, err
}

// RecoverPasskey makes a passkey with the ticket of a step that is ready, and
// signs in with it; all other sessions end.
func (c *Client) RecoverPasskey(ctx context.Context, ticket string) (SignedIn, error) {
	options, err := c.BeginRecoverPasskey(ctx, ticket)
	if err != nil {
		return SignedIn{}, err
	}
	credential, err := c.key.Create(options)
	if err != nil {
		return SignedIn{}, err
	}
	return c.FinishRecoverPasskey(ctx, ticket, credential)
}

// BeginRecoverPasskey returns creation options.
func (c *Client) BeginRecoverPasskey(ctx context.Context, ticket string) (options []byte, err error) {
	out, err := c.begin(ctx, http.MethodPost, "/api/auth/recover/passkey/options", ticket, struct{}{})
	return out.Creation.PublicKey, err
}

// FinishRecoverPasskey posts what the authenticator made of
// BeginRecoverPasskey's options.
func (c *Client) FinishRecoverPasskey(ctx context.Context, ticket string, credential []byte) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/auth/recover/passkey/complete", ticket, credentialBody{Credential: credential})
}

// RecoverPassword sets a new password with the ticket of a step that is ready,
// where the user has a password. The person then signs in.
func (c *Client) RecoverPassword(ctx context.Context, ticket, password string) error {
	return c.call(ctx, http.MethodPost, "/api/auth/recover/password", ticket, proofBody{Password: password}, &struct{}{})
}
