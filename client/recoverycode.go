package client

import (
	"context"
	"net/http"
)

// codes posts what is answered with recovery codes.
func (c *Client) codes(ctx context.Context, path, ticket string, in any) ([]string, error) {
	var out struct {
		RecoveryCodes []string `json:"recovery_codes"`
	}
	err := c.call(ctx, http.MethodPost, path, ticket, in, &out)
	return out.RecoveryCodes, err
}

// RecoveryCodesLeft returns how many of the user's recovery codes are unused.
func (c *Client) RecoveryCodesLeft(ctx context.Context) (int, error) {
	var out struct{ Left int }
	err := c.read(ctx, "/api/account/recovery-codes", &out)
	return out.Left, err
}

// NewRecoveryCodes replaces the user's recovery codes; the session has to be
// fresh.
func (c *Client) NewRecoveryCodes(ctx context.Context) ([]string, error) {
	return c.codes(ctx, "/api/account/recovery-codes", "", struct{}{})
}
