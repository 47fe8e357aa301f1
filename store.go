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
// Times are stored in microseconds. Text is valid UTF-8 without NUL, which
// callers see to and a store need not hold, and is kept byte for byte.
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
	// UserByEmail returns the user whose EmailKey is key, or ErrNotFound; so
	// for an empty key.
	UserByEmail(ctx context.Context, key string) (User, error)
	// UserByExternalID returns the user whose ExternalID is id, or
	// ErrNotFound; so for an empty one.
	UserByExternalID(ctx context.Context, id string) (User, error)

	// Users returns at most limit users, ordered by ID, and only those after
	// the given ID.
	Users(ctx context.Context, after UserID, limit int) ([]User, error)

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

	// Secrets returns a user's secrets of one kind, or of all where kind is
	// empty, ordered by ID.
	Secrets(ctx context.Context, user UserID, kind SecretKind) ([]Secret, error)
	// SecretByData returns the user's own secret of that kind whose Data is
	// data, used or not, or ErrNotFound; of several the one with the lowest ID.
	SecretByData(ctx context.Context, user UserID, kind SecretKind, data []byte) (Secret, error)
	// SecretsUnder returns at most limit secrets whose KeyID is keyID, whoever's
	// they are, ordered by ID, and only those after the given ID.
	SecretsUnder(ctx context.Context, keyID, after string, limit int) ([]Secret, error)
	// Failures returns what is counted under key, or the zero value.
	Failures(ctx context.Context, key [32]byte) (Failures, error)
	// Recovery returns the waiting recovery with that claim, and RecoveryOf
	// that of a user, or ErrNotFound. Whether it has ended is the caller's to
	// see.
	Recovery(ctx context.Context, claimHash [32]byte) (Recovery, error)
	RecoveryOf(ctx context.Context, user UserID) (Recovery, error)

	// Identity returns the identity of that provider and subject and its user,
	// or ErrNotFound.
	Identity(ctx context.Context, provider, subject string) (Identity, User, error)
	// Identities returns a user's identities, ordered by provider and subject.
	Identities(ctx context.Context, user UserID) ([]Identity, error)

	// Mails returns at most limit mails of the outbox, due or not, ordered by ID,
	// and only those after the given ID.
	Mails(ctx context.Context, after MailID, limit int) ([]Mail, error)

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
	// AddUser adds a user. ErrExists: the ID, the LoginKey, the EmailKey or the
	// ExternalID is taken; the transaction goes on.
	AddUser(ctx context.Context, u User) error
	// UpdateUser writes all members of u but ID and CreatedAt; ErrNotFound,
	// or ErrExists as AddUser.
	UpdateUser(ctx context.Context, u User) error
	// DeleteUser removes a user and all that is theirs, mail included, but
	// events; or answers ErrNotFound.
	DeleteUser(ctx context.Context, id UserID) error

	// AddCredential adds a credential. ErrExists: its credential ID is
	// registered, by whomever; the transaction goes on.
	AddCredential(ctx context.Context, c Credential) error
	// RenameCredential and RemoveCredential act on a user's own credential,
	// or answer ErrNotFound.
	RenameCredential(ctx context.Context, user UserID, id []byte, name string) error
	RemoveCredential(ctx context.Context, user UserID, id []byte) error
	// SuspendCredential sets SuspendedAt of a user's own credential; the zero
	// time lifts it. ErrNotFound: not there, or not theirs.
	SuspendCredential(ctx context.Context, user UserID, id []byte, at time.Time) error

	// AddSecret adds a secret; an ID that is there is an error of the store.
	AddSecret(ctx context.Context, s Secret) error
	// RemoveSecrets removes a user's secrets of one kind and returns how many.
	RemoveSecrets(ctx context.Context, user UserID, kind SecretKind) (int, error)
	// UseSecret marks a user's own secret as used, which only the first caller
	// can; at is after 1970. False: not there, not theirs, or used.
	UseSecret(ctx context.Context, user UserID, id string, at time.Time) (bool, error)
	// StepSecret raises the step of a user's own secret. False: not there, not
	// theirs, or its step is not below step.
	StepSecret(ctx context.Context, user UserID, id string, step int64) (bool, error)
	// ReplaceSecret writes Data and KeyID of s into the secret with its ID and
	// owner if that still holds the data old. False: it does not.
	ReplaceSecret(ctx context.Context, s Secret, old []byte) (bool, error)

	// LockFailures returns what is counted under key and holds it until the
	// transaction ends, where nothing is counted too: of several transactions
	// that count under one key each sees what the one before it set.
	LockFailures(ctx context.Context, key [32]byte) (Failures, error)
	// SetFailures sets what is counted under key, which is locked. A Count of
	// zero removes it.
	SetFailures(ctx context.Context, key [32]byte, f Failures) error

	// SetRecovery makes r the waiting recovery of its user, in the place of an
	// earlier one; a claim that is there already for another user is ErrExists.
	// RemoveRecovery removes a user's, or answers ErrNotFound.
	SetRecovery(ctx context.Context, r Recovery) error
	RemoveRecovery(ctx context.Context, user UserID) error

	// AddIdentity adds an identity. ErrExists: that provider's subject is
	// linked already, to whomever; the transaction goes on.
	AddIdentity(ctx context.Context, i Identity) error
	// RemoveIdentity and TouchIdentity, which moves LastUsedAt forward and
	// never back, act on a user's own identity, or answer ErrNotFound.
	RemoveIdentity(ctx context.Context, user UserID, provider, subject string) error
	TouchIdentity(ctx context.Context, user UserID, provider, subject string, at time.Time) error

	// AddMail puts a mail in the outbox; an ID that is there is an error of the
	// store. A UserID, where there is one, is of a user that the transaction
	// has locked or made.
	AddMail(ctx context.Context, m Mail) error
	// ClaimMail takes at most limit mails whose DueAt is at or before now, those
	// that are due longest first, and returns them ordered by ID. It raises
	// Attempts and moves DueAt to until, so that who claims next gets others;
	// of two transactions at the same time no two get the same.
	ClaimMail(ctx context.Context, now, until time.Time, limit int) ([]Mail, error)
	// RemoveMail removes a mail; DelayMail sets its DueAt and LastError.
	// ErrNotFound: it is gone.
	RemoveMail(ctx context.Context, id MailID) error
	DelayMail(ctx context.Context, id MailID, due time.Time, lastError string) error
	// ReplaceMail writes data into the mail with that ID if it still holds old.
	// False: it does not, or is gone.
	ReplaceMail(ctx context.Context, id MailID, data, old []byte) (bool, error)

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
	FailuresBefore time.Time // counts whose last try is older than this and that bar no try at this time any more
	RecoveryBefore time.Time // waiting recoveries whose end is at or before this
	Limit          int       // rows of each kind in this batch, at least 1
}
