package postgres_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

var end = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// number is n as an ID of 16 bytes.
func number(n int) []byte { return binary.BigEndian.AppendUint64([]byte("numbered"), uint64(n)) }

// person is the n-th user.
func person(n int) mapae.User {
	return mapae.User{ID: mapae.UserID(number(n)), LoginKey: string(number(n)[:8]) + time.UnixMicro(int64(n)).String()}
}

// key is the n-th user's passkey, which does not count.
func key(n int) mapae.Credential {
	c := mapae.Credential{UserID: person(n).ID}
	c.ID = append([]byte("key "), number(n)...)
	return c
}

// signIn is the i-th sign-in of the n-th user, which spends the challenge with
// that nonce.
func signIn(n, i, nonce int) mapae.Admission {
	u, id := person(n), append(number(n), number(i)[8:]...)
	a := mapae.Admission{
		Spend:   &mapae.Spend{Kind: mapae.SpendChallenge, ID: number(nonce), Until: end},
		Use:     &mapae.CredentialUse{ID: key(n).ID, UserID: u.ID, At: time.UnixMicro(int64(i)).UTC()},
		Session: mapae.Session{ID: mapae.SessionID(id), UserID: u.ID, IdleEndsAt: end, EndsAt: end},
		Event:   mapae.Event{ID: mapae.EventID(id), UserID: u.ID},
	}
	a.Outcomes[mapae.VerdictAdmitted].Type = mapae.EventSignIn
	return a
}

// people adds the first n users, each with a passkey.
func people(t testing.TB, s mapae.Store, n int) {
	t.Helper()
	err := s.Update(t.Context(), func(tx mapae.Tx) error {
		for i := range n {
			if err := errors.Join(tx.AddUser(t.Context(), person(i)), tx.AddCredential(t.Context(), key(i))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sessionsOf returns the sessions that the n-th user has.
func sessionsOf(t testing.TB, s mapae.Store, n int) map[mapae.SessionID]bool {
	t.Helper()
	list, err := s.Sessions(t.Context(), person(n).ID, time.UnixMicro(0))
	if err != nil {
		t.Fatal(err)
	}
	there := map[mapae.SessionID]bool{}
	for _, x := range list {
		there[x.ID] = true
	}
	return there
}

// sessions returns how many sessions the n-th user has.
func sessions(t testing.TB, s mapae.Store, n int) int { return len(sessionsOf(t, s, n)) }

// wait tries until do returns nil, for at most 20 seconds.
func wait(t testing.TB, do func() error) {
	t.Helper()
	var err error
	for begun := time.Now(); time.Since(begun) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
		if err = do(); err == nil {
			return
		}
	}
	t.Fatalf("not within 20 s: %v", err)
}

// broken demands the error of a broken store, not the end of the caller's own
// context.
func broken(t testing.TB, what string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, mapae.ErrNotFound) || errors.Is(err, mapae.ErrExists) {
		t.Errorf("%s: %v, want the error of a broken store", what, err)
	}
}
