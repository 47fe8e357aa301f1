package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/mapae/mapae"
)

// Store returns s with each of its calls timed. A transaction is one call,
// whatever it reads and writes.
func (p *Prometheus) Store(s mapae.Store) mapae.Store { return &timedStore{s, p} }

type timedStore struct {
	store mapae.Store
	p     *Prometheus
}

// timed runs call and notes how long it took, and how it ended.
func timed[T any](s *timedStore, name string, call func() (T, error)) (T, error) {
	start := time.Now()
	v, err := call()
	s.p.calls.WithLabelValues(name, storeOutcome(err)).Observe(time.Since(start).Seconds())
	return v, err
}

// storeOutcome tells what is answered every day from a store that is broken: an
// error of the domain, which undid a transaction, and a row that is not there.
func storeOutcome(err error) string {
	var refused *mapae.Error
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, mapae.ErrNotFound), errors.Is(err, mapae.ErrExists), errors.As(err, &refused):
		return "refused"
	}
	return failed
}

// two carries the second of two values through timed.
type two[A, B any] struct {
	a A
	b B
}

func pair[A, B any](a A, b B, err error) (two[A, B], error) { return two[A, B]{a, b}, err }

func (s *timedStore) Ping(ctx context.Context) error {
	_, err := timed(s, "ping", func() (struct{}, error) { return struct{}{}, s.store.Ping(ctx) })
	return err
}

func (s *timedStore) User(ctx context.Context, id mapae.UserID) (mapae.User, error) {
	return timed(s, "user", func() (mapae.User, error) { return s.store.User(ctx, id) })
}

func (s *timedStore) UserByLogin(ctx context.Context, key string) (mapae.User, error) {
	return timed(s, "user_by_login", func() (mapae.User, error) { return s.store.UserByLogin(ctx, key) })
}

func (s *timedStore) UserByExternalID(ctx context.Context, id string) (mapae.User, error) {
	return timed(s, "user_by_external_id", func() (mapae.User, error) { return s.store.UserByExternalID(ctx, id) })
}

func (s *timedStore) UserByEmail(ctx context.Context, key string) (mapae.User, error) {
	return timed(s, "user_by_email", func() (mapae.User, error) { return s.store.UserByEmail(ctx, key) })
}

func (s *timedStore) Users(ctx context.Context, after mapae.UserID, limit int) ([]mapae.User, error) {
	return timed(s, "users", func() ([]mapae.User, error) { return s.store.Users(ctx, after, limit) })
}

func (s *timedStore) Credential(ctx context.Context, id []byte) (mapae.Credential, mapae.User, error) {
	v, err := timed(s, "credential", func() (two[mapae.Credential, mapae.User], error) { return pair(s.store.Credential(ctx, id)) })
	return v.a, v.b, err
}

func (s *timedStore) Credentials(ctx context.Context, user mapae.UserID) ([]mapae.Credential, error) {
	return timed(s, "credentials", func() ([]mapae.Credential, error) { return s.store.Credentials(ctx, user) })
}

func (s *timedStore) Session(ctx context.Context, id mapae.SessionID, tokenHash [32]byte, now time.Time) (mapae.Session, mapae.User, error) {
	v, err := timed(s, "session", func() (two[mapae.Session, mapae.User], error) {
		return pair(s.store.Session(ctx, id, tokenHash, now))
	})
	return v.a, v.b, err
}

func (s *timedStore) Sessions(ctx context.Context, user mapae.UserID, now time.Time) ([]mapae.Session, error) {
	return timed(s, "sessions", func() ([]mapae.Session, error) { return s.store.Sessions(ctx, user, now) })
}

func (s *timedStore) Events(ctx context.Context, user mapae.UserID, before mapae.EventID, limit int) ([]mapae.Event, error) {
	return timed(s, "events", func() ([]mapae.Event, error) { return s.store.Events(ctx, user, before, limit) })
}

func (s *timedStore) Secrets(ctx context.Context, user mapae.UserID, kind mapae.SecretKind) ([]mapae.Secret, error) {
	return timed(s, "secrets", func() ([]mapae.Secret, error) { return s.store.Secrets(ctx, user, kind) })
}

func (s *timedStore) SecretByData(ctx context.Context, user mapae.UserID, kind mapae.SecretKind, data []byte) (mapae.Secret, error) {
	return timed(s, "secret_by_data", func() (mapae.Secret, error) { return s.store.SecretByData(ctx, user, kind, data) })
}

func (s *timedStore) SecretsUnder(ctx context.Context, keyID, after string, limit int) ([]mapae.Secret, error) {
	return timed(s, "secrets_under", func() ([]mapae.Secret, error) { return s.store.SecretsUnder(ctx, keyID, after, limit) })
}

func (s *timedStore) Mails(ctx context.Context, after mapae.MailID, limit int) ([]mapae.Mail, error) {
	return timed(s, "mails", func() ([]mapae.Mail, error) { return s.store.Mails(ctx, after, limit) })
}

func (s *timedStore) Failures(ctx context.Context, key [32]byte) (mapae.Failures, error) {
	return timed(s, "failures", func() (mapae.Failures, error) { return s.store.Failures(ctx, key) })
}

func (s *timedStore) Recovery(ctx context.Context, claimHash [32]byte) (mapae.Recovery, error) {
	return timed(s, "recovery", func() (mapae.Recovery, error) { return s.store.Recovery(ctx, claimHash) })
}

func (s *timedStore) RecoveryOf(ctx context.Context, user mapae.UserID) (mapae.Recovery, error) {
	return timed(s, "recovery_of", func() (mapae.Recovery, error) { return s.store.RecoveryOf(ctx, user) })
}

func (s *timedStore) Identity(ctx context.Context, provider, subject string) (mapae.Identity, mapae.User, error) {
	v, err := timed(s, "identity", func() (two[mapae.Identity, mapae.User], error) {
		return pair(s.store.Identity(ctx, provider, subject))
	})
	return v.a, v.b, err
}

func (s *timedStore) Identities(ctx context.Context, user mapae.UserID) ([]mapae.Identity, error) {
	return timed(s, "identities", func() ([]mapae.Identity, error) { return s.store.Identities(ctx, user) })
}

func (s *timedStore) KeyChecks(ctx context.Context) ([]mapae.KeyCheck, error) {
	return timed(s, "key_checks", func() ([]mapae.KeyCheck, error) { return s.store.KeyChecks(ctx) })
}

func (s *timedStore) Update(ctx context.Context, f func(mapae.Tx) error) error {
	_, err := timed(s, "update", func() (struct{}, error) { return struct{}{}, s.store.Update(ctx, f) })
	return err
}

func (s *timedStore) Admit(ctx context.Context, a mapae.Admission) (mapae.Verdict, error) {
	return timed(s, "admit", func() (mapae.Verdict, error) { return s.store.Admit(ctx, a) })
}

func (s *timedStore) Sweep(ctx context.Context, plan mapae.SweepPlan) (int, error) {
	return timed(s, "sweep", func() (int, error) { return s.store.Sweep(ctx, plan) })
}

func (s *timedStore) Close() error { return s.store.Close() }
