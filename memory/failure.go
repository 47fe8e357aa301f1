package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/mapae/mapae"
)

// Failures implements mapae.Reader.
func (t *tx) Failures(_ context.Context, key [32]byte) (mapae.Failures, error) {
	return t.failures[key], nil
}

// LockFailures implements mapae.Tx. The store's mutex is the lock; what is
// locked is there from then on, as in the other stores, so that sweeps count
// alike.
func (t *tx) LockFailures(_ context.Context, key [32]byte) (mapae.Failures, error) {
	f, ok := t.failures[key]
	if !ok {
		set(t, t.failures, key, f)
	}
	return f, nil
}

// SetFailures implements mapae.Tx.
func (t *tx) SetFailures(_ context.Context, key [32]byte, f mapae.Failures) error {
	if f.Count == 0 {
		remove(t, t.failures, key)
		return nil
	}
	f.Until, f.At = micro(f.Until), micro(f.At)
	set(t, t.failures, key, f)
	return nil
}

// sweepFailures removes counts that are old and bar nothing, oldest first.
func (t *tx) sweepFailures(plan mapae.SweepPlan) int {
	limit := micro(plan.FailuresBefore)
	if limit.IsZero() {
		return 0
	}
	var over [][32]byte
	for key, f := range t.failures {
		if f.At.Before(limit) && !f.Until.After(limit) {
			over = append(over, key)
		}
	}
	slices.SortFunc(over, func(a, b [32]byte) int {
		return cmp.Or(t.failures[a].At.Compare(t.failures[b].At), bytes.Compare(a[:], b[:]))
	})
	over = over[:min(len(over), plan.Limit)]
	for _, key := range over {
		remove(t, t.failures, key)
	}
	return len(over)
}
