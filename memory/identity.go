package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mapae/mapae"
)

// identityKey is what an identity is unique by.
type identityKey struct{ provider, subject string }

// Identity implements mapae.Reader.
func (t *tx) Identity(_ context.Context, provider, subject string) (mapae.Identity, mapae.User, error) {
	i, ok := t.identities[identityKey{provider, subject}]
	if !ok {
		return mapae.Identity{}, mapae.User{}, mapae.ErrNotFound
	}
	return i, t.users[i.UserID], nil
}

// Identities implements mapae.Reader.
func (t *tx) Identities(_ context.Context, user mapae.UserID) ([]mapae.Identity, error) {
	var list []mapae.Identity
	for _, k := range t.identsOf[user] {
		list = append(list, t.identities[k])
	}
	slices.SortFunc(list, func(a, b mapae.Identity) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Subject, b.Subject))
	})
	return list, nil
}

// AddIdentity implements mapae.Tx.
func (t *tx) AddIdentity(_ context.Context, i mapae.Identity) error {
	k := identityKey{i.Provider, i.Subject}
	if _, ok := t.identities[k]; ok {
		return mapae.ErrExists
	}
	if err := link(t, t.identsOf, i.UserID, k); err != nil {
		return err
	}
	i.CreatedAt, i.LastUsedAt = micro(i.CreatedAt), micro(i.LastUsedAt)
	set(t, t.identities, k, i)
	return nil
}

// RemoveIdentity implements mapae.Tx.
func (t *tx) RemoveIdentity(_ context.Context, user mapae.UserID, provider, subject string) error {
	k := identityKey{provider, subject}
	if i, ok := t.identities[k]; !ok || i.UserID != user {
		return mapae.ErrNotFound
	}
	remove(t, t.identities, k)
	unlink(t, t.identsOf, user, k)
	return nil
}

// TouchIdentity implements mapae.Tx.
func (t *tx) TouchIdentity(_ context.Context, user mapae.UserID, provider, subject string, at time.Time) error {
	k := identityKey{provider, subject}
	i, ok := t.identities[k]
	if !ok || i.UserID != user {
		return mapae.ErrNotFound
	}
	if at = micro(at); at.After(i.LastUsedAt) {
		i.LastUsedAt = at
		set(t, t.identities, k, i)
	}
	return nil
}
