package mapae

import "time"

// Identity is an account elsewhere that its user can sign in with. Provider and
// Subject name it for good; an e-mail address never does.
type Identity struct {
	Provider   string // the name of the provider, as it is configured
	Subject    string // the provider's own ID of the account, which it never gives to another
	UserID     UserID
	Email      string // as the provider last told it, shown to its user; proves nothing
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
}
