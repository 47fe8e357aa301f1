package storetest

import (
	"context"
	"time"

	"github.com/mapae/mapae"
)

// callKind is the kind of a call that a proxied store is about to make.
type callKind int

const (
	callRead   callKind = iota // outside of a transaction
	callBegin                  // a transaction, before its function runs
	callTxRead                 // inside a transaction
	callWrite                  // inside a transaction
	callCommit                 // a transaction, after its function ran
)

// before is asked before each call; its error is the call's.
type before func(callKind) error

// proxyReader asks before each read.
type proxyReader struct {
	before func() error
	reader mapae.Reader
}

// proxyTx asks before each call inside a transaction.
type proxyTx struct {
	proxyReader
	before func() error
	tx     mapae.Tx
}

// proxy asks before each call of the store within.
type proxy struct {
	proxyReader
	before before
	store  mapae.Store
}

var _ mapae.Store = proxy{}

func newProxy(s mapae.Store, b before) proxy {
	return proxy{proxyReader{func() error { return b(callRead) }, s}, b, s}
}

// Close closes the store within.
func (p proxy) Close() error { return p.store.Close() }

// Update implements mapae.Store. An error of before inside the function fails
// the transaction even if the function swallows it.
func (p proxy) Update(ctx context.Context, f func(mapae.Tx) error) error {
	if err := p.before(callBegin); err != nil {
		return err
	}
	return p.store.Update(ctx, func(tx mapae.Tx) error {
		var broken error
		ask := func(k callKind) func() error {
			return func() error {
				err := p.before(k)
				if broken == nil {
					broken = err
				}
				return err
			}
		}
		if err := f(proxyTx{proxyReader{ask(callTxRead), tx}, ask(callWrite), tx}); err != nil {
			return err
		}
		if broken != nil {
			return broken
		}
		return p.before(callCommit)
	})
}

// Admit implements mapae.Store, as one transaction with one write.
func (p proxy) Admit(ctx context.Context, a mapae.Admission) (v mapae.Verdict, err error) {
	err = p.Update(ctx, func(tx mapae.Tx) error {
		v, err = tx.Admit(ctx, a)
		return err
	})
	return v, err
}

// Sweep implements mapae.Store, as one transaction.
func (p proxy) Sweep(ctx context.Context, plan mapae.SweepPlan) (int, error) {
	if err := p.before(callBegin); err != nil {
		return 0, err
	}
	return p.store.Sweep(ctx, plan)
}

func (p proxyReader) Ping(ctx context.Context) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.reader.Ping(ctx)
}

func (p proxyReader) User(ctx context.Context, id mapae.UserID) (mapae.User, error) {
	if err := p.before(); err != nil {
		return mapae.User{}, err
	}
	return p.reader.User(ctx, id)
}

func (p proxyReader) UserByLogin(ctx context.Context, key string) (mapae.User, error) {
	if err := p.before(); err != nil {
		return mapae.User{}, err
	}
	return p.reader.UserByLogin(ctx, key)
}

func (p proxyReader) UserByExternalID(ctx context.Context, id string) (mapae.User, error) {
	if err := p.before(); err != nil {
		return mapae.User{}, err
	}
	return p.reader.UserByExternalID(ctx, id)
}

func (p proxyReader) UserByEmail(ctx context.Context, key string) (mapae.User, error) {
	if err := p.before(); err != nil {
		return mapae.User{}, err
	}
	return p.reader.UserByEmail(ctx, key)
}

func (p proxyReader) Users(ctx context.Context, after mapae.UserID, limit int) ([]mapae.User, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	return p.reader.Users(ctx, after, limit)
}

func (p proxyReader) Credential(ctx context.Context, id []byte) (mapae.Credential, mapae.User, error) {
	if err := p.before(); err != nil {
		return mapae.Credential{}, mapae.User{}, err
	}
	return p.reader.Credential(ctx, id)
}

func (p proxyReader) Credentials(ctx context.Context, user mapae.UserID) ([]mapae.Credential, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	return p.reader.Credentials(ctx, user)
}

func (p proxyReader) Session(ctx context.Context, id mapae.SessionID, tokenHash [32]byte, now time.Time) (mapae.Session, mapae.User, error) {
	if err := p.before(); err != nil {
		return mapae.Session{}, mapae.User{}, err
	}
	return p.reader.Session(ctx, id, tokenHash, now)
}

