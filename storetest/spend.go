package storetest

import (
	"bytes"
	"time"

	"github.com/mapae/mapae"
)

var spends = []test{
	{"are spent once", spendOnce},
	{"of different kinds and IDs do not meet", spendApart},
	{"are not spent by a transaction that fails", spendUndone},
}

var sweeps = []test{
	{"remove spent things in batches, oldest end first, and refuse what ended by then", sweepSpent},
	{"move no mark where nothing was removed", sweepSpentNothing},
	{"remove sessions that are over", sweepSessions},
	{"remove old events", sweepEvents},
	{"remove old failures that bar nothing any more", sweepFailures},
	{"remove recoveries that have ended", sweepRecoveries},
	{"with an empty plan remove nothing", sweepNothing},
}

// spend spends s in a transaction of its own.
func (f *fixture) spend(s mapae.Spend) (first bool) {
	f.Helper()
	f.update(func(tx mapae.Tx) (err error) {
		first, err = tx.Spend(f.ctx, s)
		return err
	})
	return first
}

func spendOnce(f *fixture) {
	f.update(func(tx mapae.Tx) error {
		for _, want := range []bool{true, false} {
			first, err := tx.Spend(f.ctx, *newSpend(1))
			f.answers("spend", err, nil)
			f.same("in one transaction", first, want)
		}
		return nil
	})
	f.same("in the next", f.spend(*newSpend(1)), false)
	f.same("another", f.spend(*newSpend(2)), true)
}

func spendApart(f *fixture) {
	end := when(time.Minute)
	for _, s := range []mapae.Spend{
		{Kind: mapae.SpendChallenge, ID: []byte{0}, Until: end},
		{Kind: mapae.SpendTicket, ID: []byte{0}, Until: end},
		{Kind: 255, ID: []byte{0}, Until: end},
		{Kind: mapae.SpendChallenge, ID: []byte{0, 0}, Until: end},
		{Kind: mapae.SpendChallenge, ID: bytes.Repeat([]byte{0xff}, 64), Until: end},
		{Kind: mapae.SpendChallenge, ID: bytes.Repeat([]byte{0xff}, 63), Until: end},
	} {
		f.same("the first time", f.spend(s), true)
		f.same("the second time", f.spend(s), false)
	}
}

func spendUndone(f *fixture) {
	err := f.store.Update(f.ctx, func(tx mapae.Tx) error {
		first, err := tx.Spend(f.ctx, *newSpend(1))
		f.answers("spend", err, nil)
		f.same("first", first, true)
		return errChanged
	})
	f.answers("update", err, errChanged)
	f.same("spent after all", f.spend(*newSpend(1)), true)
}

// sweep sweeps and demands how many were removed.
func (f *fixture) sweep(plan mapae.SweepPlan, want int) {
	f.Helper()
	n, err := f.store.Sweep(f.ctx, plan)
	f.answers("sweep", err, nil)
	f.same("removed", n, want)
}

func sweepSpent(f *fixture) {
	end := func(n int) mapae.Spend {
		s := *newSpend(n)
		s.Until = when(time.Duration(n) * time.Microsecond)
		return s
	}
	for n := 1; n <= 5; n++ {
		f.same("spent", f.spend(end(n)), true)
	}
	plan := mapae.SweepPlan{SpentBefore: when(4 * time.Microsecond), Limit: 2}
	f.sweep(plan, 2)
	fresh := func(n int) bool {
		s := end(n)
		s.ID = []byte("another")
		return f.spend(s)
	}
	f.same("removed, so refused", f.spend(end(1)), false)
	f.same("unknown, ends before the mark", fresh(1), false)
	f.same("unknown, ends at the mark", fresh(2), false)
	f.same("still there", f.spend(end(3)), false)
	f.same("unknown, ends after the mark", fresh(3), true)
	f.sweep(plan, 2)
	f.sweep(plan, 0)
	f.same("not swept: its end is not before the plan's", f.spend(end(4)), false)
	f.same("unknown, ends after the newest removed", fresh(4), true)
	f.same("unknown, ends at the newest removed", f.spend(mapae.Spend{Kind: 1, ID: []byte("x"), Until: end(3).Until}), false)
	f.same("of another kind, of which nothing was removed", f.spend(mapae.Spend{Kind: 2, ID: []byte("x"), Until: end(3).Until}), true)
}

func sweepSpentNothing(f *fixture) {
	f.sweep(mapae.SweepPlan{SpentBefore: when(time.Hour), Limit: 10}, 0)
	f.same("ends before the plan's", f.spend(*newSpend(1)), true)
}

func sweepSessions(f *fixture) {
	u := newUser(1)
	f.add(u)
	idle, absolute, live := newSession(u, 1), newSession(u, 2), newSession(u, 3)
	idle.IdleEndsAt = when(time.Minute)
	absolute.EndsAt = when(time.Minute)
	live.IdleEndsAt = when(time.Minute + time.Microsecond)
	for _, s := range []mapae.Session{live, absolute, idle} {
		f.signIn(bare(s))
	}
	f.sweep(mapae.SweepPlan{SessionsBefore: when(time.Minute - time.Microsecond), Limit: 10}, 0)
	plan := mapae.SweepPlan{SessionsBefore: when(time.Minute), Limit: 1}
	f.sweep(plan, 1)
	f.same("the oldest went first", f.world(u.ID).Sessions, []mapae.Session{live, absolute})
	f.sweep(plan, 1)
	f.sweep(plan, 0)
	f.same("what lives stays", f.world(u.ID).Sessions, []mapae.Session{live})
}

func sweepEvents(f *fixture) {
	u := newUser(1)
	f.add(newEvent(u, 3), newEvent(u, 1), newEvent(u, 2), newEvent(u, 4))
	plan := mapae.SweepPlan{EventsBefore: when(3 * time.Microsecond), Limit: 1}
	f.sweep(plan, 1)
	f.same("the oldest went first", f.world().Events, []mapae.Event{newEvent(u, 4), newEvent(u, 3), newEvent(u, 2)})
	f.sweep(plan, 1)
	f.sweep(plan, 0)
	f.same("events", f.world().Events, []mapae.Event{newEvent(u, 4), newEvent(u, 3)})
}

func sweepNothing(f *fixture) {
	a := newArena(f)
	adm := newAdmission(a.user, a.cred, 1)
	a.signIn(adm)
	f.add(newRecovery(a.user, 1))
	f.setFailures(newKey(7), mapae.Failures{}, mapae.Failures{Count: 1, At: when(0)})
	before := a.world()
	f.sweep(mapae.SweepPlan{Limit: 100}, 0)
	f.same("the world", a.world(), before)
	a.spent(adm.Spend)
	f.sweep(mapae.SweepPlan{
		SpentBefore: when(48 * time.Hour), SessionsBefore: when(48 * time.Hour), EventsBefore: when(48 * time.Hour),
		FailuresBefore: when(48 * time.Hour), RecoveryBefore: when(48 * time.Hour), Limit: 100,
	}, 5)
}
