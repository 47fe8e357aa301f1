package sqlstore

import (
	"bytes"
	"context"

	"github.com/mapae/mapae"
)

const (
	selectKeys = `SELECT id, check_value FROM mapae_keys ORDER BY id`
	selectKey  = `SELECT check_value FROM mapae_keys WHERE id = $1`
	insertKey  = `INSERT INTO mapae_keys (id, check_value) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	deleteKey  = `DELETE FROM mapae_keys WHERE id = $1`
)

// KeyChecks implements mapae.Reader.
func (r Reader) KeyChecks(ctx context.Context) (list []mapae.KeyCheck, err error) {
	var k mapae.KeyCheck
	err = r.q.Rows(ctx, selectKeys, nil, []any{&k.ID, &k.Check}, func() error {
		list = append(list, k)
		return nil
	})
	return list, err
}

// AddKeyCheck implements mapae.Tx.
func (t Tx) AddKeyCheck(ctx context.Context, k mapae.KeyCheck) error {
	err := t.add(ctx, insertKey, k.ID, blob(k.Check))
	if err != mapae.ErrExists {
		return err
	}
	var check []byte
	if err := t.q.Row(ctx, selectKey, args(k.ID), []any{&check}); err != nil {
		return err
	}
	if !bytes.Equal(check, k.Check) {
		return mapae.ErrExists
	}
	return nil
}

// RemoveKeyCheck implements mapae.Tx.
func (t Tx) RemoveKeyCheck(ctx context.Context, id string) error {
	return t.write(ctx, deleteKey, id)
}
