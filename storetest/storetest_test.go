package storetest

import (
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
)

func TestCountingTellsReadsTransactionsAndWrites(t *testing.T) {
	t.Parallel()
	c := Counting(memory.New())
	f := &fixture{T: t, ctx: t.Context(), store: c}
	a := newArena(f)
	f.same("two users, two credentials", c.Counts(), Counts{Transactions: 1, Writes: 4})
	c.Reset()
	f.signIn(newAdmission(a.user, a.cred, 1))
	f.same("admit", c.Counts(), Counts{Transactions: 1, Writes: 1})
	c.Reset()
	_, err := c.User(f.ctx, a.user.ID)
	f.answers("User", err, nil)
	f.update(func(tx mapae.Tx) error { return second(tx.User(f.ctx, a.user.ID)) })
	f.same("a read outside and one inside", c.Counts(), Counts{Reads: 1, Transactions: 1})
}

func TestFaultyLeavesNothingWhereverItStrikes(t *testing.T) {
	t.Parallel()
	flow := func(a arena, s mapae.Store, swallow bool) error {
		if _, err := s.User(a.ctx, a.user.ID); err != nil {
			return err
		}
		return s.Update(a.ctx, func(tx mapae.Tx) error {
			if err := a.writeAll(tx); err != nil && !swallow {
				return err
			}
			return nil
		})
	}
	for _, swallow := range []bool{false, true} {
		n := 1
		for ; ; n++ {
			f := &fixture{T: t, ctx: t.Context(), store: memory.New()}
			a := busyArena(f)
			before := a.world()
			broken := Faulty(f.store, n)
			err := flow(a, broken, swallow)
			if !broken.Struck() {
				f.answers("a flow without a fault", err, nil)
				break
			}
			f.answers("a flow with a fault", err, ErrFault)
			a.untouched(before)
		}
		if n != 35 { // a read, a beginning, 31 writes, a commit; then none
			t.Errorf("%d calls were tried", n-1)
		}
	}
}
