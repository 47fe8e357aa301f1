package client

import (
	"context"
	"net/http"
)

// emailBody is the body of a request for a mail.
type emailBody struct {
	Email string `json:"email"`
}

// ticket returns the ticket of an answer.
func (c *Client) ticket(ctx context.Context, path string, in any) (string, error) {
	var out struct{ Ticket string }
	err := c.call(ctx, http.MethodPost, path, "", in, &out)
	return out.Ticket, err
}

// RequestEmailCode has a code mailed to who has proven the address. The ticket
// takes it, whoever has the address.
func (c *Client) RequestEmailCode(ctx context.Context, email string) (ticket string, err error) {
	return c.ticket(ctx, "/api/auth/email-code/request", emailBody{email})
}

// VerifyEmailCode signs in by the mailed code. Where a second step is due the
// error is an *Error that has it.
func (c *Client) VerifyEmailCode(ctx context.Context, ticket, code string) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/auth/email-code/verify", ticket, proofBody{Code: code})
}

// ReauthRequestEmailCode has a code mailed for a step-up, and ReauthEmailCode
// takes it; action may be empty.
func (c *Client) ReauthRequestEmailCode(ctx context.Context) (ticket string, err error) {
	return c.ticket(ctx, "/api/auth/reauth/email-code/options", struct{}{})
}

// ReauthEmailCode is described at ReauthRequestEmailCode.
func (c *Client) ReauthEmailCode(ctx context.Context, ticket, code, action string) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/auth/reauth/email-code", ticket, proofBody{Code: code, Action: action})
}

// ProveSignUp takes the code that BeginSignUp had mailed, where it returned no
// options: it returns the ticket and the options that the sign-up goes on with.
func (c *Client) ProveSignUp(ctx context.Context, ticket, code string) (proven string, options []byte, err error) {
	out, err := c.begin(ctx, http.MethodPost, "/api/auth/signup/verify", ticket, proofBody{Code: code})
	return out.Ticket, out.Creation.PublicKey, err
}

// BeginSignUpPasskey returns new options for the ticket of ProveSignUp.
func (c *Client) BeginSignUpPasskey(ctx context.Context, ticket string) (options []byte, err error) {
	out, err := c.begin(ctx, http.MethodPost, "/api/auth/signup/passkey/options", ticket, struct{}{})
	return out.Creation.PublicKey, err
}

// FinishSignUpPassword makes an account with a password for the ticket of
// ProveSignUp, and signs in.
func (c *Client) FinishSignUpPassword(ctx context.Context, ticket, password string) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/auth/signup", ticket, proofBody{Password: password})
}

// ForgotPassword has a link mailed that resets the password.
func (c *Client) ForgotPassword(ctx context.Context, email string) error {
	return c.call(ctx, http.MethodPost, "/api/auth/password/forgot", "", emailBody{email}, &struct{}{})
}

// ResetPassword sets a new password with the code of the mailed link.
func (c *Client) ResetPassword(ctx context.Context, code, password string) error {
	in := struct {
		Code     string `json:"code"`
		Password string `json:"password"`
	}{code, password}
	return c.call(ctx, http.MethodPost, "/api/auth/password/reset", "", in, &struct{}{})
}

// RequestVerification has a code mailed to the user's address, which is not
// proven, and VerifyEmail takes it.
func (c *Client) RequestVerification(ctx context.Context) (ticket string, err error) {
	return c.ticket(ctx, "/api/account/email/code", struct{}{})
}

// VerifyEmail is described at RequestVerification.
func (c *Client) VerifyEmail(ctx context.Context, ticket, code string) (Account, error) {
	return c.account(ctx, http.MethodPost, "/api/account/email/verify", ticket, proofBody{Code: code})
}
