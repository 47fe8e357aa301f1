package memory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mapae/mapae"
)

// Secrets implements mapae.Reader.
func (t *tx) Secrets(_ context.Context, user mapae.UserID, kind mapae.SecretKind) ([]mapae.Secret, error) {
	var list []mapae.Secret
	for _, id := range t.secretsOf[user] {
		if s := t.secrets[id]; kind == "" || s.Kind == kind {
			list = append(list, ownSecret(s))
		}
	}
	slices.SortFunc(list, func(a, b mapae.Secret) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

// SecretByData implements mapae.Reader.
func (t *tx) SecretByData(_ context.Context, user mapae.UserID, kind mapae.SecretKind, data []byte) (mapae.Secret, error) {
	var found mapae.Secret
	for _, id := range t.secretsOf[user] {
		s := t.secrets[id]
		if s.Kind == kind && bytes.Equal(s.Data, data) && (found.ID == "" || s.ID < found.ID) {
			found = s
		}
	}
	if found.ID == "" {
		return mapae.Secret{}, mapae.ErrNotFound
	}
	return ownSecret(found), nil
}

// SecretsUnder implements mapae.Reader.
func (t *tx) SecretsUnder(_ context.Context, keyID, after string, limit int) ([]mapae.Secret, error) {
	var list []mapae.Secret
	for id, s := range t.secrets {
		if s.KeyID == keyID && id > after {
			list = append(list, ownSecret(s))
		}
	}
	slices.SortFunc(list, func(a, b mapae.Secret) int { return cmp.Compare(a.ID, b.ID) })
	return list[:min(limit, len(list))], nil
}

// AddSecret implements mapae.Tx.
func (t *tx) AddSecret(_ context.Context, s mapae.Secret) error {
	if _, ok := t.secrets[s.ID]; ok {
		return t.fail(fmt.Errorf("memory: secret %x is there already", s.ID))
	}
	if err := link(t, t.secretsOf, s.UserID, s.ID); err != nil {
		return err
	}
	set(t, t.secrets, s.ID, ownSecret(s))
	return nil
}

// RemoveSecrets implements mapae.Tx.
func (t *tx) RemoveSecrets(_ context.Context, user mapae.UserID, kind mapae.SecretKind) (int, error) {
	n := 0
	for _, id := range t.secretsOf[user] {
		if t.secrets[id].Kind == kind {
			remove(t, t.secrets, id)
			unlink(t, t.secretsOf, user, id)
			n++
		}
	}
	return n, nil
}

// UseSecret implements mapae.Tx. A time that would be stored as not used, or
// that is before 1970, uses nothing.
func (t *tx) UseSecret(_ context.Context, user mapae.UserID, id string, at time.Time) (bool, error) {
	s, ok := t.secrets[id]
	if !ok || s.UserID != user || !s.UsedAt.IsZero() || at.UnixMicro() <= 0 {
		return false, nil
	}
	s.UsedAt = micro(at)
	set(t, t.secrets, id, s)
	return true, nil
}

// StepSecret implements mapae.Tx.
func (t *tx) StepSecret(_ context.Context, user mapae.UserID, id string, step int64) (bool, error) {
	s, ok := t.secrets[id]
	if !ok || s.UserID != user || s.Step >= step {
		return false, nil
	}
	s.Step = step
	set(t, t.secrets, id, s)
	return true, nil
}

// ReplaceSecret implements mapae.Tx.
func (t *tx) ReplaceSecret(_ context.Context, s mapae.Secret, old []byte) (bool, error) {
	now, ok := t.secrets[s.ID]
	if !ok || now.UserID != s.UserID || !bytes.Equal(now.Data, old) {
		return false, nil
	}
	now.Data, now.KeyID = own(s.Data), s.KeyID
	set(t, t.secrets, s.ID, now)
	return true, nil
}

// ownSecret returns s sharing no bytes with it, its times cut.
func ownSecret(s mapae.Secret) mapae.Secret {
	s.Data = own(s.Data)
	s.CreatedAt, s.UsedAt = micro(s.CreatedAt), micro(s.UsedAt)
	return s
}
