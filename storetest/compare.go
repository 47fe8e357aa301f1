package storetest

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mapae/mapae"
)

// compareTime is after how long Compare begins no further history, unless
// STORETEST_ROUNDS asks for the long form.
const compareTime = 10 * time.Second

// Compare runs random histories, as many as the flag -rapid.checks says, on a
// store and on a reference, and demands that both answer the same, call by
// call, and hold the same in the end.
func Compare(t *testing.T, open, reference func(t *testing.T) mapae.Store) {
	t.Helper()
	enough := time.Now().Add(compareTime)
	histories, failed := 0, false
	rapid.Check(t, func(rt *rapid.T) {
		// One that failed is run again and again, to find a shorter one.
		if time.Now().After(enough) && !failed && os.Getenv(roundsVariable) == "" {
			return
		}
		histories++
		m := &machine{ctx: t.Context(), stores: [2]mapae.Store{open(t), reference(t)}}
		defer func() {
			failed = failed || rt.Failed()
			for _, s := range m.stores {
				if err := s.Close(); err != nil {
					rt.Errorf("close: %v", err)
				}
			}
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"transaction": m.transaction,
			"admit":       m.admit,
			"sweep":       m.sweep,
			"read":        m.check,
		})
		m.check(rt)
	})
	t.Logf("proven: %d", histories)
}

// machine is two stores that are treated alike.
type machine struct {
	ctx    context.Context
	stores [2]mapae.Store
}

// command is one call of a transaction; it returns what can be compared.
type command struct {
	name string
	run  func(context.Context, mapae.Tx) (any, error)
}

// answer is what a call answered: its value and the kind of its error.
type answer struct {
	Value any
	Err   string
}

func answerOf(value any, err error) answer {
	switch {
	case err == nil:
		return answer{Value: value}
	case is(err, mapae.ErrNotFound):
		return answer{Err: "not found"}
	case is(err, mapae.ErrExists):
		return answer{Err: "exists"}
	case is(err, errChanged):
		return answer{Err: "changed"}
	}
	return answer{Err: "broken"}
}

// both runs do on both stores and demands equal results.
func (m *machine) both(t *rapid.T, do func(mapae.Store) any) {
	t.Helper()
	got, want := do(m.stores[0]), do(m.stores[1])
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("the stores differ:\n  store     %+v\n  reference %+v", got, want)
	}
}

// transaction runs a few commands in one transaction that commits or not. A
// command that breaks is the last, and is swallowed: the store must know.
func (m *machine) transaction(t *rapid.T) {
	commands := rapid.SliceOfN(rapid.Custom(drawCommand), 1, 5).Draw(t, "commands")
	var end error
	if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
		end = errChanged
	}
	m.both(t, func(s mapae.Store) any {
		var answers []answer
		err := s.Update(m.ctx, func(tx mapae.Tx) error {
			answers = nil // it may run more than once
			for _, c := range commands {
				a := answerOf(c.run(m.ctx, tx))
				if answers = append(answers, a); a.Err == "broken" {
					return nil
				}
			}
			return end
		})
		return append(answers, answerOf(nil, err))
	})
}

func (m *machine) admit(t *rapid.T) {
	a := drawAdmission(t)
	m.both(t, func(s mapae.Store) any {
		v, err := s.Admit(m.ctx, a)
		return answerOf(v, err)
	})
}

func (m *machine) sweep(t *rapid.T) {
	plan := mapae.SweepPlan{Limit: rapid.IntRange(1, 3).Draw(t, "limit")}
	for _, at := range []*time.Time{&plan.SpentBefore, &plan.SessionsBefore, &plan.EventsBefore} {
		if rapid.Bool().Draw(t, "named") {
			*at = drawTime(t)
		}
	}
	m.both(t, func(s mapae.Store) any {
		n, err := s.Sweep(m.ctx, plan)
		return answerOf(n, err)
	})
}

// check compares all that can be read.
func (m *machine) check(t *rapid.T) {
	m.both(t, func(s mapae.Store) any {
		var ids []mapae.UserID
		var answers []any
		for n := range 3 {
			ids = append(ids, newUser(n).ID)
			u, err := s.UserByLogin(m.ctx, newUser(n).LoginKey)
			answers = append(answers, answerOf(u, err))
			u, err = s.UserByEmail(m.ctx, fmt.Sprint("proven ", n))
			answers = append(answers, answerOf(u, err))
			u, err = s.UserByExternalID(m.ctx, fmt.Sprint(n))
			answers = append(answers, answerOf(u, err))
		}
		w, err := readWorld(m.ctx, s, ids)
		answers = append(answers, answerOf(w, err))
		for _, x := range w.Secrets {
			got, err := s.SecretByData(m.ctx, x.UserID, x.Kind, x.Data)
			answers = append(answers, answerOf(got, err))
		}
		for _, x := range w.Sessions {
			got, u, err := s.Session(m.ctx, x.ID, x.TokenHash, when(30*time.Minute))
			answers = append(answers, answerOf([]any{got, u}, err))
		}
		for _, x := range w.Identities {
			got, u, err := s.Identity(m.ctx, x.Provider, x.Subject)
			answers = append(answers, answerOf([]any{got, u}, err))
		}
		mails, err := readOutbox(m.ctx, s)
		return append(answers, answerOf(mails, err))
	})
}