func (p proxyReader) Sessions(ctx context.Context, user mapae.UserID, now time.Time) ([]mapae.Session, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	return p.reader.Sessions(ctx, user, now)
}

func (p proxyReader) Events(ctx context.Context, user mapae.UserID, before mapae.EventID, limit int) ([]mapae.Event, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	return p.reader.Events(ctx, user, before, limit)
}

func (p proxyReader) Secrets(ctx context.Context, user mapae.UserID, kind mapae.SecretKind) ([]mapae.Secret, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	return p.reader.Secrets(ctx, user, kind)
}

func (p proxyReader) SecretByData(ctx context.Context, user mapae.UserID, kind mapae.SecretKind, data []byte) (mapae.Secret, error) {
	if err := p.before(); err != nil {
		return mapae.Secret{}, err
	}
	return p.reader.SecretByData(ctx, user, kind, data)
}

func (p proxyReader) SecretsUnder(ctx context.Context, keyID, after string, limit int) ([]mapae.Secret, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	return p.reader.SecretsUnder(ctx, keyID, after, limit)
}

func (p proxyReader) Mails(ctx context.Context, after mapae.MailID, limit int) ([]mapae.Mail, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	return p.reader.Mails(ctx, after, limit)
}

func (p proxyReader) Failures(ctx context.Context, key [32]byte) (mapae.Failures, error) {
	if err := p.before(); err != nil {
		return mapae.Failures{}, err
	}
	return p.reader.Failures(ctx, key)
}

func (p proxyReader) Recovery(ctx context.Context, claimHash [32]byte) (mapae.Recovery, error) {
	if err := p.before(); err != nil {
		return mapae.Recovery{}, err
	}
	return p.reader.Recovery(ctx, claimHash)
}

func (p proxyReader) RecoveryOf(ctx context.Context, user mapae.UserID) (mapae.Recovery, error) {
	if err := p.before(); err != nil {
		return mapae.Recovery{}, err
	}
	return p.reader.RecoveryOf(ctx, user)
}

func (p proxyReader) Identity(ctx context.Context, provider, subject string) (mapae.Identity, mapae.User, error) {
	if err := p.before(); err != nil {
		return mapae.Identity{}, mapae.User{}, err
	}
	return p.reader.Identity(ctx, provider, subject)
}

func (p proxyReader) Identities(ctx context.Context, user mapae.UserID) ([]mapae.Identity, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	return p.reader.Identities(ctx, user)
}

func (p proxyReader) KeyChecks(ctx context.Context) ([]mapae.KeyCheck, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	return p.reader.KeyChecks(ctx)
}

func (p proxyTx) LockUser(ctx context.Context, id mapae.UserID) (mapae.User, error) {
	if err := p.before(); err != nil {
		return mapae.User{}, err
	}
	return p.tx.LockUser(ctx, id)
}

func (p proxyTx) AddUser(ctx context.Context, u mapae.User) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.AddUser(ctx, u)
}

func (p proxyTx) UpdateUser(ctx context.Context, u mapae.User) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.UpdateUser(ctx, u)
}

func (p proxyTx) DeleteUser(ctx context.Context, id mapae.UserID) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.DeleteUser(ctx, id)
}

func (p proxyTx) AddCredential(ctx context.Context, c mapae.Credential) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.AddCredential(ctx, c)
}

func (p proxyTx) RenameCredential(ctx context.Context, user mapae.UserID, id []byte, name string) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.RenameCredential(ctx, user, id, name)
}

func (p proxyTx) RemoveCredential(ctx context.Context, user mapae.UserID, id []byte) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.RemoveCredential(ctx, user, id)
}

func (p proxyTx) SuspendCredential(ctx context.Context, user mapae.UserID, id []byte, at time.Time) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.SuspendCredential(ctx, user, id, at)
}

func (p proxyTx) AddSecret(ctx context.Context, s mapae.Secret) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.AddSecret(ctx, s)
}

func (p proxyTx) RemoveSecrets(ctx context.Context, user mapae.UserID, kind mapae.SecretKind) (int, error) {
	if err := p.before(); err != nil {
		return 0, err
	}
	return p.tx.RemoveSecrets(ctx, user, kind)
}

