package client

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// Event is one thing that happened to the user's account.
type Event struct {
	ID         string
	At         time.Time
	Type       string
	Method     string // empty: none was involved
	Credential string // ID of the passkey, base64url
	Reason     string // why it failed
	SessionID  string `json:"session_id"`
	Address    string
	UserAgent  string `json:"user_agent"`
	RequestID  string `json:"request_id"`
	App        bool
}

// Events returns a page of at most limit events (zero: as many as the server
// likes), newest first, before the event with that ID (empty: from the newest);
// and what to ask for the next page with, empty where there is none.
func (c *Client) Events(ctx context.Context, before string, limit int) (page []Event, next string, err error) {
	query := url.Values{}
	if before != "" {
		query.Set("before", before)
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var out struct {
		Events []Event
		Next   string
	}
	err = c.read(ctx, "/api/account/events?"+query.Encode(), &out)
	return out.Events, out.Next, err
}
