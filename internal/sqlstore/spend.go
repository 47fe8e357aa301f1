package sqlstore

import (
	"context"

	"github.com/mapae/mapae"
)

const (
	// Whether a thing is spent for the first time is decided by the insert.
	// What ended at or before its kind's mark may have been swept and is refused.
	insertSpent = `INSERT INTO mapae_spent (ends_at, kind, id) SELECT $1, $2, $3
	WHERE NOT EXISTS (SELECT 1 FROM mapae_swept WHERE kind = $2 AND ends_at >= $1) ON CONFLICT DO NOTHING`
)

// Spend implements mapae.Tx.
func (t Tx) Spend(ctx context.Context, s mapae.Spend) (bool, error) {
	n, err := t.q.Exec(ctx, insertSpent, micros(s.Until), int64(s.Kind), blob(s.ID))
	return n == 1, err
}
