package storetest

import (
	"context"
	"reflect"
	"testing"

	"github.com/mapae/mapae"
)

// Opener returns an empty store that belongs to the test t alone. The suite
// closes it.
type Opener func(t *testing.T) mapae.Store

// Run tests a store against the contract of mapae.Store, its races included.
func Run(t *testing.T, open func(t *testing.T) mapae.Store) {
	t.Helper()
	groups := []struct {
		name  string
		cases []test
	}{
		{"users", users}, {"credentials", credentials}, {"sessions", sessions}, {"admissions", admissions},
		{"spent things", spends}, {"secrets", secrets}, {"failures", failures}, {"recoveries", recoveries},
		{"identities", identities}, {"mails", mails},
		{"events", events}, {"key checks", keyChecks},
		{"transactions", transactions}, {"sweeps", sweeps}, {"races", races},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range g.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(newFixture(t, open))
				})
			}
		})
	}
}

// test is one sentence of the contract.
type test struct {
	name string
	run  func(*fixture)
}

// fixture is a test and the store that it has for itself.
type fixture struct {
	*testing.T
	ctx   context.Context
	store mapae.Store
}

func newFixture(t *testing.T, open Opener) *fixture {
	t.Helper()
	s := open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &fixture{T: t, ctx: t.Context(), store: s}
}

// update runs f in a transaction that must commit.
func (f *fixture) update(do func(tx mapae.Tx) error) {
	f.Helper()
	if err := f.store.Update(f.ctx, do); err != nil {
		f.Fatalf("update: %v", err)
	}
}

// breaks demands that do fails as a broken store does, and that its
// transaction does not commit.
func (f *fixture) breaks(what string, do func(tx mapae.Tx) error) {
	f.Helper()
	broken := func(err error) bool {
		return err != nil && !is(err, mapae.ErrExists) && !is(err, mapae.ErrNotFound)
	}
	err := f.store.Update(f.ctx, func(tx mapae.Tx) error {
		if err := do(tx); !broken(err) {
			f.Errorf("%s: %v, want the error of a broken store", what, err)
		}
		return nil
	})
	if !broken(err) {
		f.Errorf("%s: the transaction ended with %v, want the error of a broken store", what, err)
	}
}

// add stores users, what is theirs and events in one transaction.
func (f *fixture) add(things ...any) {
	f.Helper()
	f.update(func(tx mapae.Tx) error {
		for _, thing := range things {
			var err error
			switch x := thing.(type) {
			case mapae.User:
				err = tx.AddUser(f.ctx, x)
			case mapae.Credential:
				err = tx.AddCredential(f.ctx, x)
			case mapae.Secret:
				err = tx.AddSecret(f.ctx, x)
			case mapae.Recovery:
				err = tx.SetRecovery(f.ctx, x)
			case mapae.Identity:
				err = tx.AddIdentity(f.ctx, x)
			case mapae.Mail:
				err = tx.AddMail(f.ctx, x)
			case mapae.Event:
				err = tx.AddEvent(f.ctx, x)
			default:
				f.Fatalf("can't add a %T", x)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// signIn admits a and demands that the store does.
func (f *fixture) signIn(a mapae.Admission) {
	f.Helper()
	f.admit(a, mapae.VerdictAdmitted)
}

// admit admits a and demands that verdict.
func (f *fixture) admit(a mapae.Admission, want mapae.Verdict) {
	f.Helper()
	got, err := f.store.Admit(f.ctx, a)
	if err != nil {
		f.Fatalf("admit: %v", err)
	}
	if got != want {
		f.Fatalf("verdict %d, want %d", got, want)
	}
}

// same demands that got is want, member by member.
func (f *fixture) same(what string, got, want any) {
	f.Helper()
	if !reflect.DeepEqual(got, want) {
		f.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// answers demands that err is want by errors.Is; nil wants success.
func (f *fixture) answers(what string, err, want error) {
	f.Helper()
	if !is(err, want) {
		f.Errorf("%s: %v, want %v", what, err, want)
	}
}

// world is all that a store tells about the users given, for comparing what
// was with what is.
type world struct {
	Users       []mapae.User
	Credentials []mapae.Credential
	Sessions    []mapae.Session
	Secrets     []mapae.Secret
	Recoveries  []mapae.Recovery
	Identities  []mapae.Identity
	Failures    mapae.Failures // under newKey(7), where busyArena counts
	Events      []mapae.Event
	Keys        []mapae.KeyCheck
}

// world reads what the store has of these users; one that is missing is left
// out.
func (f *fixture) world(ids ...mapae.UserID) world {
	f.Helper()
	w, err := readWorld(f.ctx, f.store, ids)
	if err != nil {
		f.Fatalf("read the world: %v", err)
	}
	return w
}

func readWorld(ctx context.Context, r mapae.Reader, ids []mapae.UserID) (w world, err error) {
	for _, id := range ids {
		if err := w.read(ctx, r, id); err != nil {
			return w, err
		}
	}
	if w.Failures, err = r.Failures(ctx, newKey(7)); err != nil {
		return w, err
	}
	if w.Events, err = r.Events(ctx, "", "", 1000); err != nil {
		return w, err
	}
	w.Keys, err = r.KeyChecks(ctx)
	return w, err
}

// read adds what r has of one user, which is nothing where there is none.
func (w *world) read(ctx context.Context, r mapae.Reader, id mapae.UserID) error {
	u, err := r.User(ctx, id)
	if is(err, mapae.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	creds, err := r.Credentials(ctx, id)
	if err != nil {
		return err
	}
	live, err := r.Sessions(ctx, id, when(0))
	if err != nil {
		return err
	}
	known, err := r.Secrets(ctx, id, "")
	if err != nil {
		return err
	}
	w.Users, w.Credentials, w.Sessions = append(w.Users, u), append(w.Credentials, creds...), append(w.Sessions, live...)
	w.Secrets = append(w.Secrets, known...)
	elsewhere, err := r.Identities(ctx, id)
	if err != nil {
		return err
	}
	w.Identities = append(w.Identities, elsewhere...)
	x, err := r.RecoveryOf(ctx, id)
	if err == nil {
		w.Recoveries = append(w.Recoveries, x)
	} else if !is(err, mapae.ErrNotFound) {
		return err
	}
	return nil
}
