package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mapae/mapae"
)

// User implements mapae.Reader.
func (t *tx) User(_ context.Context, id mapae.UserID) (mapae.User, error) {
	u, ok := t.users[id]
	if !ok {
		return mapae.User{}, mapae.ErrNotFound
	}
	return u, nil
}

// UserByLogin implements mapae.Reader.
func (t *tx) UserByLogin(ctx context.Context, key string) (mapae.User, error) {
	id, ok := t.logins[key]
	if !ok {
		return mapae.User{}, mapae.ErrNotFound
	}
	return t.User(ctx, id)
}

// UserByExternalID implements mapae.Reader.
func (t *tx) UserByExternalID(ctx context.Context, external string) (mapae.User, error) {
	id, ok := t.externals[external]
	if !ok {
		return mapae.User{}, mapae.ErrNotFound
	}
	return t.User(ctx, id)
}

// UserByEmail implements mapae.Reader.
func (t *tx) UserByEmail(ctx context.Context, key string) (mapae.User, error) {
	id, ok := t.emails[key]
	if !ok {
		return mapae.User{}, mapae.ErrNotFound
	}
	return t.User(ctx, id)
}

// Users implements mapae.Reader.
func (t *tx) Users(_ context.Context, after mapae.UserID, limit int) ([]mapae.User, error) {
	var list []mapae.User
	for id, u := range t.users {
		if id > after {
			list = append(list, u)
		}
	}
	slices.SortFunc(list, func(a, b mapae.User) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list[:min(limit, len(list))], nil
}

// LockUser implements mapae.Tx. The store's mutex is the lock.
func (t *tx) LockUser(ctx context.Context, id mapae.UserID) (mapae.User, error) {
	return t.User(ctx, id)
}

// AddUser implements mapae.Tx.
func (t *tx) AddUser(_ context.Context, u mapae.User) error {
	if _, ok := t.users[u.ID]; ok || t.taken(u) {
		return mapae.ErrExists
	}
	t.putUser(u)
	return nil
}

// UpdateUser implements mapae.Tx.
func (t *tx) UpdateUser(_ context.Context, u mapae.User) error {
	old, ok := t.users[u.ID]
	if !ok {
		return mapae.ErrNotFound
	}
	if t.taken(u) {
		return mapae.ErrExists
	}
	u.CreatedAt = old.CreatedAt
	t.dropNames(old)
	t.putUser(u)
	return nil
}

// DeleteUser implements mapae.Tx.
func (t *tx) DeleteUser(_ context.Context, id mapae.UserID) error {
	u, ok := t.users[id]
	if !ok {
		return mapae.ErrNotFound
	}
	for _, c := range t.credsOf[id] {
		remove(t, t.credentials, c)
	}
	for _, s := range t.sessionsOf[id] {
		remove(t, t.sessions, s)
	}
	for _, s := range t.secretsOf[id] {
		remove(t, t.secrets, s)
	}
	for _, k := range t.identsOf[id] {
		remove(t, t.identities, k)
	}
	for _, m := range t.outbox {
		if m.UserID == id {
			remove(t, t.outbox, m.ID)
		}
	}
	remove(t, t.identsOf, id)
	remove(t, t.credsOf, id)
	remove(t, t.sessionsOf, id)
	remove(t, t.secretsOf, id)
	t.dropRecovery(id)
	t.dropNames(u)
	remove(t, t.users, id)
	return nil
}

// taken reports whether a name of u is another user's.
func (t *tx) taken(u mapae.User) bool {
	if id, ok := t.logins[u.LoginKey]; ok && id != u.ID {
		return true
	}
	if id, ok := t.emails[u.EmailKey]; ok && id != u.ID {
		return true
	}
	id, ok := t.externals[u.ExternalID]
	return ok && id != u.ID
}

func (t *tx) putUser(u mapae.User) {
	u.EmailVerifiedAt, u.CreatedAt, u.DisabledAt = micro(u.EmailVerifiedAt), micro(u.CreatedAt), micro(u.DisabledAt)
	u.FrozenUntil, u.OfferAfter = micro(u.FrozenUntil), micro(u.OfferAfter)
	set(t, t.users, u.ID, u)
	set(t, t.logins, u.LoginKey, u.ID)
	if u.EmailKey != "" {
		set(t, t.emails, u.EmailKey, u.ID)
	}
	if u.ExternalID != "" {
		set(t, t.externals, u.ExternalID, u.ID)
	}
}

func (t *tx) dropNames(u mapae.User) {
	remove(t, t.logins, u.LoginKey)
	if u.EmailKey != "" {
		remove(t, t.emails, u.EmailKey)
	}
	if u.ExternalID != "" {
		remove(t, t.externals, u.ExternalID)
	}
}

// link adds k to what is listed for user. The owner must exist.
func link[K comparable](t *tx, of map[mapae.UserID][]K, user mapae.UserID, k K) error {
	if _, ok := t.users[user]; !ok {
		return t.fail(fmt.Errorf("memory: no user %v to own it", user))
	}
	set(t, of, user, append(slices.Clone(of[user]), k))
	return nil
}

// unlink takes k out of what is listed for user.
func unlink[K comparable](t *tx, of map[mapae.UserID][]K, user mapae.UserID, k K) {
	set(t, of, user, slices.DeleteFunc(slices.Clone(of[user]), func(x K) bool { return x == k }))
}
