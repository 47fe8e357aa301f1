package storetest

import (
	"math"
	"time"

	"github.com/mapae/mapae"
)

var admissions = []test{
	{"write spend, credential, session and event", admitted},
	{"of a thing spent before do nothing", admittedSpent},
	{"of a user of another epoch leave the spend and the event", admittedUser(func(u *mapae.User) { u.Epoch++ })},
	{"of a disabled user leave the spend and the event", admittedUser(func(u *mapae.User) { u.DisabledAt = when(0) })},
	{"with a credential that is gone leave the spend and the event", admittedGone},
	{"compare the counter of a device-bound credential", admittedBound},
	{"compare the counter of a synced credential and let it in", admittedSynced},
	{"keep the flags that the authenticator reported", admittedFlags},
	{"without spend, credential or event write the session", admittedBare},
	{"renew the token of a session", admittedRotate},
	{"renew a session under the epoch that the same transaction raised", admittedRotateEpoch},
	{"do not renew a session that is not live or not theirs", admittedRotateGone},
	{"join a transaction that writes more", admittedInside},
}

// arena is a user with one credential, and a second user with another.
type arena struct {
	*fixture
	user, other  mapae.User
	cred, theirs mapae.Credential
}

func newArena(f *fixture) arena {
	a := arena{fixture: f, user: newUser(1), other: newUser(2)}
	a.cred, a.theirs = newCredential(a.user, 1), newCredential(a.other, 2)
	f.add(a.user, a.other, a.cred, a.theirs)
	return a
}

func (a arena) world() world { return a.fixture.world(a.user.ID, a.other.ID) }

// wants admits adm, demands the verdict, and that the world is then as change
// makes it from what it was, with the verdict's event on top.
func (a arena) wants(adm mapae.Admission, verdict mapae.Verdict, change func(*world)) {
	a.Helper()
	want := a.world()
	a.admit(adm, verdict)
	if e, ok := adm.EventFor(verdict); ok {
		want.Events = append([]mapae.Event{e}, want.Events...)
	}
	if change != nil {
		change(&want)
	}
	a.same("the world after", a.world(), want)
}

// spent demands that s can't be spent any more.
func (a arena) spent(s *mapae.Spend) {
	a.Helper()
	a.update(func(tx mapae.Tx) error {
		first, err := tx.Spend(a.ctx, *s)
		if first {
			a.Error("it was not spent")
		}
		return err
	})
}

// used returns what a use makes of the first credential, and a new session.
func (a arena) used(adm mapae.Admission, count uint32) func(*world) {
	return func(w *world) {
		c := &w.Credentials[0]
		c.SignCount, c.LastUsedAt, c.LastUsedAgent = count, adm.Use.At, adm.Use.Agent
		c.BackupEligible, c.BackupState = adm.Use.BackupEligible, adm.Use.BackupState
		w.Sessions = append([]mapae.Session{adm.Session}, w.Sessions...)
	}
}

func admitted(f *fixture) {
	a := newArena(f)
	adm := newAdmission(a.user, a.cred, 1)
	a.wants(adm, mapae.VerdictAdmitted, a.used(adm, 8))
	a.spent(adm.Spend)
}

func admittedSpent(f *fixture) {
	a := newArena(f)
	first := newAdmission(a.user, a.cred, 1)
	a.signIn(first)
	again := newAdmission(a.user, a.cred, 2)
	again.Spend = first.Spend
	again.Use.SignCount = 100
	a.wants(again, mapae.VerdictSpent, nil)
	again.Session.UserID = "nobody"
	a.wants(again, mapae.VerdictSpent, nil)
	again.Spend, again.Session.UserID = newSpend(2), a.user.ID
	again.Spend.Kind = mapae.SpendTicket
	again.Spend.ID = first.Spend.ID
	a.wants(again, mapae.VerdictAdmitted, a.used(again, 100))
}

// admittedUser returns a test that changes the user before it signs in, and
// then removes the user.
func admittedUser(change func(*mapae.User)) func(*fixture) {
	return func(f *fixture) {
		a := newArena(f)
		changed := a.user
		change(&changed)
		a.update(func(tx mapae.Tx) error { return tx.UpdateUser(a.ctx, changed) })
		adm := newAdmission(a.user, a.cred, 1)
		a.wants(adm, mapae.VerdictUserChanged, nil)
		a.spent(adm.Spend)
		adm.Spend, adm.Use, adm.Event = newSpend(2), nil, newEvent(a.user, 2)
		a.wants(adm, mapae.VerdictUserChanged, nil)
		a.update(func(tx mapae.Tx) error { return tx.DeleteUser(a.ctx, a.user.ID) })
		adm.Spend, adm.Event = newSpend(3), newEvent(a.user, 3)
		a.wants(adm, mapae.VerdictUserChanged, nil)
		a.spent(adm.Spend)
	}
}

