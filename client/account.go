package client

import (
	"context"
	"net/http"
	"time"
)

// Account is how a user can sign in, and what is known of them.
type Account struct {
	User              User
	EmailVerifiedAt   *time.Time `json:"email_verified_at"` // nil: not proven
	Locale            string
	CreatedAt         time.Time `json:"created_at"`
	Methods           []string  // that the site offers
	Passkeys          []Passkey // newest first
	Password          bool
	TOTP              bool
	RecoveryCodesLeft int       `json:"recovery_codes_left"`
	Recovery          *Recovery // waits, and can be cancelled; nil: none
}

// Recovery is a recovery that waits, as the account's user sees it.
type Recovery struct {
	Proof     string
	CreatedAt time.Time `json:"created_at"`
	ReadyAt   time.Time `json:"ready_at"`
}

// AccountChange is what to change; a nil member stays as it is.
type AccountChange struct {
	Name   *string `json:"name,omitempty"`
	Locale *string `json:"locale,omitempty"`
}

func (c *Client) account(ctx context.Context, method, path, ticket string, in any) (Account, error) {
	var out struct{ Account Account }
	err := c.call(ctx, method, path, ticket, in, &out)
	return out.Account, err
}

// Account returns the account of who is signed in.
func (c *Client) Account(ctx context.Context) (Account, error) {
	return c.account(ctx, http.MethodGet, "/api/account", "", nil)
}

// ChangeAccount changes name and language.
func (c *Client) ChangeAccount(ctx context.Context, to AccountChange) (Account, error) {
	return c.account(ctx, http.MethodPatch, "/api/account", "", to)
}

// AnswerOffer declines the offer of a passkey: "not_now" for 30 days, "never"
// for good.
func (c *Client) AnswerOffer(ctx context.Context, answer string) error {
	in := struct {
		Answer string `json:"answer"`
	}{answer}
	return c.call(ctx, http.MethodPost, "/api/account/suggestions", "", in, &struct{}{})
}

// EmailChange is what a change of address goes on with.
type EmailChange struct {
	Ticket  string  // takes the code that was mailed to the new address; empty: the change is made
	Account Account // as it is now, without a ticket
}

// BeginChangeEmail asks for another address that the user signs in with, by the
// ticket of a step-up for ActionChangeEmail.
func (c *Client) BeginChangeEmail(ctx context.Context, ticket, email string) (EmailChange, error) {
	var out EmailChange
	err := c.call(ctx, http.MethodPost, "/api/account/email", ticket, emailBody{email}, &out)
	return out, err
}

// FinishChangeEmail takes the code that was mailed to the new address. This
// session goes on under a new token, all others end.
func (c *Client) FinishChangeEmail(ctx context.Context, ticket, code string) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/account/email/confirm", ticket, proofBody{Code: code})
}

// DeleteAccount removes the account, by the ticket of a step-up for
// ActionDeleteAccount.
func (c *Client) DeleteAccount(ctx context.Context, ticket string) error {
	if err := c.call(ctx, http.MethodDelete, "/api/account", ticket, nil, &struct{}{}); err != nil {
		return err
	}
	c.token.set("")
	return nil
}

// CancelRecovery ends a recovery of the account that waits.
func (c *Client) CancelRecovery(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "/api/account/recovery", "", nil, &struct{}{})
}
