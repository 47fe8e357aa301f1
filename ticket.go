package mapae

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Prefixes of what clients carry, so that one is never taken for another.
const (
	TicketPrefix  = "mt_"
	SessionPrefix = "ms_"
)

// maxTicket bounds what is read as a ticket, in bytes of text.
const maxTicket = 4096

// ticket is what a half-finished flow needs between two requests. It is sealed
// and carried by the client; it is never a session.
type ticket struct {
	Purpose purpose  `json:"p"`
	App     bool     `json:"a,omitempty"`
	Issued  int64    `json:"i"` // Unix microseconds: of the same length for everybody
	Ends    int64    `json:"e"`
	Binding [32]byte `json:"b,omitzero"`
	UserID  []byte   `json:"u,omitempty"`
	Login   string   `json:"l,omitempty"`
	Name    string   `json:"n,omitempty"` // of a person; of a step-up, its action
	Locale  string   `json:"c,omitempty"`
	Grant   *grant   `json:"g,omitempty"`

	Epoch  int64          `json:"ep,omitempty"` // of UserID when it was issued; another one ends it
	Key    []byte         `json:"k,omitempty"`  // set-up of an authenticator app
	First  *Use           `json:"f,omitempty"`  // second step: what was proven in the first
	Assert *CredentialUse `json:"x,omitempty"`  // second step: what the first step's passkey changes
	Proofs []MethodName   `json:"q,omitempty"`  // recovery: what was proven so far

	Provider   string   `json:"v,omitempty"` // trip to a provider: its name
	Next       string   `json:"w,omitempty"` // trip: where to go afterwards
	Invitation string   `json:"in,omitempty"`
	Session    [32]byte `json:"s,omitzero"`   // trip that ends in a session: its binding
	Identity   *linkage `json:"id,omitempty"` // sign-up by a provider that vouches for no address
	Proven     int64    `json:"t,omitempty"`  // undo of a change: when the address was proven, Unix microseconds

	nonce []byte // of the seal; set by openTicket
}

// grant is another one-time thing that is spent together with a ticket: the
// invitation that allowed a sign-up.
type grant struct {
	Nonce  []byte    `json:"n"`
	EndsAt time.Time `json:"e"`
}

// sealTicket issues t: it sets the time of issue and the end.
func (a *Auth) sealTicket(t ticket, life time.Duration) (string, error) {
	return a.sealUnder(sealTicket, TicketPrefix, t, life)
}

// sealUnder seals t for a purpose of the key ring, as text with a prefix.
func (a *Auth) sealUnder(what, prefix string, t ticket, life time.Duration) (string, error) {
	now := a.now()
	t.Issued, t.Ends = now.UnixMicro(), now.Add(life).UnixMicro()
	plain, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("mapae: encode a ticket: %w", err)
	}
	return prefix + encode64(a.ring.Load().Seal(what, plain)), nil
}

// openTicket opens text and checks purpose, life and that it came back from the
// client that it was issued to; nil: tickets of this purpose are not bound.
// Every failure is CodeCeremonyInvalid.
func (a *Auth) openTicket(text string, want purpose, client *Client) (ticket, error) {
	t, err := a.openUnder(sealTicket, TicketPrefix, text)
	if err == nil && t.Purpose != want {
		err = fmt.Errorf("purpose %d, want %d", t.Purpose, want)
	}
	if err == nil {
		err = a.checkLife(time.UnixMicro(t.Issued), t.endsAt())
	}
	if err == nil && client != nil {
		err = checkBinding(t.App, t.Binding, *client, nil)
	}
	if err != nil {
		return ticket{}, fail(CodeCeremonyInvalid, fmt.Errorf("ticket: %w", err))
	}
	return t, nil
}

// openUnder reads what sealUnder sealed.
func (a *Auth) openUnder(what, prefix, text string) (t ticket, err error) {
	body, ok := strings.CutPrefix(text, prefix)
	if !ok || len(text) > maxTicket || strings.ContainsAny(body, "\r\n") {
		return ticket{}, errors.New("not one of ours")
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil {
		return ticket{}, err
	}
	plain, nonce, err := a.ring.Load().Open(what, sealed)
	if err != nil {
		return ticket{}, err
	}
	t.nonce = nonce
	return t, json.Unmarshal(plain, &t)
}

// openUserTicket opens a ticket of a user: that user is enabled, and of the
// epoch that the ticket was issued under.
func (a *Auth) openUserTicket(ctx context.Context, text string, want purpose, client Client) (ticket, User, error) {
	t, err := a.openTicket(text, want, &client)
	if err != nil {
		return ticket{}, User{}, err
	}
	u, err := a.store.User(ctx, UserID(t.UserID))
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return ticket{}, User{}, broken("read a user", err)
	case err != nil || u.Disabled() || u.Epoch != t.Epoch:
		return ticket{}, User{}, fail(CodeCeremonyInvalid, errors.New("ticket: the user has changed"))
	}
	return t, u, nil
}

// openSessionTicket opens a ticket that was issued in the session cur.
func (a *Auth) openSessionTicket(text string, want purpose, client Client, cur Current) (ticket, error) {
	t, err := a.openTicket(text, want, nil)
	if err != nil {
		return ticket{}, err
	}
	if err := checkBinding(t.App, t.Binding, client, &cur.Session); err != nil {
		return ticket{}, fail(CodeCeremonyInvalid, fmt.Errorf("ticket: %w", err))
	}
	if UserID(t.UserID) != cur.User.ID || t.Epoch != cur.User.Epoch {
		return ticket{}, fail(CodeCeremonyInvalid, errors.New("ticket: the user has changed"))
	}
	return t, nil
}

// errTicketSpent undoes a transaction in which a ticket turned out to be used.
var errTicketSpent = fail(CodeCeremonyInvalid, errors.New("the ticket was used before"))

// consume spends t, or answers errTicketSpent.
func (t ticket) consume(ctx context.Context, tx Tx) error {
	ok, err := tx.Spend(ctx, t.spend())
	if err == nil && !ok {
		return errTicketSpent
	}
	return err
}

// spend is what the success of t spends.
func (t ticket) spend() Spend { return Spend{Kind: SpendTicket, ID: t.nonce, Until: t.endsAt()} }

func (t ticket) endsAt() time.Time { return time.UnixMicro(t.Ends).UTC() }

// ticketHash binds a challenge to the ticket that it was issued with.
func ticketHash(text string) [32]byte { return sha256.Sum256([]byte(text)) }
