package mapae

import "time"

// SecretKind is what a Secret is for.
type SecretKind string

const (
	SecretPassword     SecretKind = "password"      // Data: an Argon2id hash with its parameters
	SecretTOTP         SecretKind = "totp"          // Data: the sealed key; Step: the last time step used
	SecretRecoveryCode SecretKind = "recovery_code" // Data: HMAC of one code; UsedAt: when it was spent
)

// Secret is one thing that a user knows or holds besides credentials: a
// password, an authenticator app's key, or one recovery code. Nothing in it can
// be used without a key that is outside the database, a password's hash
// excepted.
type Secret struct {
	ID        string // 16 raw bytes, the first eight the time of creation
	UserID    UserID
	Kind      SecretKind
	Data      []byte // at most 1 KiB
	KeyID     string // the root key that Data depends on; empty: none
	Step      int64
	CreatedAt time.Time
	UsedAt    time.Time // zero: not used
}
