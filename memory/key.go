package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/mapae/mapae"
)

// KeyChecks implements mapae.Reader.
func (t *tx) KeyChecks(context.Context) ([]mapae.KeyCheck, error) {
	var list []mapae.KeyCheck
	for id, check := range t.keys {
		list = append(list, mapae.KeyCheck{ID: id, Check: own(check)})
	}
	slices.SortFunc(list, func(a, b mapae.KeyCheck) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

// AddKeyCheck implements mapae.Tx.
func (t *tx) AddKeyCheck(_ context.Context, k mapae.KeyCheck) error {
	if check, ok := t.keys[k.ID]; ok {
		if !bytes.Equal(check, k.Check) {
			return mapae.ErrExists
		}
		return nil
	}
	set(t, t.keys, k.ID, own(k.Check))
	return nil
}

// RemoveKeyCheck implements mapae.Tx.
func (t *tx) RemoveKeyCheck(_ context.Context, id string) error {
	if _, ok := t.keys[id]; !ok {
		return mapae.ErrNotFound
	}
	remove(t, t.keys, id)
	return nil
}
