package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mapae/mapae"
)

var transactions = []test{
	{"that fail leave nothing, whatever they wrote", txLeavesNothing},
	{"that panic leave nothing, and the panic goes on", txPanics},
	{"read what they wrote", txReadsItself},
	{"can't succeed when a write failed and its error was swallowed", txSwallows},
	{"go on after not found and already there", txGoesOn},
	{"with a context that has ended do not run", txEnded},
	{"at the same time do not harm one another", txTogether},
	{"of a store that is closed fail", txClosed},
}

// errChanged is what a test's own function returns to undo what it wrote.
var errChanged = errors.New("storetest: changed its mind")

// writeAll writes one thing of each kind, changes and removes others.
func (a arena) writeAll(tx mapae.Tx) error {
	u := newUser(7)
	c := newCredential(u, 7)
	changed := a.user
	changed.Epoch, changed.LoginKey = 9, "changed"
	adm := newAdmission(u, c, 7)
	password := newSecret(a.user, "", 3)
	return errors.Join(
		tx.AddUser(a.ctx, u), tx.AddCredential(a.ctx, c),
		second(tx.Admit(a.ctx, adm)), second(tx.Spend(a.ctx, *newSpend(8))),
		tx.TouchSession(a.ctx, newSession(a.other, 2).ID, when(time.Minute), when(2*time.Hour)),
		tx.UpdateUser(a.ctx, changed), tx.AddEvent(a.ctx, newEvent(u, 9)),
		tx.RenameCredential(a.ctx, a.other.ID, a.theirs.ID, "renamed"),
		tx.RemoveCredential(a.ctx, a.user.ID, a.cred.ID),
		tx.EndSession(a.ctx, a.user.ID, newSession(a.user, 1).ID),
		second(tx.EndSessions(a.ctx, a.other.ID, "")),
		tx.AddKeyCheck(a.ctx, mapae.KeyCheck{ID: "k", Check: nonce(1)}),
		tx.AddSecret(a.ctx, newSecret(u, mapae.SecretTOTP, 7)),
		won(tx.UseSecret(a.ctx, a.user.ID, newSecret(a.user, "", 1).ID, when(0))),
		won(tx.StepSecret(a.ctx, a.user.ID, newSecret(a.user, "", 2).ID, 8)),
		won(tx.ReplaceSecret(a.ctx, mapae.Secret{ID: password.ID, UserID: a.user.ID, Data: nonce(7)}, password.Data)),
		second(tx.RemoveSecrets(a.ctx, a.user.ID, mapae.SecretRecoveryCode)),
		second(tx.LockFailures(a.ctx, newKey(7))), tx.SetFailures(a.ctx, newKey(7), mapae.Failures{Count: 3, At: when(0)}),
		tx.SetRecovery(a.ctx, newRecovery(a.user, 7)), tx.RemoveRecovery(a.ctx, a.other.ID),
		tx.AddIdentity(a.ctx, newIdentity(u, 7)),
		tx.TouchIdentity(a.ctx, a.user.ID, newIdentity(a.user, 1).Provider, newIdentity(a.user, 1).Subject, when(time.Minute)),
		tx.RemoveIdentity(a.ctx, a.user.ID, newIdentity(a.user, 3).Provider, newIdentity(a.user, 3).Subject),
		tx.SuspendCredential(a.ctx, a.other.ID, a.theirs.ID, when(0)),
		tx.AddMail(a.ctx, newMail(u, 7)), tx.RemoveMail(a.ctx, newMail(a.user, 1).ID),
		tx.DelayMail(a.ctx, newMail(a.user, 2).ID, when(time.Hour), "refused"),
		won(tx.ReplaceMail(a.ctx, newMail(a.user, 2).ID, nonce(7), newMail(a.user, 2).Data)),
		second(tx.ClaimMail(a.ctx, when(time.Minute), when(time.Hour), 1)),
		tx.DeleteUser(a.ctx, a.other.ID),
	)
}

// won turns false into an error.
func won(ok bool, err error) error {
	if err == nil && !ok {
		return errors.New("storetest: a conditional write did not write")
	}
	return err
}

func second[T any](_ T, err error) error { return err }

// busyArena is an arena where both users are signed in and have of everything.
func busyArena(f *fixture) arena {
	a := newArena(f)
	a.signIn(newAdmission(a.user, a.cred, 1))
	a.signIn(newAdmission(a.other, a.theirs, 2))
	a.add(
		newSecret(a.user, mapae.SecretRecoveryCode, 1), newSecret(a.user, mapae.SecretTOTP, 2),
		newSecret(a.user, mapae.SecretPassword, 3), newSecret(a.other, mapae.SecretRecoveryCode, 4),
		newRecovery(a.user, 1), newRecovery(a.other, 2),
		newIdentity(a.user, 1), newIdentity(a.other, 2), newIdentity(a.user, 3),
		newMail(a.user, 1), newMail(a.user, 2), newMail(a.other, 3),
	)
	a.setFailures(newKey(7), mapae.Failures{}, mapae.Failures{Count: 2, At: when(0)})
	return a
}

// untouched demands that nothing of writeAll is there.
func (a arena) untouched(before world) {
	a.Helper()
	a.same("the world after", a.fixture.world(a.user.ID, a.other.ID, newUser(7).ID), before)
	a.same("what was spent is not", a.spend(*newSpend(8)), true)
	_, err := a.store.UserByLogin(a.ctx, a.user.LoginKey)
	a.answers("the old login key", err, nil)
	_, err = a.store.UserByLogin(a.ctx, "changed")
	a.answers("the new login key", err, mapae.ErrNotFound)
	a.noClaim(newRecovery(a.user, 7))
	a.holds(newMail(a.user, 1), newMail(a.user, 2), newMail(a.other, 3))
}

