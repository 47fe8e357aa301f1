package sqlstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mapae/mapae"
)

// SkipLocked lets a sweep pass over rows that a transaction holds, on engines
// that lock rows: it then waits for nobody.
const SkipLocked = ` FOR UPDATE SKIP LOCKED`

// What is over, oldest end first, and its removal, in one statement each kind.
// Each finds its rows by an index.
const (
	overSpent   = `SELECT ends_at, kind, id FROM mapae_spent WHERE ends_at < $1 ORDER BY ends_at, kind, id LIMIT $2`
	removeSpent = `DELETE FROM mapae_spent WHERE (ends_at, kind, id) IN (SELECT ends_at, kind, id FROM over) RETURNING kind, ends_at`

	// A session is over at the earlier of its two ends; mapae_sessions_over is
	// an index on this expression.
	sessionOver    = `(CASE WHEN idle_ends_at < ends_at THEN idle_ends_at ELSE ends_at END)`
	overSessions   = `SELECT id FROM mapae_sessions WHERE ` + sessionOver + ` <= $1 ORDER BY ` + sessionOver + `, id LIMIT $2`
	removeSessions = `DELETE FROM mapae_sessions WHERE id IN (SELECT id FROM over)`

	overEvents   = `SELECT id FROM mapae_events WHERE id < $1 ORDER BY id LIMIT $2`
	removeEvents = `DELETE FROM mapae_events WHERE id IN (SELECT id FROM over)`

	overFailures   = `SELECT key_hash FROM mapae_failures WHERE at < $1 AND until <= $1 ORDER BY at, key_hash LIMIT $2`
	removeFailures = `DELETE FROM mapae_failures WHERE key_hash IN (SELECT key_hash FROM over)`

	overRecoveries   = `SELECT user_id FROM mapae_recoveries WHERE ends_at <= $1 ORDER BY ends_at, user_id LIMIT $2`
	removeRecoveries = `DELETE FROM mapae_recoveries WHERE user_id IN (SELECT user_id FROM over)`

	raiseMark = `INSERT INTO mapae_swept (kind, ends_at) VALUES ($1, $2)
	ON CONFLICT (kind) DO UPDATE SET ends_at = excluded.ends_at WHERE mapae_swept.ends_at < excluded.ends_at`
)

// sweeper removes one batch in a transaction.
type sweeper struct {
	Tx
	lock  string // ends the statement that finds rows
	limit int
}

// Sweep removes one batch, see mapae.Store, in one transaction of update's.
// lock is SkipLocked, or empty for an engine that has one writer.
func Sweep(ctx context.Context, update func(context.Context, func(mapae.Tx) error) error, plan mapae.SweepPlan, lock string) (removed int, err error) {
	err = update(ctx, func(tx mapae.Tx) error {
		n, err := sweeper{tx.(Tx), lock, plan.Limit}.sweep(ctx, plan)
		removed = int(n)
		return err
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

func (s sweeper) sweep(ctx context.Context, plan mapae.SweepPlan) (removed int64, err error) {
	for _, kind := range []struct {
		name, over, remove string
		before             time.Time
	}{
		{"sessions", overSessions, removeSessions, plan.SessionsBefore},
		{"spent things", overSpent, removeSpent, plan.SpentBefore},
		{"events", overEvents, removeEvents, plan.EventsBefore},
		{"failures", overFailures, removeFailures, plan.FailuresBefore},
		{"recoveries", overRecoveries, removeRecoveries, plan.RecoveryBefore},
	} {
		if kind.before.IsZero() {
			continue
		}
		var n int64
		sql := `WITH over AS MATERIALIZED (` + kind.over + s.lock + `) ` + kind.remove
		switch kind.over {
		case overSpent:
			n, err = s.sweepSpent(ctx, sql, kind.before)
		case overEvents:
			n, err = s.q.Exec(ctx, sql, firstEventID(kind.before), int64(s.limit))
		default:
			n, err = s.q.Exec(ctx, sql, micros(kind.before), int64(s.limit))
		}
		if err != nil {
			return 0, fmt.Errorf("sweep %s: %w", kind.name, err)
		}
		removed += n
	}
	return removed, nil
}

// sweepSpent removes spent things and moves the mark of each kind to the
// newest end removed.
func (s sweeper) sweepSpent(ctx context.Context, sql string, before time.Time) (removed int64, err error) {
	var kind, end int64
	newest := map[int64]int64{}
	err = s.q.Rows(ctx, sql, args(micros(before), int64(s.limit)), []any{&kind, &end}, func() error {
		removed++
		newest[kind] = max(newest[kind], end)
		return nil
	})
	for _, kind := range slices.Sorted(maps.Keys(newest)) { // in one order, so that two sweeps don't wait for each other
		if err == nil {
			_, err = s.q.Exec(ctx, raiseMark, kind, newest[kind])
		}
	}
	return removed, err
}
