package mapae

import (
	"encoding/base64"
	"time"
)

// UserID is the WebAuthn user handle of an account: 1 to 64 raw bytes, never
// text. New accounts get 32 random bytes; imported handles are kept byte for
// byte. It holds nothing personal and never changes.
type UserID string

// String returns the user handle as base64url without padding, the form that
// JSON answers and logs show.
func (id UserID) String() string { return encode64([]byte(id)) }

// MarshalText and UnmarshalText read and write the form of String.
func (id UserID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is described at MarshalText.
func (id *UserID) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	*id = UserID(raw)
	return err
}

// User is an account.
type User struct {
	ID              UserID
	Login           string    // what the person types to be found, shown as typed
	LoginKey        string    // Login in its canonical form: unique among all users
	Email           string    // where mail goes; empty: none is known
	EmailVerifiedAt time.Time // zero: nobody has proven the address
	EmailKey        string    // Email in canonical form once it is proven: unique among all users; empty: not proven
	Name            string    // how the person is called, 1 to 64 characters
	Locale          string    // BCP 47 tag of the language chosen, empty: not chosen
	ExternalID      string    // the host application's own ID for this user, unique where it is not empty
	Epoch           int64     // raised by what must end every session and ticket
	CreatedAt       time.Time
	DisabledAt      time.Time // zero: enabled
	FrozenUntil     time.Time // what the user signs in with can't be changed before; zero: it can
	OfferAfter      time.Time // no passkey is offered before; zero: one is, year 9999: never again
}

// Disabled reports whether the account may not sign in.
func (u User) Disabled() bool { return !u.DisabledAt.IsZero() }
