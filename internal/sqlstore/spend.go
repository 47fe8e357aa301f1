package sqlstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/mapae/mapae"
)

const (
	// Whether a thing is spent for the first time is decided by the insert.
	// What ended at or before its kind's mark may have been swept and is refused.
	insertSpent = `INSERT INTO mapae_spent (ends_at, kind, id) SELECT $1, $2, $3
	WHERE NOT EXISTS (SELECT 1 FROM mapae_swept WHERE kind = $2 AND ends_at >= $1) ON CONFLICT DO NOTHING`

	deleteSpent = `DELETE FROM mapae_spent WHERE (ends_at, kind, id) IN
	(SELECT ends_at, kind, id FROM mapae_spent WHERE ends_at < $1 ORDER BY ends_at, kind, id LIMIT $2) RETURNING kind, ends_at`

	raiseMark = `INSERT INTO mapae_swept (kind, ends_at) VALUES ($1, $2)
	ON CONFLICT (kind) DO UPDATE SET ends_at = excluded.ends_at WHERE mapae_swept.ends_at < excluded.ends_at`
)

// Spend implements mapae.Tx.
func (t Tx) Spend(ctx context.Context, s mapae.Spend) (bool, error) {
	n, err := t.q.Exec(ctx, insertSpent, micros(s.Until), int64(s.Kind), blob(s.ID))
	return n == 1, err
}

// sweepSpent removes at most limit spent things that ended before then and
// moves the mark of each kind to the newest end removed.
func (t Tx) sweepSpent(ctx context.Context, before time.Time, limit int) (removed int64, err error) {
	var kind, end int64
	newest := map[int64]int64{}
	err = t.q.Rows(ctx, deleteSpent, args(micros(before), int64(limit)), []any{&kind, &end}, func() error {
		removed++
		newest[kind] = max(newest[kind], end)
		return nil
	})
	for _, kind := range slices.Sorted(maps.Keys(newest)) { // in one order, so that two sweeps don't wait for each other
		if err == nil {
			_, err = t.q.Exec(ctx, raiseMark, kind, newest[kind])
		}
	}
	return removed, err
}
