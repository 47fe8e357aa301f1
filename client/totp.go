package client

import (
	"context"
	"net/http"
)

// TOTPSetup is what a person puts into an authenticator app.
type TOTPSetup struct {
	Ticket string
	Secret string // base32
	URI    string // "otpauth://totp/…"
	QR     string // the URI as a picture: an SVG in a data URI
}

// BeginTOTP makes the key of an authenticator app; the session has to be fresh.
func (c *Client) BeginTOTP(ctx context.Context) (TOTPSetup, error) {
	var out TOTPSetup
	err := c.call(ctx, http.MethodPost, "/api/account/totp", "", struct{}{}, &out)
	return out, err
}

// FinishTOTP stores the key once the app has shown a code for it. It returns
// recovery codes where the user had none.
func (c *Client) FinishTOTP(ctx context.Context, ticket, code string) (recoveryCodes []string, err error) {
	return c.codes(ctx, "/api/account/totp/confirm", ticket, proofBody{Code: code})
}

// RemoveTOTP removes the user's authenticator app; the session has to be fresh.
func (c *Client) RemoveTOTP(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "/api/account/totp", "", nil, &struct{}{})
}
