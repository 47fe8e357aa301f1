package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/mapae/mapae"
)

// Sweep removes one batch, see mapae.Store: what takes long is looked for with
// r first, what was found is removed in one transaction of update's.
func Sweep(ctx context.Context, r Reader, update func(context.Context, func(mapae.Tx) error) error, plan mapae.SweepPlan) (removed int, err error) {
	var over [][]byte
	if !plan.SessionsBefore.IsZero() {
		if over, err = r.sessionsOver(ctx, plan.SessionsBefore, plan.Limit); err != nil {
			return 0, fmt.Errorf("look for sessions that are over: %w", err)
		}
	}
	err = update(ctx, func(tx mapae.Tx) error {
		removed, err = tx.(Tx).sweep(ctx, plan, over)
		return err
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

func (t Tx) sweep(ctx context.Context, plan mapae.SweepPlan, over [][]byte) (int, error) {
	removed, err := t.sweepSessions(ctx, over, plan.SessionsBefore)
	if err != nil {
		return 0, fmt.Errorf("sweep sessions: %w", err)
	}
	for _, kind := range []struct {
		name  string
		limit time.Time
		sweep func(context.Context, time.Time, int) (int64, error)
	}{
		{"spent things", plan.SpentBefore, t.sweepSpent},
		{"events", plan.EventsBefore, t.sweepEvents},
		{"failures", plan.FailuresBefore, t.sweepFailures},
		{"recoveries", plan.RecoveryBefore, t.sweepRecoveries},
	} {
		if kind.limit.IsZero() {
			continue
		}
		n, err := kind.sweep(ctx, kind.limit, plan.Limit)
		if err != nil {
			return 0, fmt.Errorf("sweep %s: %w", kind.name, err)
		}
		removed += n
	}
	return int(removed), nil
}