func drawUser(t *rapid.T) mapae.User             { return newUser(rapid.IntRange(0, 2).Draw(t, "user")) }
func drawCredential(t *rapid.T) mapae.Credential { return newCredential(drawUser(t), drawSmall(t)) }
func drawSmall(t *rapid.T) int                   { return rapid.IntRange(0, 3).Draw(t, "n") }

// drawSecret draws one of few secrets, of whose data several are the same.
func drawSecret(t *rapid.T) mapae.Secret {
	kind := rapid.SampledFrom([]mapae.SecretKind{mapae.SecretRecoveryCode, mapae.SecretTOTP}).Draw(t, "kind")
	s := newSecret(drawUser(t), kind, drawSmall(t))
	s.Data = nonce(drawSmall(t) % 2)
	return s
}

// drawTime draws a time at which things of this test begin or end.
func drawTime(t *rapid.T) time.Time {
	minutes := rapid.SampledFrom([]int{-1, 0, 5, 60, 1440, 3000}).Draw(t, "minutes")
	micros := rapid.IntRange(-1, 3).Draw(t, "microseconds")
	return when(time.Duration(minutes)*time.Minute + time.Duration(micros)*time.Microsecond)
}

func drawAdmission(t *rapid.T) mapae.Admission {
	c := drawCredential(t)
	u := drawUser(t)
	a := newAdmission(u, c, rapid.IntRange(0, 1000).Draw(t, "admission"))
	a.Session.Epoch = int64(rapid.IntRange(0, 1).Draw(t, "epoch"))
	a.Session.IdleEndsAt = drawTime(t)
	a.Spend = newSpend(rapid.IntRange(0, 20).Draw(t, "nonce"))
	a.Spend.Until = drawTime(t)
	a.Use.UserID = u.ID
	a.Use.SignCount = uint32(rapid.IntRange(0, 12).Draw(t, "counter"))
	a.Use.BackupEligible = rapid.Bool().Draw(t, "synced")
	if rapid.IntRange(0, 3).Draw(t, "without credential") == 0 {
		a.Use = nil
	}
	if rapid.IntRange(0, 3).Draw(t, "rotate") == 0 {
		old := newSession(u, drawSmall(t))
		a.Session.ID, a.Rotate = old.ID, &old.TokenHash
	}
	return a
}

