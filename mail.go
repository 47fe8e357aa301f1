package mapae

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// MailKind is what a mail says. Package mail has a template of that name for
// each but MailNobody.
type MailKind string

const (
	MailSignUpCode   MailKind = "signup_code"   // Code proves the address of an account that is to be made
	MailSignUpTaken  MailKind = "signup_taken"  // somebody tried to sign up with the address of an account; Link: where to sign in
	MailSignInCode   MailKind = "signin_code"   // Code signs in
	MailReauthCode   MailKind = "reauth_code"   // Code steps up a session
	MailReset        MailKind = "reset"         // Link sets a new password
	MailResetUnable  MailKind = "reset_unable"  // a reset was asked for, and the account has no password; Link: where to sign in
	MailVerifyEmail  MailKind = "verify_email"  // Code proves a new address
	MailInvitation   MailKind = "invitation"    // Link signs up
	MailSignInLink   MailKind = "signin_link"   // Link signs in once; the operator asked for it
	MailRecoveryCode MailKind = "recovery_code" // Code is a proof in a recovery
	MailRecovery     MailKind = "recovery"      // a recovery waits; Link goes on with it from EndsAt, UndoLink cancels it
	MailNotice       MailKind = "notice"        // Event says of what; Link: "This was not me"
	MailEmailChanged MailKind = "email_changed" // to the old address; UndoLink, if any, takes the change back until EndsAt
	MailNobody       MailKind = "nobody"        // to an address without an account: the same work, never sent
)

// limited reports whether somebody who is not signed in can cause a mail of
// this kind, or can cause one to any address: then an address gets few of them.
// What warns the owner of an account is never held back by such a limit.
func (k MailKind) limited() bool {
	switch k {
	case MailInvitation, MailSignInLink, MailRecovery, MailNotice, MailEmailChanged:
		return false
	}
	return true
}

// expires reports whether a mail of this kind is of no use after its EndsAt.
func (k MailKind) expires() bool {
	return k != MailRecovery && k != MailNotice && k != MailEmailChanged
}

// MailID orders mails by time: 16 raw bytes, the first eight the time in
// microseconds, big-endian.
type MailID string

// String returns the ID as base64url without padding.
func (id MailID) String() string { return encode64([]byte(id)) }

// Mail is one row of the outbox. What it says is sealed: codes and links never
// lie in the store in the clear.
type Mail struct {
	ID        MailID
	UserID    UserID // empty: nobody's; else the mail goes with its user
	To        string // address, at most 254 bytes; empty for MailNobody
	Kind      MailKind
	Locale    string // BCP 47 tag; empty: not known
	Data      []byte // sealed
	CreatedAt time.Time
	DueAt     time.Time // not tried before
	Attempts  int       // how often it was claimed
	LastError string    // of the last attempt, at most 256 bytes; empty: none failed
}

// Message is a Mail opened, as a Mailer gets it. Which members are set depends
// on Kind.
type Message struct {
	ID       MailID // the same at each attempt
	To       string // one bare address
	Kind     MailKind
	Locale   string // BCP 47 tag; empty: not known
	Site     string // RelyingParty.Name
	Name     string // of the person; empty: not known
	Code     string // to be typed
	Link     string // absolute URL
	UndoLink string // absolute URL
	EndsAt   time.Time
	Event    *Event    // what a notice is about
	Device   string    // what it is about, as its user knows it: the name of a passkey, a provider, an address
	At       time.Time // when it was written
}

// Mailer sends mail; package mail has one for SMTP.
type Mailer interface {
	// Send hands m over for delivery and returns nil once it was accepted. An
	// error that wraps ErrUndeliverable says that trying again is of no use.
	Send(ctx context.Context, m Message) error
}

// ErrUndeliverable is wrapped by a Mailer's error where trying again is of no
// use: the address was refused for good, or the message can't be written.
var ErrUndeliverable = errors.New("mapae: undeliverable")

// Limits on mail of kinds that strangers can cause.
const (
	mailsPerWindow = 5
	mailWindow     = time.Hour
)

