package storetest

import (
	"time"

	"github.com/mapae/mapae"
)

var recoveries = []test{
	{"come back by claim and by user", recoveriesComeBack},
	{"that do not wait are not found", recoveriesMissing},
	{"take the place of an earlier one of the same user", recoveriesReplaced},
	{"have claims that are unique over all users, and the transaction goes on", recoveriesUnique},
	{"need a user", recoveriesNeedUser},
	{"are removed by their owner only", recoveriesRemoved},
	{"go with their user", recoveriesGo},
}

// waits demands that want is its user's recovery, by claim and by user.
func (f *fixture) waits(want mapae.Recovery) {
	f.Helper()
	got, err := f.store.Recovery(f.ctx, want.ClaimHash)
	f.answers("by claim", err, nil)
	f.same("by claim", got, want)
	got, err = f.store.RecoveryOf(f.ctx, want.UserID)
	f.answers("by user", err, nil)
	f.same("by user", got, want)
}

// noClaim demands that no recovery has r's claim.
func (f *fixture) noClaim(r mapae.Recovery) {
	f.Helper()
	_, err := f.store.Recovery(f.ctx, r.ClaimHash)
	f.answers("by claim", err, mapae.ErrNotFound)
}

func recoveriesComeBack(f *fixture) {
	a, b, c := newUser(1), newUser(2), newUser(3)
	full, bare, odd := newRecovery(a, 1), mapae.Recovery{UserID: b.ID}, newRecovery(c, 3)
	odd.ClaimHash = [32]byte{0: 0xff, 31: 1}
	odd.EndsAt = when(1999 * time.Nanosecond)
	f.add(a, b, c, full, bare, odd)
	odd.EndsAt = when(time.Microsecond)
	for _, want := range []mapae.Recovery{full, bare, odd} {
		f.waits(want)
		f.update(func(tx mapae.Tx) error {
			got, err := tx.Recovery(f.ctx, want.ClaimHash)
			f.answers("by claim in a transaction", err, nil)
			f.same("by claim in a transaction", got, want)
			got, err = tx.RecoveryOf(f.ctx, want.UserID)
			f.same("by user in a transaction", got, want)
			return err
		})
	}
}

func recoveriesMissing(f *fixture) {
	a, b := newUser(1), newUser(2)
	r := newRecovery(a, 1)
	f.add(a, b, r)
	for _, user := range []mapae.UserID{b.ID, newUser(3).ID, ""} {
		_, err := f.store.RecoveryOf(f.ctx, user)
		f.answers("by user", err, mapae.ErrNotFound)
	}
	wrong := r
	wrong.ClaimHash[31] ^= 1
	f.noClaim(wrong)
	f.noClaim(mapae.Recovery{})
}

func recoveriesReplaced(f *fixture) {
	a, b := newUser(1), newUser(2)
	first, theirs := newRecovery(a, 1), newRecovery(b, 2)
	f.add(a, b, first, theirs)
	next := mapae.Recovery{
		UserID: a.ID, ClaimHash: newKey(3), Proof: mapae.MethodRecoveryCode,
		CreatedAt: when(time.Minute), ReadyAt: when(time.Hour), EndsAt: when(2 * time.Hour),
	}
	f.add(next)
	f.waits(next)
	f.noClaim(first)
	next.EndsAt = when(3 * time.Hour)
	f.add(next) // the same claim once more
	f.waits(next)
	f.waits(theirs)
	heir := newRecovery(b, 1) // a claim that nothing waits for any more
	f.add(heir)
	f.waits(heir)
}

func recoveriesUnique(f *fixture) {
	a, b, c := newUser(1), newUser(2), newUser(3)
	mine, theirs := newRecovery(a, 1), newRecovery(b, 2)
	f.add(a, b, c, mine, theirs)
	stolen, fresh := newRecovery(b, 1), newRecovery(c, 1)
	stolen.Proof = "stolen"
	f.update(func(tx mapae.Tx) error {
		f.answers("another's claim, in the place of one's own", tx.SetRecovery(f.ctx, stolen), mapae.ErrExists)
		f.answers("another's claim", tx.SetRecovery(f.ctx, fresh), mapae.ErrExists)
		return tx.AddEvent(f.ctx, newEvent(a, 1))
	})
	f.waits(mine)
	f.waits(theirs)
	f.same("the transaction went on", len(f.world().Events), 1)
}

func recoveriesNeedUser(f *fixture) {
	r := newRecovery(newUser(1), 1)
	f.breaks("without a user", func(tx mapae.Tx) error { return tx.SetRecovery(f.ctx, r) })
	f.noClaim(r)
}

func recoveriesRemoved(f *fixture) {
	a, b := newUser(1), newUser(2)
	mine, theirs := newRecovery(a, 1), newRecovery(b, 2)
	f.add(a, b, mine, theirs)
	f.update(func(tx mapae.Tx) error { return tx.RemoveRecovery(f.ctx, a.ID) })
	f.update(func(tx mapae.Tx) error {
		f.answers("twice", tx.RemoveRecovery(f.ctx, a.ID), mapae.ErrNotFound)
		f.answers("nobody's", tx.RemoveRecovery(f.ctx, newUser(3).ID), mapae.ErrNotFound)
		return nil
	})
	f.noClaim(mine)
	_, err := f.store.RecoveryOf(f.ctx, a.ID)
	f.answers("by user", err, mapae.ErrNotFound)
	f.waits(theirs)
	f.add(mine)
	f.waits(mine)
}

func recoveriesGo(f *fixture) {
	a, b := newUser(1), newUser(2)
	mine, theirs := newRecovery(a, 1), newRecovery(b, 2)
	f.add(a, b, mine, theirs)
	f.update(func(tx mapae.Tx) error { return tx.DeleteUser(f.ctx, a.ID) })
	f.noClaim(mine)
	f.add(a)
	_, err := f.store.RecoveryOf(f.ctx, a.ID)
	f.answers("of a user of the same ID", err, mapae.ErrNotFound)
	f.waits(theirs)
	f.add(mine)
	f.waits(mine)
}

func sweepRecoveries(f *fixture) {
	var all []mapae.Recovery
	for n, end := range []time.Duration{time.Minute + time.Microsecond, time.Minute, time.Second} {
		u := newUser(n)
		r := newRecovery(u, n)
		r.EndsAt = when(end)
		f.add(u, r)
		all = append(all, r)
	}
	f.sweep(mapae.SweepPlan{RecoveryBefore: when(time.Second - time.Microsecond), Limit: 10}, 0)
	plan := mapae.SweepPlan{RecoveryBefore: when(time.Minute), Limit: 1}
	f.sweep(plan, 1)
	f.noClaim(all[2]) // the oldest end went first
	f.waits(all[1])
	f.sweep(plan, 1)
	f.sweep(plan, 0)
	f.noClaim(all[1])
	f.waits(all[0])
}
