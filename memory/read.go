package memory

import (
	"context"
	"time"

	"github.com/mapae/mapae"
)

// read runs f on the tables of s with the mutex held.
func read[T any](ctx context.Context, s *Store, f func(*tx) (T, error)) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		var none T
		return none, err
	}
	return f(&tx{tables: s.tables})
}

// Ping implements mapae.Reader.
func (s *Store) Ping(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready(ctx)
}

// User implements mapae.Reader.
func (s *Store) User(ctx context.Context, id mapae.UserID) (mapae.User, error) {
	return read(ctx, s, func(t *tx) (mapae.User, error) { return t.User(ctx, id) })
}

// UserByLogin implements mapae.Reader.
func (s *Store) UserByLogin(ctx context.Context, key string) (mapae.User, error) {
	return read(ctx, s, func(t *tx) (mapae.User, error) { return t.UserByLogin(ctx, key) })
}

// UserByExternalID implements mapae.Reader.
func (s *Store) UserByExternalID(ctx context.Context, id string) (mapae.User, error) {
	return read(ctx, s, func(t *tx) (mapae.User, error) { return t.UserByExternalID(ctx, id) })
}

// UserByEmail implements mapae.Reader.
func (s *Store) UserByEmail(ctx context.Context, key string) (mapae.User, error) {
	return read(ctx, s, func(t *tx) (mapae.User, error) { return t.UserByEmail(ctx, key) })
}

// Credential implements mapae.Reader.
func (s *Store) Credential(ctx context.Context, id []byte) (c mapae.Credential, u mapae.User, err error) {
	c, err = read(ctx, s, func(t *tx) (_ mapae.Credential, err error) {
		c, u, err = t.Credential(ctx, id)
		return c, err
	})
	return c, u, err
}

// Credentials implements mapae.Reader.
func (s *Store) Credentials(ctx context.Context, user mapae.UserID) ([]mapae.Credential, error) {
	return read(ctx, s, func(t *tx) ([]mapae.Credential, error) { return t.Credentials(ctx, user) })
}

// Users implements mapae.Reader.
func (s *Store) Users(ctx context.Context, after mapae.UserID, limit int) ([]mapae.User, error) {
	return read(ctx, s, func(t *tx) ([]mapae.User, error) { return t.Users(ctx, after, limit) })
}

// Session implements mapae.Reader.
func (s *Store) Session(ctx context.Context, id mapae.SessionID, tokenHash [32]byte, now time.Time) (x mapae.Session, u mapae.User, err error) {
	x, err = read(ctx, s, func(t *tx) (_ mapae.Session, err error) {
		x, u, err = t.Session(ctx, id, tokenHash, now)
		return x, err
	})
	return x, u, err
}

// Sessions implements mapae.Reader.
func (s *Store) Sessions(ctx context.Context, user mapae.UserID, now time.Time) ([]mapae.Session, error) {
	return read(ctx, s, func(t *tx) ([]mapae.Session, error) { return t.Sessions(ctx, user, now) })
}

// Events implements mapae.Reader.
func (s *Store) Events(ctx context.Context, user mapae.UserID, before mapae.EventID, limit int) ([]mapae.Event, error) {
	return read(ctx, s, func(t *tx) ([]mapae.Event, error) { return t.Events(ctx, user, before, limit) })
}

// Secrets implements mapae.Reader.
func (s *Store) Secrets(ctx context.Context, user mapae.UserID, kind mapae.SecretKind) ([]mapae.Secret, error) {
	return read(ctx, s, func(t *tx) ([]mapae.Secret, error) { return t.Secrets(ctx, user, kind) })
}

// SecretByData implements mapae.Reader.
func (s *Store) SecretByData(ctx context.Context, user mapae.UserID, kind mapae.SecretKind, data []byte) (mapae.Secret, error) {
	return read(ctx, s, func(t *tx) (mapae.Secret, error) { return t.SecretByData(ctx, user, kind, data) })
}

// SecretsUnder implements mapae.Reader.
func (s *Store) SecretsUnder(ctx context.Context, keyID, after string, limit int) ([]mapae.Secret, error) {
	return read(ctx, s, func(t *tx) ([]mapae.Secret, error) { return t.SecretsUnder(ctx, keyID, after, limit) })
}

// Mails implements mapae.Reader.
func (s *Store) Mails(ctx context.Context, after mapae.MailID, limit int) ([]mapae.Mail, error) {
	return read(ctx, s, func(t *tx) ([]mapae.Mail, error) { return t.Mails(ctx, after, limit) })
}

// Failures implements mapae.Reader.
func (s *Store) Failures(ctx context.Context, key [32]byte) (mapae.Failures, error) {
	return read(ctx, s, func(t *tx) (mapae.Failures, error) { return t.Failures(ctx, key) })
}

// Recovery implements mapae.Reader.
func (s *Store) Recovery(ctx context.Context, claimHash [32]byte) (mapae.Recovery, error) {
	return read(ctx, s, func(t *tx) (mapae.Recovery, error) { return t.Recovery(ctx, claimHash) })
}

// RecoveryOf implements mapae.Reader.
func (s *Store) RecoveryOf(ctx context.Context, user mapae.UserID) (mapae.Recovery, error) {
	return read(ctx, s, func(t *tx) (mapae.Recovery, error) { return t.RecoveryOf(ctx, user) })
}

// Identity implements mapae.Reader.
func (s *Store) Identity(ctx context.Context, provider, subject string) (i mapae.Identity, u mapae.User, err error) {
	i, err = read(ctx, s, func(t *tx) (_ mapae.Identity, err error) {
		i, u, err = t.Identity(ctx, provider, subject)
		return i, err
	})
	return i, u, err
}

// Identities implements mapae.Reader.
func (s *Store) Identities(ctx context.Context, user mapae.UserID) ([]mapae.Identity, error) {
	return read(ctx, s, func(t *tx) ([]mapae.Identity, error) { return t.Identities(ctx, user) })
}

// KeyChecks implements mapae.Reader.
func (s *Store) KeyChecks(ctx context.Context) ([]mapae.KeyCheck, error) {
	return read(ctx, s, func(t *tx) ([]mapae.KeyCheck, error) { return t.KeyChecks(ctx) })
}

// Ping implements mapae.Reader.
func (t *tx) Ping(context.Context) error { return nil }
