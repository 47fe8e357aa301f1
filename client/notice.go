package client

import (
	"context"
	"net/http"
	"time"
)

// Disowned is what "This was not me" led to. The ticket goes on with a recovery.
type Disowned struct {
	Ticket      string
	Ready       bool      // as RecoveryStep's
	FrozenUntil time.Time `json:"frozen_until"`
	Suspended   bool      // the passkey that it was about can't be used any more
}

// byCode posts the code of a link.
func (c *Client) byCode(ctx context.Context, path, code string, out any) error {
	return c.call(ctx, http.MethodPost, path, "", struct {
		Code string `json:"code"`
	}{code}, out)
}

// DisownNotice says "This was not me" with the code in the link of a notice.
func (c *Client) DisownNotice(ctx context.Context, code string) (Disowned, error) {
	var out Disowned
	err := c.byCode(ctx, "/api/notice/not-me", code, &out)
	return out, err
}

// UndoEmail takes a change of address back with the code in the link of the
// mail to the old one.
func (c *Client) UndoEmail(ctx context.Context, code string) (Disowned, error) {
	var out Disowned
	err := c.byCode(ctx, "/api/notice/undo-email", code, &out)
	return out, err
}

// DisownRecovery cancels a recovery that waits, with the code in the link of
// the mail about it.
func (c *Client) DisownRecovery(ctx context.Context, code string) error {
	return c.byCode(ctx, "/api/notice/cancel-recovery", code, &struct{}{})
}

// SignInByLink signs in with the code in a link of the operator's. Where a
// second step is due the error is an *Error that has it.
func (c *Client) SignInByLink(ctx context.Context, code string) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/auth/sign-in-link", "", proofBody{Code: code})
}

// Unfreeze takes back what DisownNotice did, in a session that has just used a
// passkey.
func (c *Client) Unfreeze(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "/api/account/freeze", "", nil, &struct{}{})
}