func admittedGone(f *fixture) {
	a := newArena(f)
	foreign := newAdmission(a.user, a.theirs, 1)
	a.wants(foreign, mapae.VerdictCredentialGone, nil)
	a.spent(foreign.Spend)
	mixed := newAdmission(a.user, a.theirs, 2)
	mixed.Use.UserID = a.other.ID
	a.wants(mixed, mapae.VerdictCredentialGone, nil)
	a.update(func(tx mapae.Tx) error { return tx.RemoveCredential(a.ctx, a.user.ID, a.cred.ID) })
	gone := newAdmission(a.user, a.cred, 3)
	a.wants(gone, mapae.VerdictCredentialGone, nil)
	a.spent(gone.Spend)
}

// counters are what a stored counter and a reported one add up to.
var counters = []struct {
	stored, reported uint32
	rose             bool
}{
	{0, 0, true}, {0, 1, true}, {7, 8, true}, {7, math.MaxUint32, true}, {math.MaxUint32 - 1, math.MaxUint32, true},
	{7, 7, false}, {7, 6, false}, {7, 0, false}, {1, 0, false}, {math.MaxUint32, math.MaxUint32, false}, {math.MaxUint32, 0, false},
}

func admittedBound(f *fixture) {
	a := newArena(f)
	for n, c := range counters {
		a.stored(c.stored, false)
		adm := newAdmission(a.user, a.cred, 10+n)
		adm.Use.SignCount = c.reported
		adm.Use.BackupEligible = true // what counts is what was stored
		if c.rose {
			a.wants(adm, mapae.VerdictAdmitted, a.used(adm, c.reported))
		} else {
			a.wants(adm, mapae.VerdictCounterRegressed, nil)
		}
		a.spent(adm.Spend)
	}
}

func admittedSynced(f *fixture) {
	a := newArena(f)
	for n, c := range counters {
		a.stored(c.stored, true)
		adm := newAdmission(a.user, a.cred, 10+n)
		adm.Use.SignCount, adm.Use.BackupEligible = c.reported, false
		if c.rose {
			a.wants(adm, mapae.VerdictAdmitted, a.used(adm, c.reported))
		} else {
			a.wants(adm, mapae.VerdictAdmittedRegressed, a.used(adm, c.stored))
		}
		a.spent(adm.Spend)
	}
}

// stored replaces the first credential by one with that counter.
func (a *arena) stored(count uint32, synced bool) {
	a.Helper()
	a.update(func(tx mapae.Tx) error { return tx.RemoveCredential(a.ctx, a.user.ID, a.cred.ID) })
	a.cred.SignCount, a.cred.BackupEligible = count, synced
	a.add(a.cred)
}

func admittedFlags(f *fixture) {
	a := newArena(f)
	for n, flags := range [][2]bool{{true, true}, {true, false}, {false, false}, {false, true}} {
		adm := newAdmission(a.user, a.cred, 1+n)
		adm.Use.SignCount = uint32(100 + n)
		adm.Use.BackupEligible, adm.Use.BackupState = flags[0], flags[1]
		a.wants(adm, mapae.VerdictAdmitted, a.used(adm, adm.Use.SignCount))
	}
}

func admittedBare(f *fixture) {
	a := newArena(f)
	adm := mapae.Admission{Session: newSession(a.user, 1)}
	a.wants(adm, mapae.VerdictAdmitted, func(w *world) { w.Sessions = []mapae.Session{adm.Session} })
}

