package sqlstore

import (
	"context"
	"errors"

	"github.com/mapae/mapae"
)

const (
	selectFailures = `SELECT count, until, at FROM mapae_failures WHERE key_hash = $1`

	// A row is made where there is none, because only a row can be locked; one
	// that is there is written as it is. In one statement, so that nobody can
	// remove the row between the two.
	lockFailures = `INSERT INTO mapae_failures (key_hash, count, until, at) VALUES ($1, 0, 0, 0)
	ON CONFLICT (key_hash) DO UPDATE SET count = mapae_failures.count RETURNING count, until, at`

	setFailures = `INSERT INTO mapae_failures (key_hash, count, until, at) VALUES ($1, $2, $3, $4)
	ON CONFLICT (key_hash) DO UPDATE SET count = excluded.count, until = excluded.until, at = excluded.at`

	deleteFailures = `DELETE FROM mapae_failures WHERE key_hash = $1`
)

// oneFailures runs a statement that returns at most one count; none is the
// zero value.
func (r Reader) oneFailures(ctx context.Context, sql string, key [32]byte) (mapae.Failures, error) {
	var count, until, at int64
	err := r.q.Row(ctx, sql, args(key[:]), []any{&count, &until, &at})
	if err != nil && !errors.Is(err, mapae.ErrNotFound) {
		return mapae.Failures{}, err
	}
	return mapae.Failures{Count: int(count), Until: moment(until), At: moment(at)}, nil
}

// Failures implements mapae.Reader.
func (r Reader) Failures(ctx context.Context, key [32]byte) (mapae.Failures, error) {
	return r.oneFailures(ctx, selectFailures, key)
}

// LockFailures implements mapae.Tx.
func (t Tx) LockFailures(ctx context.Context, key [32]byte) (mapae.Failures, error) {
	return t.oneFailures(ctx, lockFailures, key)
}

// SetFailures implements mapae.Tx.
func (t Tx) SetFailures(ctx context.Context, key [32]byte, f mapae.Failures) error {
	if f.Count == 0 {
		_, err := t.q.Exec(ctx, deleteFailures, key[:])
		return err
	}
	_, err := t.q.Exec(ctx, setFailures, key[:], int64(f.Count), micros(f.Until), micros(f.At))
	return err
}
