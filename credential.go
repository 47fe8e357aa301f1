package mapae

import (
	"time"

	"github.com/mapae/mapae/webauthn"
)

// Credential is a passkey or security key as it is stored: the Level 3
// credential record (§4) and what Mapae keeps beside it.
type Credential struct {
	webauthn.Credential

	UserID        UserID
	RPID          string // the RP ID that it was made for
	Name          string // the person's name for it, 1 to 64 characters
	FirstFactor   bool   // may sign in on its own; else it is a second factor only
	CreatedAt     time.Time
	LastUsedAt    time.Time // zero: never
	LastUsedAgent string    // User-Agent of the last use, at most 256 bytes
	SuspendedAt   time.Time // its user doubts it: nobody signs in with it; zero: it may be used

	// ForeignHandle: another system made it under a user handle that is not
	// UserID, see Auth.Import. What its authenticator tells as user handle is not
	// compared: the credential ID, unique over all users, says whose it is.
	ForeignHandle bool
}

// CredentialUse is what a good assertion changes in a stored credential. The
// store applies it only to the credential ID of UserID, and compares SignCount
// with the value that it holds at that moment (Level 3 §7.2 step 22).
type CredentialUse struct {
	ID             []byte
	UserID         UserID
	SignCount      uint32
	BackupEligible bool
	BackupState    bool
	At             time.Time
	Agent          string // User-Agent, at most 256 bytes
}