// drawCommand draws one call with its arguments.
func drawCommand(t *rapid.T) command {
	u, c, n, at := drawUser(t), drawCredential(t), drawSmall(t), drawTime(t)
	s := newSession(u, n)
	none := func(name string, f func(context.Context, mapae.Tx) error) command {
		return command{name, func(ctx context.Context, tx mapae.Tx) (any, error) { return nil, f(ctx, tx) }}
	}
	u.Epoch, u.ExternalID = int64(n%2), fmt.Sprint(n)[:n%2]
	if n == 3 {
		u.DisabledAt = at
	}
	if rapid.Bool().Draw(t, "proven") {
		u.EmailKey, u.FrozenUntil = fmt.Sprint("proven ", n), at
	}
	c.BackupEligible, c.SignCount = n%2 == 0, uint32(3*n)
	a := drawAdmission(t)
	secret := drawSecret(t)
	return rapid.SampledFrom(append(drawMore(u, c, n, at), []command{
		none("AddUser", func(ctx context.Context, tx mapae.Tx) error { return tx.AddUser(ctx, u) }),
		none("UpdateUser", func(ctx context.Context, tx mapae.Tx) error { return tx.UpdateUser(ctx, u) }),
		none("AddCredential", func(ctx context.Context, tx mapae.Tx) error { return tx.AddCredential(ctx, c) }),
		none("DeleteUser", func(ctx context.Context, tx mapae.Tx) error { return tx.DeleteUser(ctx, u.ID) }),
		none("RenameCredential", func(ctx context.Context, tx mapae.Tx) error { return tx.RenameCredential(ctx, u.ID, c.ID, at.String()) }),
		none("RemoveCredential", func(ctx context.Context, tx mapae.Tx) error { return tx.RemoveCredential(ctx, u.ID, c.ID) }),
		none("TouchSession", func(ctx context.Context, tx mapae.Tx) error { return tx.TouchSession(ctx, s.ID, at, at) }),
		none("EndSession", func(ctx context.Context, tx mapae.Tx) error { return tx.EndSession(ctx, u.ID, s.ID) }),
		none("AddEvent", func(ctx context.Context, tx mapae.Tx) error { return tx.AddEvent(ctx, newEvent(u, n+2000)) }),
		none("AddKeyCheck", func(ctx context.Context, tx mapae.Tx) error {
			return tx.AddKeyCheck(ctx, mapae.KeyCheck{ID: fmt.Sprint(n % 2), Check: nonce(n)})
		}),
		none("RemoveKeyCheck", func(ctx context.Context, tx mapae.Tx) error { return tx.RemoveKeyCheck(ctx, fmt.Sprint(n%2)) }),
		none("AddSecret", func(ctx context.Context, tx mapae.Tx) error { return tx.AddSecret(ctx, secret) }),
		{"RemoveSecrets", func(ctx context.Context, tx mapae.Tx) (any, error) { return tx.RemoveSecrets(ctx, u.ID, secret.Kind) }},
		{"UseSecret", func(ctx context.Context, tx mapae.Tx) (any, error) { return tx.UseSecret(ctx, u.ID, secret.ID, at) }},
		{"StepSecret", func(ctx context.Context, tx mapae.Tx) (any, error) {
			return tx.StepSecret(ctx, u.ID, secret.ID, int64(n))
		}},
		{"SecretByData", func(ctx context.Context, tx mapae.Tx) (any, error) {
			return tx.SecretByData(ctx, u.ID, secret.Kind, secret.Data)
		}},
		{"LockUser", func(ctx context.Context, tx mapae.Tx) (any, error) { return tx.LockUser(ctx, u.ID) }},
		{"EndSessions", func(ctx context.Context, tx mapae.Tx) (any, error) { return tx.EndSessions(ctx, u.ID, s.ID) }},
		{"Spend", func(ctx context.Context, tx mapae.Tx) (any, error) {
			return tx.Spend(ctx, mapae.Spend{Kind: mapae.SpendTicket, ID: nonce(n), Until: at})
		}},
		{"Admit", func(ctx context.Context, tx mapae.Tx) (any, error) { return tx.Admit(ctx, a) }},
		{"read", func(ctx context.Context, tx mapae.Tx) (any, error) {
			return readWorld(ctx, tx, []mapae.UserID{u.ID})
		}},
	}...)).Draw(t, "command")
}

// drawMore returns calls about identities, mail and suspended credentials.
func drawMore(u mapae.User, c mapae.Credential, n int, at time.Time) []command {
	i, m := newIdentity(u, n), newMail(u, n)
	i.LastUsedAt, m.DueAt = at, at
	none := func(name string, f func(context.Context, mapae.Tx) error) command {
		return command{name, func(ctx context.Context, tx mapae.Tx) (any, error) { return nil, f(ctx, tx) }}
	}
	return []command{
		none("SuspendCredential", func(ctx context.Context, tx mapae.Tx) error { return tx.SuspendCredential(ctx, u.ID, c.ID, at) }),
		none("LiftCredential", func(ctx context.Context, tx mapae.Tx) error {
			return tx.SuspendCredential(ctx, c.UserID, c.ID, time.Time{})
		}),
		none("AddIdentity", func(ctx context.Context, tx mapae.Tx) error { return tx.AddIdentity(ctx, i) }),
		none("TouchIdentity", func(ctx context.Context, tx mapae.Tx) error {
			return tx.TouchIdentity(ctx, u.ID, i.Provider, i.Subject, at)
		}),
		none("RemoveIdentity", func(ctx context.Context, tx mapae.Tx) error {
			return tx.RemoveIdentity(ctx, u.ID, i.Provider, i.Subject)
		}),
		none("AddMail", func(ctx context.Context, tx mapae.Tx) error { return tx.AddMail(ctx, m) }),
		{"ClaimMail", func(ctx context.Context, tx mapae.Tx) (any, error) {
			return tx.ClaimMail(ctx, at, at.Add(time.Minute), 1+n%2)
		}},
		{"ReplaceMail", func(ctx context.Context, tx mapae.Tx) (any, error) {
			return tx.ReplaceMail(ctx, m.ID, []byte{byte(n)}, m.Data)
		}},
		{"Mails", func(ctx context.Context, tx mapae.Tx) (any, error) { return tx.Mails(ctx, m.ID, 1+n%2) }},
		none("RemoveMail", func(ctx context.Context, tx mapae.Tx) error { return tx.RemoveMail(ctx, m.ID) }),
		none("DelayMail", func(ctx context.Context, tx mapae.Tx) error { return tx.DelayMail(ctx, m.ID, at, fmt.Sprint(n)) }),
	}
}
