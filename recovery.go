package mapae

import "time"

// Recovery is a recovery that waits: one proof was given, and unless somebody
// who is signed in cancels it, whoever has the claim may bind a new passkey
// from ReadyAt on. A user has one at most.
type Recovery struct {
	UserID    UserID
	ClaimHash [32]byte   // SHA-256 of the claim, which was shown once
	Proof     MethodName // the proof that was given
	CreatedAt time.Time
	ReadyAt   time.Time
	EndsAt    time.Time
}