// letter is a mail that a flow asks for. Kind and To must be set.
type letter struct {
	Kind     MailKind
	User     User // whose mail it is; zero: nobody's. Gives UserID, Name, and Locale where Locale is empty
	To       string
	Locale   string // empty: the user's
	Name     string // empty: the user's
	Code     string
	Link     string
	UndoLink string
	EndsAt   time.Time
	Event    *Event
	Device   string
}

// letterData is what is sealed of a letter. ID, kind and address are in it so
// that nobody who can write to the store can send it elsewhere.
type letterData struct {
	ID       []byte    `json:"i"`
	To       string    `json:"t"`
	Kind     MailKind  `json:"k"`
	Name     string    `json:"n,omitempty"`
	Code     string    `json:"c,omitempty"`
	Link     string    `json:"l,omitempty"`
	UndoLink string    `json:"u,omitempty"`
	EndsAt   time.Time `json:"e"`
	Event    *Event    `json:"v,omitempty"`
	Device   string    `json:"d,omitempty"`
}

// mail puts l in the outbox, as a part of the transaction of what it is about:
// Deliver sends it after the commit, so no request waits for a mail server. A
// flow calls it as the last thing of its transaction.
//
// Where a request must not tell whether an account exists, the flow asks for
// MailNobody to the address that was typed: the same limit is counted, a row is
// sealed and written, and Deliver drops it.
//
// Of the kinds that strangers can cause an address gets five an hour, counted
// in the store so that all nodes share it. What is over is dropped without an
// error: the flow answers as ever. Without Config.Mailer mail does nothing.
// The only errors are the store's.
func (a *Auth) mail(ctx context.Context, tx Tx, l letter) error {
	if a.cfg.Mailer == nil {
		return nil
	}
	if l.Kind.limited() {
		if ok, err := a.countMail(ctx, tx, l.To); err != nil || !ok {
			return err
		}
	}
	at := a.now()
	m := Mail{ID: MailID(a.orderedID(at)), UserID: l.User.ID, To: l.To, Kind: l.Kind, Locale: or(l.Locale, l.User.Locale), CreatedAt: at, DueAt: at}
	if l.Kind == MailNobody {
		m.To = "" // what strangers type is not kept
	}
	data := letterData{ID: []byte(m.ID), To: m.To, Kind: m.Kind, Name: or(l.Name, l.User.Name), Code: l.Code, Link: l.Link, UndoLink: l.UndoLink,
		EndsAt: l.EndsAt, Event: l.Event, Device: l.Device}
	plain, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("mapae: encode a mail: %w", err)
	}
	m.Data = a.ring.Load().Seal(sealMail, plain)
	return tx.AddMail(ctx, m)
}

// countMail counts a mail to an address, unless it has had its share: five, then
// none until an hour after the first of them.
func (a *Auth) countMail(ctx context.Context, tx Tx, to string) (bool, error) {
	key := a.mailKey(to)
	f, err := tx.LockFailures(ctx, key)
	if err != nil {
		return false, err
	}
	now := a.now()
	if !f.Until.After(now) {
		f = Failures{Until: now.Add(mailWindow)}
	}
	if f.Count >= mailsPerWindow {
		return false, nil
	}
	f.Count, f.At = f.Count+1, now
	return true, tx.SetFailures(ctx, key, f)
}

// mailKey names the count of mails to an address, however it is written.
func (a *Auth) mailKey(to string) [32]byte {
	if key, err := loginKey(to); err == nil {
		to = key
	}
	return a.ring.Load().throttleMAC([]byte("mail\x00" + to))
}

// message opens m; false: it can't be opened, or was not sealed for that row.
func (a *Auth) message(m Mail) (Message, bool) {
	plain, _, err := a.ring.Load().Open(sealMail, m.Data)
	if err != nil {
		return Message{}, false
	}
	var d letterData
	if err := json.Unmarshal(plain, &d); err != nil || MailID(d.ID) != m.ID || d.To != m.To || d.Kind != m.Kind {
		return Message{}, false
	}
	return Message{ID: m.ID, To: m.To, Kind: m.Kind, Locale: m.Locale, Site: a.cfg.RP.Name, Name: d.Name, Code: d.Code, Link: d.Link,
		UndoLink: d.UndoLink, EndsAt: d.EndsAt, Event: d.Event, Device: d.Device, At: m.CreatedAt}, true
}