func (p proxyTx) UseSecret(ctx context.Context, user mapae.UserID, id string, at time.Time) (bool, error) {
	if err := p.before(); err != nil {
		return false, err
	}
	return p.tx.UseSecret(ctx, user, id, at)
}

func (p proxyTx) StepSecret(ctx context.Context, user mapae.UserID, id string, step int64) (bool, error) {
	if err := p.before(); err != nil {
		return false, err
	}
	return p.tx.StepSecret(ctx, user, id, step)
}

func (p proxyTx) ReplaceSecret(ctx context.Context, s mapae.Secret, old []byte) (bool, error) {
	if err := p.before(); err != nil {
		return false, err
	}
	return p.tx.ReplaceSecret(ctx, s, old)
}

func (p proxyTx) LockFailures(ctx context.Context, key [32]byte) (mapae.Failures, error) {
	if err := p.before(); err != nil {
		return mapae.Failures{}, err
	}
	return p.tx.LockFailures(ctx, key)
}

func (p proxyTx) SetFailures(ctx context.Context, key [32]byte, f mapae.Failures) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.SetFailures(ctx, key, f)
}

func (p proxyTx) SetRecovery(ctx context.Context, r mapae.Recovery) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.SetRecovery(ctx, r)
}

func (p proxyTx) RemoveRecovery(ctx context.Context, user mapae.UserID) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.RemoveRecovery(ctx, user)
}

func (p proxyTx) AddIdentity(ctx context.Context, i mapae.Identity) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.AddIdentity(ctx, i)
}

func (p proxyTx) RemoveIdentity(ctx context.Context, user mapae.UserID, provider, subject string) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.RemoveIdentity(ctx, user, provider, subject)
}

func (p proxyTx) TouchIdentity(ctx context.Context, user mapae.UserID, provider, subject string, at time.Time) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.TouchIdentity(ctx, user, provider, subject, at)
}

func (p proxyTx) AddMail(ctx context.Context, m mapae.Mail) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.AddMail(ctx, m)
}

func (p proxyTx) ClaimMail(ctx context.Context, now, until time.Time, limit int) ([]mapae.Mail, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	return p.tx.ClaimMail(ctx, now, until, limit)
}

func (p proxyTx) RemoveMail(ctx context.Context, id mapae.MailID) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.RemoveMail(ctx, id)
}

func (p proxyTx) ReplaceMail(ctx context.Context, id mapae.MailID, data, old []byte) (bool, error) {
	if err := p.before(); err != nil {
		return false, err
	}
	return p.tx.ReplaceMail(ctx, id, data, old)
}

func (p proxyTx) DelayMail(ctx context.Context, id mapae.MailID, due time.Time, lastError string) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.DelayMail(ctx, id, due, lastError)
}

func (p proxyTx) TouchSession(ctx context.Context, id mapae.SessionID, seenAt, idleEndsAt time.Time) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.TouchSession(ctx, id, seenAt, idleEndsAt)
}

func (p proxyTx) EndSession(ctx context.Context, user mapae.UserID, id mapae.SessionID) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.EndSession(ctx, user, id)
}

func (p proxyTx) EndSessions(ctx context.Context, user mapae.UserID, but mapae.SessionID) (int, error) {
	if err := p.before(); err != nil {
		return 0, err
	}
	return p.tx.EndSessions(ctx, user, but)
}

func (p proxyTx) Spend(ctx context.Context, s mapae.Spend) (bool, error) {
	if err := p.before(); err != nil {
		return false, err
	}
	return p.tx.Spend(ctx, s)
}

func (p proxyTx) Admit(ctx context.Context, a mapae.Admission) (mapae.Verdict, error) {
	if err := p.before(); err != nil {
		return 0, err
	}
	return p.tx.Admit(ctx, a)
}

func (p proxyTx) AddEvent(ctx context.Context, e mapae.Event) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.AddEvent(ctx, e)
}

func (p proxyTx) AddKeyCheck(ctx context.Context, k mapae.KeyCheck) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.AddKeyCheck(ctx, k)
}

func (p proxyTx) RemoveKeyCheck(ctx context.Context, id string) error {
	if err := p.before(); err != nil {
		return err
	}
	return p.tx.RemoveKeyCheck(ctx, id)
}
