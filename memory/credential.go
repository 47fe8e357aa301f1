package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mapae/mapae"
)

// Credential implements mapae.Reader.
func (t *tx) Credential(_ context.Context, id []byte) (mapae.Credential, mapae.User, error) {
	c, ok := t.credentials[string(id)]
	if !ok {
		return mapae.Credential{}, mapae.User{}, mapae.ErrNotFound
	}
	return ownCredential(c), t.users[c.UserID], nil
}

// Credentials implements mapae.Reader.
func (t *tx) Credentials(_ context.Context, user mapae.UserID) ([]mapae.Credential, error) {
	var list []mapae.Credential
	for _, id := range t.credsOf[user] {
		list = append(list, ownCredential(t.credentials[id]))
	}
	slices.SortFunc(list, func(a, b mapae.Credential) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), bytes.Compare(b.ID, a.ID))
	})
	return list, nil
}

// AddCredential implements mapae.Tx.
func (t *tx) AddCredential(_ context.Context, c mapae.Credential) error {
	id := string(c.ID)
	if _, ok := t.credentials[id]; ok {
		return mapae.ErrExists
	}
	if err := link(t, t.credsOf, c.UserID, id); err != nil {
		return err
	}
	set(t, t.credentials, id, ownCredential(c))
	return nil
}

// RenameCredential implements mapae.Tx.
func (t *tx) RenameCredential(_ context.Context, user mapae.UserID, id []byte, name string) error {
	c, ok := t.credentials[string(id)]
	if !ok || c.UserID != user {
		return mapae.ErrNotFound
	}
	c.Name = name
	set(t, t.credentials, string(id), c)
	return nil
}

// RemoveCredential implements mapae.Tx.
func (t *tx) RemoveCredential(_ context.Context, user mapae.UserID, id []byte) error {
	c, ok := t.credentials[string(id)]
	if !ok || c.UserID != user {
		return mapae.ErrNotFound
	}
	remove(t, t.credentials, string(id))
	unlink(t, t.credsOf, user, string(id))
	return nil
}

// SuspendCredential implements mapae.Tx.
func (t *tx) SuspendCredential(_ context.Context, user mapae.UserID, id []byte, at time.Time) error {
	c, ok := t.credentials[string(id)]
	if !ok || c.UserID != user {
		return mapae.ErrNotFound
	}
	c.SuspendedAt = micro(at)
	set(t, t.credentials, string(id), c)
	return nil
}

// ownCredential returns c sharing no bytes with it, its times cut.
func ownCredential(c mapae.Credential) mapae.Credential {
	c.ID, c.PublicKey = own(c.ID), own(c.PublicKey)
	c.AttestationObject, c.AttestationClientDataJSON = own(c.AttestationObject), own(c.AttestationClientDataJSON)
	c.Transports = append([]string(nil), c.Transports...)
	c.CreatedAt, c.LastUsedAt, c.SuspendedAt = micro(c.CreatedAt), micro(c.LastUsedAt), micro(c.SuspendedAt)
	return c
}