func txLeavesNothing(f *fixture) {
	a := busyArena(f)
	before := a.world()
	err := a.store.Update(a.ctx, func(tx mapae.Tx) error {
		if err := a.writeAll(tx); err != nil {
			a.Errorf("write: %v", err)
		}
		return errChanged
	})
	a.answers("update", err, errChanged)
	a.untouched(before)
	a.update(a.writeAll)
	a.same("the same writes without an error stay", len(a.fixture.world(newUser(7).ID).Credentials), 1)
}

func txPanics(f *fixture) {
	a := busyArena(f)
	before := a.world()
	func() {
		defer func() { a.same("panic", recover(), any("storetest")) }()
		_ = a.store.Update(a.ctx, func(tx mapae.Tx) error {
			if err := a.writeAll(tx); err != nil {
				a.Errorf("write: %v", err)
			}
			panic("storetest")
		})
	}()
	a.untouched(before)
}

func txReadsItself(f *fixture) {
	a := busyArena(f)
	var inside world
	ids := []mapae.UserID{a.user.ID, a.other.ID, newUser(7).ID}
	a.update(func(tx mapae.Tx) error {
		if err := a.writeAll(tx); err != nil {
			return err
		}
		var err error
		inside, err = readWorld(a.ctx, tx, ids)
		return err
	})
	a.same("inside", inside, a.fixture.world(ids...))
	a.same("users inside", len(inside.Users), 2)
}

func txSwallows(f *fixture) {
	a := newArena(f)
	before := a.world()
	orphan := newCredential(newUser(9), 9)
	err := a.store.Update(a.ctx, func(tx mapae.Tx) error {
		if err := tx.AddEvent(a.ctx, newEvent(a.user, 1)); err != nil {
			return err
		}
		if err := tx.AddCredential(a.ctx, orphan); err == nil {
			a.Error("a credential without a user was added")
		}
		if err := tx.AddEvent(a.ctx, newEvent(a.user, 2)); err == nil {
			a.Log("a write after the failure went through, which is fine as long as it does not stay")
		}
		return nil
	})
	if err == nil || is(err, mapae.ErrExists) || is(err, mapae.ErrNotFound) {
		a.Errorf("update: %v, want the error of a broken store", err)
	}
	a.same("the world after", a.world(), before)
	a.signIn(newAdmission(a.user, a.cred, 1))
}

func txGoesOn(f *fixture) {
	a := newArena(f)
	a.update(func(tx mapae.Tx) error {
		a.answers("taken", tx.AddUser(a.ctx, a.user), mapae.ErrExists)
		a.answers("taken", tx.AddCredential(a.ctx, a.cred), mapae.ErrExists)
		a.answers("missing", tx.RemoveCredential(a.ctx, a.user.ID, nonce(1)), mapae.ErrNotFound)
		_, err := tx.User(a.ctx, "nobody")
		a.answers("missing", err, mapae.ErrNotFound)
		return tx.AddEvent(a.ctx, newEvent(a.user, 1))
	})
	a.same("events", len(a.world().Events), 1)
}

func txEnded(f *fixture) {
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	ran := false
	err := f.store.Update(ctx, func(mapae.Tx) error {
		ran = true
		return nil
	})
	f.answers("update", err, context.Canceled)
	f.same("ran", ran, false)
	u := newUser(1)
	f.add(u)
	_, err = f.store.Admit(ctx, bare(newSession(u, 1)))
	f.answers("admit", err, context.Canceled)
	_, err = f.store.User(ctx, u.ID)
	f.answers("read", err, context.Canceled)
	_, err = f.store.Sweep(ctx, mapae.SweepPlan{SpentBefore: when(0), Limit: 1})
	f.answers("sweep", err, context.Canceled)
	f.same("sessions", len(f.world(u.ID).Sessions), 0)
}

// txTogether runs transactions side by side that succeed, fail, panic, end
// before they run, and break: each must get its own answer.
func txTogether(f *fixture) {
	a := newArena(f)
	const n = 60
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(a.ctx)
			defer cancel()
			defer func() { a.same("panic", recover() != nil, i%5 == 2) }()
			if i%5 == 3 {
				cancel()
			}
			err := a.store.Update(ctx, func(tx mapae.Tx) error {
				if err := tx.AddEvent(ctx, newEvent(a.user, i)); err != nil {
					return err
				}
				switch i % 5 {
				case 1:
					return errChanged
				case 2:
					panic("storetest")
				case 4:
					_ = tx.AddCredential(ctx, newCredential(newUser(9), i))
				}
				return nil
			})
			switch i % 5 {
			case 0:
				a.answers("succeeds", err, nil)
			case 1:
				a.answers("fails", err, errChanged)
			case 3:
				a.answers("ended", err, context.Canceled)
			case 4:
				a.same("broke", err != nil, true)
			}
		})
	}
	wg.Wait()
	list := a.world().Events
	for _, e := range list {
		a.same("an event of one that succeeded", e.ID[15]%5, byte(0))
	}
	a.same("events", len(list), n/5)
}

func txClosed(f *fixture) {
	f.answers("ping before", f.store.Ping(f.ctx), nil)
	f.update(func(tx mapae.Tx) error {
		f.answers("ping inside a transaction", tx.Ping(f.ctx), nil)
		return tx.AddUser(f.ctx, newUser(1))
	})
	f.answers("close", f.store.Close(), nil)
	_, err := f.store.User(f.ctx, newUser(1).ID)
	f.same("read fails", err != nil && !is(err, mapae.ErrNotFound), true)
	f.same("ping fails", f.store.Ping(f.ctx) != nil, true)
	err = f.store.Update(f.ctx, func(mapae.Tx) error { return nil })
	f.same("update fails", err != nil, true)
}
