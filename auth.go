package mapae

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mapae/mapae/webauthn"
)

// Client is what the face that took a request knows about who asks.
type Client struct {
	App      bool       // an app with bearer tokens; false: a browser with cookies
	Bindings [][32]byte // SHA-256 of each ceremony cookie it sent; Begin… seals the first

	Device string // what the browser keeps of Admitted.Device; empty: nothing

	Address   string // for events: IP address
	UserAgent string // for events: cut at 256 bytes
	RequestID string
}

// Current is a live session and the user that it belongs to.
type Current struct {
	User    User
	Session Session
}

// Admitted is the end of a sign-up, a sign-in or a step-up.
type Admitted struct {
	User       User
	Session    Session
	Token      string     // the session's new token, "ms_…": for the client only, never stored
	Credential Credential // the passkey that was used or made, as it was before this use; zero: none

	RecoveryCodes []string // made with the first passkey, to be shown once; nil: none were made
	Device        string   // for the browser to keep for long and to bring along as Client.Device; empty: nothing new
	Ticket        string   // of a step-up for an Action: allows it once; empty: none was asked for

	Suggest []Suggestion // what to offer next; nil: nothing
}

// now is the clock in the precision that stores keep.
func (a *Auth) now() time.Time { return a.cfg.Clock().UTC().Truncate(time.Microsecond) }

// random fills b. A failing source stops the caller: nothing predictable is
// ever handed out.
func (a *Auth) random(b []byte) {
	if _, err := io.ReadFull(a.cfg.Rand, b); err != nil {
		panic(fmt.Errorf("mapae: random source: %w", err))
	}
}

// orderedID returns 16 bytes: the time in microseconds and 64 random bits, so
// that rows are appended in the order in which they are made.
func (a *Auth) orderedID(at time.Time) string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixMicro()))
	a.random(id[8:])
	return string(id[:])
}

// event returns an event of client that happens now.
func (a *Auth) event(c Client, t EventType, user UserID) Event {
	at := a.now()
	return Event{
		ID: EventID(a.orderedID(at)), At: at, Type: t, UserID: user, Method: MethodPasskey,
		Address: c.Address, UserAgent: clip(c.UserAgent), RequestID: c.RequestID, App: c.App,
	}
}

// notify tells Config.Notify of committed events.
func (a *Auth) notify(ctx context.Context, events ...Event) {
	if a.cfg.Notify == nil {
		return
	}
	for _, e := range events {
		a.cfg.Notify(ctx, e)
	}
}

// record appends e on its own, and returns err; or CodeUnavailable where the
// store fails.
func (a *Auth) record(ctx context.Context, e Event, err error) error {
	if failed := a.store.Update(ctx, func(tx Tx) error { return tx.AddEvent(ctx, e) }); failed != nil {
		return broken("record an event", failed)
	}
	a.notify(ctx, e)
	return err
}

// reason is the word for err that stands in events: the check that failed, and
// behind a colon why, where an attestation policy says so.
func reason(err error) string {
	var w *webauthn.Error
	if !errors.As(err, &w) {
		return "error"
	}
	var policy interface{ Reason() string }
	if errors.As(err, &policy) {
		return string(w.Check) + ":" + policy.Reason()
	}
	return string(w.Check)
}

// maxAgent is how many bytes of a User-Agent are kept.
const maxAgent = 256

// clip cuts text at maxAgent bytes, at a character's end, and drops what a
// store need not hold.
func clip(text string) string {
	text = strings.ReplaceAll(text, "\x00", "")
	if len(text) <= maxAgent {
		return strings.ToValidUTF8(text, "")
	}
	end := maxAgent
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.ToValidUTF8(text[:end], "")
}

// tokenSecret is the size in bytes of the secret part of a session token.
const tokenSecret = 32

// newToken returns a token for the session id and the hash that is stored: the
// token is "ms_" and base64url of the ID and 32 random bytes.
func (a *Auth) newToken(id SessionID) (token string, hash [32]byte) {
	raw := make([]byte, len(id)+tokenSecret)
	copy(raw, id)
	secret := raw[len(id):]
	a.random(secret)
	return SessionPrefix + encode64(raw), sha256.Sum256(secret)
}

// encode64 is b as base64url without padding; what is short takes no memory but
// its text.
func encode64(b []byte) string {
	return string(base64.RawURLEncoding.AppendEncode(make([]byte, 0, 256), b))
}

// parseToken is the reverse of newToken; false: it is not a token of ours.
func parseToken(token string) (id SessionID, hash [32]byte, ok bool) {
	const idSize = 16
	body, ok := strings.CutPrefix(token, SessionPrefix)
	if !ok || len(body) != base64.RawURLEncoding.EncodedLen(idSize+tokenSecret) || strings.ContainsAny(body, "\r\n") {
		return "", hash, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil {
		return "", hash, false
	}
	return SessionID(raw[:idSize]), sha256.Sum256(raw[idSize:]), true
}
