package sqlstore

import (
	"context"
	"time"

	"github.com/mapae/mapae"
)

const (
	// Whether a thing is spent for the first time is decided by the insert.
	// What ended at or before the mark may have been swept and is refused.
	insertSpent = `INSERT INTO mapae_spent (ends_at, kind, id) SELECT $1, $2, $3
	WHERE (SELECT value FROM mapae_marks WHERE name = 'spent') < $1 ON CONFLICT DO NOTHING`

	deleteSpent = `DELETE FROM mapae_spent WHERE (ends_at, kind, id) IN
	(SELECT ends_at, kind, id FROM mapae_spent WHERE ends_at < $1 ORDER BY ends_at, kind, id LIMIT $2) RETURNING ends_at`

	raiseMark = `UPDATE mapae_marks SET value = $1 WHERE name = 'spent' AND value < $1`
)

// Spend implements mapae.Tx.
func (t Tx) Spend(ctx context.Context, s mapae.Spend) (bool, error) {
	n, err := t.q.Exec(ctx, insertSpent, micros(s.Until), int64(s.Kind), blob(s.ID))
	return n == 1, err
}

// sweepSpent removes at most limit spent things that ended before then and
// moves the mark to the newest end removed.
func (t Tx) sweepSpent(ctx context.Context, before time.Time, limit int) (removed int64, err error) {
	var end, newest int64
	err = t.q.Rows(ctx, deleteSpent, args(micros(before), int64(limit)), []any{&end}, func() error {
		removed++
		newest = max(newest, end)
		return nil
	})
	if err == nil && removed > 0 {
		_, err = t.q.Exec(ctx, raiseMark, newest)
	}
	return removed, err
}