func admittedRotate(f *fixture) {
	a := newArena(f)
	old := newAdmission(a.user, a.cred, 1)
	old.Session.Address, old.Session.UserAgent, old.Session.App = "192.0.2.1", "Browser/1", true
	a.signIn(old)
	adm := newAdmission(a.user, a.cred, 2)
	adm.Use.SignCount = 9
	adm.Rotate = &old.Session.TokenHash
	adm.Session.ID = old.Session.ID
	adm.Session.SeenAt, adm.Session.IdleEndsAt, adm.Session.EndsAt = when(time.Minute), when(2*time.Hour), when(30*time.Hour)
	adm.Session.Uses = append(adm.Session.Uses, mapae.Use{Method: mapae.MethodTOTP, At: when(time.Minute)})
	a.wants(adm, mapae.VerdictAdmitted, func(w *world) {
		renewed := w.Sessions[0]
		a.used(adm, 9)(w)
		renewed.TokenHash, renewed.Uses = adm.Session.TokenHash, adm.Session.Uses
		renewed.SeenAt, renewed.IdleEndsAt, renewed.EndsAt = adm.Session.SeenAt, adm.Session.IdleEndsAt, adm.Session.EndsAt
		w.Sessions = []mapae.Session{renewed}
	})
	_, _, err := a.store.Session(a.ctx, old.Session.ID, old.Session.TokenHash, when(0))
	a.answers("the old token", err, mapae.ErrNotFound)
}

func admittedRotateEpoch(f *fixture) {
	a := newArena(f)
	old := newAdmission(a.user, a.cred, 1)
	a.signIn(old)
	renewed := old.Session
	renewed.TokenHash[0] ^= 1
	renewed.Epoch++
	a.update(func(tx mapae.Tx) error {
		u := a.user
		u.Epoch++
		if err := tx.UpdateUser(a.ctx, u); err != nil {
			return err
		}
		v, err := tx.Admit(a.ctx, mapae.Admission{Session: renewed, Rotate: &old.Session.TokenHash})
		a.same("verdict", v, mapae.VerdictAdmitted)
		return err
	})
	got, _, err := a.store.Session(a.ctx, renewed.ID, renewed.TokenHash, when(0))
	a.answers("the new token", err, nil)
	a.same("session", got, renewed)
}

func admittedRotateGone(f *fixture) {
	a := newArena(f)
	mine, theirs := newAdmission(a.user, a.cred, 1), newAdmission(a.other, a.theirs, 2)
	a.signIn(mine)
	a.signIn(theirs)
	wrong := mine.Session.TokenHash
	wrong[0] ^= 1
	for n, c := range []struct {
		name   string
		id     mapae.SessionID
		token  [32]byte
		seenAt time.Time
	}{
		{"another token", mine.Session.ID, wrong, when(0)},
		{"another's session", theirs.Session.ID, theirs.Session.TokenHash, when(0)},
		{"no session", mapae.SessionID(timed(when(0), 99)), mine.Session.TokenHash, when(0)},
		{"idle too long", mine.Session.ID, mine.Session.TokenHash, mine.Session.IdleEndsAt},
	} {
		a.Log(c.name)
		adm := newAdmission(a.user, a.cred, 10+n)
		adm.Use.SignCount = 100
		adm.Session.ID, adm.Rotate, adm.Session.SeenAt = c.id, &c.token, c.seenAt
		a.wants(adm, mapae.VerdictUserChanged, nil)
		a.spent(adm.Spend)
	}
	a.update(func(tx mapae.Tx) error { return tx.EndSession(a.ctx, a.user.ID, mine.Session.ID) })
	adm := newAdmission(a.user, a.cred, 20)
	adm.Session.ID, adm.Rotate = mine.Session.ID, &mine.Session.TokenHash
	a.wants(adm, mapae.VerdictUserChanged, nil)
}

func admittedInside(f *fixture) {
	a := newArena(f)
	u := newUser(3)
	c := newCredential(u, 3)
	adm := newAdmission(u, c, 3)
	a.update(func(tx mapae.Tx) error {
		if err := tx.AddUser(a.ctx, u); err != nil {
			return err
		}
		if err := tx.AddCredential(a.ctx, c); err != nil {
			return err
		}
		v, err := tx.Admit(a.ctx, adm)
		a.same("verdict", v, mapae.VerdictAdmitted)
		return err
	})
	a.same("session", a.fixture.world(u.ID).Sessions, []mapae.Session{adm.Session})

	before := a.world()
	again := newAdmission(a.user, a.cred, 4)
	err := a.store.Update(a.ctx, func(tx mapae.Tx) error {
		v, err := tx.Admit(a.ctx, again)
		a.same("verdict", v, mapae.VerdictAdmitted)
		if err != nil {
			return err
		}
		return errChanged
	})
	a.answers("update", err, errChanged)
	a.same("after the transaction failed", a.world(), before)
	a.wants(again, mapae.VerdictAdmitted, a.used(again, 8))
}
