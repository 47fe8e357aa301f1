package storetest

import (
	"math"
	"time"

	"github.com/mapae/mapae"
)

var failures = []test{
	{"come back as they were set", failuresComeBack},
	{"that nobody counted are none", failuresNone},
	{"of different keys do not meet", failuresApart},
	{"are removed by a count of zero", failuresRemoved},
	{"are not counted by a transaction that fails", failuresUndone},
}

// failures reads what is counted under key.
func (f *fixture) failures(key [32]byte) mapae.Failures {
	f.Helper()
	got, err := f.store.Failures(f.ctx, key)
	f.answers("Failures", err, nil)
	return got
}

// setFailures locks key, demands what is counted there, and sets it to next.
func (f *fixture) setFailures(key [32]byte, was, next mapae.Failures) {
	f.Helper()
	f.update(func(tx mapae.Tx) error {
		got, err := tx.LockFailures(f.ctx, key)
		f.same("locked", got, was)
		if err != nil {
			return err
		}
		return tx.SetFailures(f.ctx, key, next)
	})
}

func failuresComeBack(f *fixture) {
	last := mapae.Failures{}
	for _, next := range []mapae.Failures{
		{Count: 1, At: when(0)},
		{Count: 5, Until: when(time.Microsecond), At: when(-time.Microsecond)},
		{Count: math.MaxInt32, Until: when(time.Hour)},
		{Count: 2},
	} {
		f.setFailures(newKey(1), last, next)
		f.same("set", f.failures(newKey(1)), next)
		last = next
	}
	next := mapae.Failures{Count: 3, Until: when(999 * time.Nanosecond), At: when(1999 * time.Nanosecond)}
	f.setFailures(newKey(1), last, next)
	f.same("times are cut to microseconds", f.failures(newKey(1)), mapae.Failures{Count: 3, Until: when(0), At: when(time.Microsecond)})
}

func failuresNone(f *fixture) {
	f.same("never counted", f.failures(newKey(1)), mapae.Failures{})
	f.update(func(tx mapae.Tx) error {
		for range 2 {
			got, err := tx.LockFailures(f.ctx, newKey(1))
			f.answers("lock", err, nil)
			f.same("locked", got, mapae.Failures{})
		}
		got, err := tx.Failures(f.ctx, newKey(1))
		f.same("read while locked", got, mapae.Failures{})
		return err
	})
	f.same("locked, but not set", f.failures(newKey(1)), mapae.Failures{})
}

func failuresApart(f *fixture) {
	keys := [][32]byte{{}, {31: 1}, {0: 1}, {0: 0xff, 31: 0xff}, newKey(1), newKey(2)}
	for n, key := range keys {
		f.setFailures(key, mapae.Failures{}, mapae.Failures{Count: n + 1, At: when(0)})
	}
	f.setFailures(keys[1], mapae.Failures{Count: 2, At: when(0)}, mapae.Failures{})
	for n, key := range keys {
		want := mapae.Failures{Count: n + 1, At: when(0)}
		if n == 1 {
			want = mapae.Failures{}
		}
		f.same("counted", f.failures(key), want)
	}
}

func failuresRemoved(f *fixture) {
	count := mapae.Failures{Count: 4, Until: when(time.Hour), At: when(0)}
	f.setFailures(newKey(1), mapae.Failures{}, count)
	f.setFailures(newKey(1), count, mapae.Failures{Until: when(time.Hour), At: when(0)})
	f.same("removed", f.failures(newKey(1)), mapae.Failures{})
	f.setFailures(newKey(1), mapae.Failures{}, mapae.Failures{})
	f.update(func(tx mapae.Tx) error {
		if _, err := tx.LockFailures(f.ctx, newKey(1)); err != nil {
			return err
		}
		for _, next := range []mapae.Failures{count, {}, count} {
			if err := tx.SetFailures(f.ctx, newKey(1), next); err != nil {
				return err
			}
			got, err := tx.Failures(f.ctx, newKey(1))
			f.answers("Failures", err, nil)
			f.same("in one transaction", got, next)
		}
		return nil
	})
	f.same("set again", f.failures(newKey(1)), count)
}

func failuresUndone(f *fixture) {
	one := mapae.Failures{Count: 1, At: when(0)}
	f.setFailures(newKey(1), mapae.Failures{}, one)
	err := f.store.Update(f.ctx, func(tx mapae.Tx) error {
		for n := range 2 {
			key := newKey(1 + n)
			if _, err := tx.LockFailures(f.ctx, key); err != nil {
				return err
			}
			if err := tx.SetFailures(f.ctx, key, mapae.Failures{Count: 2 * n, At: when(1)}); err != nil {
				return err
			}
		}
		return errChanged
	})
	f.answers("update", err, errChanged)
	f.same("removed after all", f.failures(newKey(1)), one)
	f.same("counted after all", f.failures(newKey(2)), mapae.Failures{})
}

func sweepFailures(f *fixture) {
	limit := when(time.Hour)
	for n, count := range []mapae.Failures{
		{Count: 1, At: when(time.Minute)},
		{Count: 1, At: when(0), Until: limit},
		{Count: 1, At: when(0), Until: limit.Add(time.Microsecond)},
		{Count: 1, At: limit},
		{Count: 1, At: limit.Add(-time.Microsecond)},
	} {
		f.setFailures(newKey(n), mapae.Failures{}, count)
	}
	left := func() (list []int) {
		for n := range 5 {
			if f.failures(newKey(n)) != (mapae.Failures{}) {
				list = append(list, n)
			}
		}
		return list
	}
	f.sweep(mapae.SweepPlan{FailuresBefore: when(0), Limit: 10}, 0)
	plan := mapae.SweepPlan{FailuresBefore: limit, Limit: 1}
	f.sweep(plan, 1)
	f.same("the oldest went first", left(), []int{0, 2, 3, 4})
	plan.Limit = 10
	f.sweep(plan, 2)
	f.sweep(plan, 0)
	f.same("what still bars or is not older stays", left(), []int{2, 3})
}
