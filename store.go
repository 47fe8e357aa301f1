package mapae

import (
	"context"
	"errors"
	"time"
)

// What a store answers. Any other error of a store means that it is broken or
// out of reach: callers get CodeUnavailable, and nothing is counted.
var (
	ErrNotFound = errors.New("mapae: not found")      // no such row, or not that owner's
	ErrExists   = errors.New("mapae: already exists") // a unique value is taken
)

// Store keeps all that Mapae remembers. Reads stand alone and see what was
// committed; every write goes through Update or Admit. It is safe for
// concurrent use, and what it acknowledged survives a kill of the process.
//
// Times are stored in microseconds; text is UTF-8 and kept byte for byte.
// Package storetest has this contract as tests.
type Store interface {
	Reader

	// Update runs f in one transaction: all of its writes, or, when f or any
	// write in it returns an error, none. f may run more than once: it does no
	// I/O of its own and no slow work. It returns f's error, or the store's.
	Update(ctx context.Context, f func(Tx) error) error

	// Admit runs Tx.Admit in a transaction of its own.
	Admit(ctx context.Context, a Admission) (Verdict, error)

	// Sweep removes one batch of at most plan.Limit rows of each kind that
	// plan names, and returns how many it removed. For spent things it records
	// the newest end of each kind that it removed, in the same transaction:
	// Spend refuses what ends at or before the mark of its kind.
	Sweep(ctx context.Context, plan SweepPlan) (removed int, err error)

	Close() error
}

// Reader is what can be read outside and inside a transaction.
type Reader interface {
	// Ping answers nil when the store can be read.
	Ping(ctx context.Context) error

	// User returns the user with that ID, or ErrNotFound.
	User(ctx context.Context, id UserID) (User, error)
	// UserByLogin returns the user whose LoginKey is key, or ErrNotFound.
	UserByLogin(ctx context.Context, key string) (User, error)

	// Credential returns the credential with that credential ID and its user,
	// or ErrNotFound.
	Credential(ctx context.Context, id []byte) (Credential, User, error)
	// Credentials returns a user's credentials, newest first.
	Credentials(ctx context.Context, user UserID) ([]Credential, error)

	// Session returns the live session id and its user if tokenHash is its
	// token's: the user is enabled and of the same epoch, and neither of the
	// two ends is at or before now. Else ErrNotFound.
	Session(ctx context.Context, id SessionID, tokenHash [32]byte, now time.Time) (Session, User, error)
	// Sessions returns a user's live sessions, newest first.
	Sessions(ctx context.Context, user UserID, now time.Time) ([]Session, error)

	// Events returns at most limit events, newest first: of one user, or of
	// all where user is empty; only those before the given ID where it is not
	// empty.
	Events(ctx context.Context, user UserID, before EventID, limit int) ([]Event, error)

	// KeyChecks returns the root keys that the store's secrets were sealed
	// under, ordered by ID.
	KeyChecks(ctx context.Context) ([]KeyCheck, error)
}

// Tx is a transaction. It is valid only inside the function it was given to.
type Tx interface {
	Reader

	// LockUser reads the user and holds its row until the transaction ends.
	// Whatever changes what a user can sign in with locks the user first.
	LockUser(ctx context.Context, id UserID) (User, error)
	// AddUser adds a user. ErrExists: the ID, the LoginKey or the ExternalID
	// is taken; the transaction goes on.
	AddUser(ctx context.Context, u User) error
	// UpdateUser writes all members of u but ID and CreatedAt; ErrNotFound,
	// or ErrExists as AddUser.
	UpdateUser(ctx context.Context, u User) error
	// DeleteUser removes a user and all that is theirs but events, or
	// ErrNotFound.
	DeleteUser(ctx context.Context, id UserID) error

	// AddCredential adds a credential. ErrExists: its credential ID is
	// registered, by whomever; the transaction goes on.
	AddCredential(ctx context.Context, c Credential) error
	// RenameCredential and RemoveCredential act on a user's own credential,
	// or answer ErrNotFound.
	RenameCredential(ctx context.Context, user UserID, id []byte, name string) error
	RemoveCredential(ctx context.Context, user UserID, id []byte) error

	// TouchSession moves SeenAt and IdleEndsAt of a session forward, never
	// back; a session that is gone is no error.
	TouchSession(ctx context.Context, id SessionID, seenAt, idleEndsAt time.Time) error
	// EndSession removes a user's own session, or answers ErrNotFound.
	EndSession(ctx context.Context, user UserID, id SessionID) error
	// EndSessions removes all sessions of a user but the one given (empty:
	// all) and returns how many.
	EndSessions(ctx context.Context, user UserID, but SessionID) (int, error)

	// Spend marks a one-time thing as used, by an insert that only the first
	// caller wins. False: it was used before, or ended at or before what was
	// swept, so that nobody can know.
	Spend(ctx context.Context, s Spend) (bool, error)
	// Admit is the end of every sign-in, see Admission.
	Admit(ctx context.Context, a Admission) (Verdict, error)
	// AddEvent appends an event.
	AddEvent(ctx context.Context, e Event) error

	// AddKeyCheck and RemoveKeyCheck keep the list of KeyChecks. Adding one
	// that is listed with the same check is no error, with another ErrExists;
	// removing one that is not listed is ErrNotFound.
	AddKeyCheck(ctx context.Context, k KeyCheck) error
	RemoveKeyCheck(ctx context.Context, id string) error
}

// SpendKind is the kind of a one-time thing; nonces of different kinds do not
// meet.
type SpendKind uint8

const (
	SpendChallenge SpendKind = 1
	SpendTicket    SpendKind = 2
)

// Spend names a one-time thing.
type Spend struct {
	Kind  SpendKind
	ID    []byte    // its nonce, 1 to 64 bytes
	Until time.Time // its sealed end
}

// KeyCheck lists a root key in the store without telling anything about it.
type KeyCheck struct {
	ID    string // short public name, derived from the key
	Check []byte // 16 bytes derived from the key
}

// SweepPlan names what has outlived its use. A zero time leaves that kind
// alone.
type SweepPlan struct {
	SpentBefore    time.Time // spent things whose end is before this
	SessionsBefore time.Time // sessions with an end at or before this
	EventsBefore   time.Time // events older than this
	Limit          int       // rows of each kind in this batch, at least 1
}
