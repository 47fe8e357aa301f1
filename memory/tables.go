package memory

import (
	"bytes"
	"time"

	"github.com/mapae/mapae"
)

// tables is all that a store holds.
type tables struct {
	users       map[mapae.UserID]mapae.User
	logins      map[string]mapae.UserID // LoginKey
	emails      map[string]mapae.UserID // EmailKey, where it is not empty
	externals   map[string]mapae.UserID // ExternalID, where it is not empty
	credentials map[string]mapae.Credential
	credsOf     map[mapae.UserID][]string
	sessions    map[mapae.SessionID]mapae.Session
	sessionsOf  map[mapae.UserID][]mapae.SessionID
	secrets     map[string]mapae.Secret
	secretsOf   map[mapae.UserID][]string
	failures    map[[32]byte]mapae.Failures
	recoveries  map[mapae.UserID]mapae.Recovery
	claims      map[[32]byte]mapae.UserID // ClaimHash
	identities  map[identityKey]mapae.Identity
	identsOf    map[mapae.UserID][]identityKey
	outbox      map[mapae.MailID]mapae.Mail
	events      []mapae.Event // ordered by ID
	spent       map[spentKey]struct{}
	swept       map[mapae.SpendKind]time.Time // newest end of a spent thing of that kind that was removed
	keys        map[string][]byte
}

func newTables() *tables {
	return &tables{
		users:       map[mapae.UserID]mapae.User{},
		logins:      map[string]mapae.UserID{},
		emails:      map[string]mapae.UserID{},
		externals:   map[string]mapae.UserID{},
		credentials: map[string]mapae.Credential{},
		credsOf:     map[mapae.UserID][]string{},
		sessions:    map[mapae.SessionID]mapae.Session{},
		sessionsOf:  map[mapae.UserID][]mapae.SessionID{},
		secrets:     map[string]mapae.Secret{},
		secretsOf:   map[mapae.UserID][]string{},
		failures:    map[[32]byte]mapae.Failures{},
		recoveries:  map[mapae.UserID]mapae.Recovery{},
		claims:      map[[32]byte]mapae.UserID{},
		identities:  map[identityKey]mapae.Identity{},
		identsOf:    map[mapae.UserID][]identityKey{},
		outbox:      map[mapae.MailID]mapae.Mail{},
		spent:       map[spentKey]struct{}{},
		swept:       map[mapae.SpendKind]time.Time{},
		keys:        map[string][]byte{},
	}
}

// micro returns t in UTC and cut to microseconds, as every store keeps times.
// The zero time stays zero; so does the first microsecond of 1970, which the
// SQL stores can't tell from it.
func micro(t time.Time) time.Time {
	if t.IsZero() || t.UnixMicro() == 0 {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

// own returns a copy of b; an empty b is nil.
func own(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return bytes.Clone(b)
}
