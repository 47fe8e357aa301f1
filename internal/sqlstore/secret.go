package sqlstore

import (
	"context"
	"time"

	"github.com/mapae/mapae"
)

const (
	secretColumns = `id, user_id, kind, data, key_id, step, created_at, used_at`

	selectSecrets       = `SELECT ` + secretColumns + ` FROM mapae_secrets WHERE user_id = $1 ORDER BY id`
	selectSecretsOfKind = `SELECT ` + secretColumns + ` FROM mapae_secrets WHERE user_id = $1 AND kind = $2 ORDER BY id`
	selectSecretsUnder  = `SELECT ` + secretColumns + ` FROM mapae_secrets WHERE key_id = $1 AND id > $2 ORDER BY id LIMIT $3`

	selectSecretByData = `SELECT ` + secretColumns + ` FROM mapae_secrets WHERE user_id = $1 AND kind = $2 AND data = $3 ORDER BY id LIMIT 1`

	insertSecret = `INSERT INTO mapae_secrets (` + secretColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

	deleteSecrets = `DELETE FROM mapae_secrets WHERE user_id = $1 AND kind = $2`

	// Each writes only where nobody was faster. A time that would be stored as
	// not used, or that is before 1970, uses nothing.
	useSecret     = `UPDATE mapae_secrets SET used_at = $1 WHERE user_id = $2 AND id = $3 AND used_at = 0 AND used_at < $1`
	stepSecret    = `UPDATE mapae_secrets SET step = $1 WHERE user_id = $2 AND id = $3 AND step < $1`
	replaceSecret = `UPDATE mapae_secrets SET data = $1, key_id = $2 WHERE user_id = $3 AND id = $4 AND data = $5`
)

// secretRow is a row of secretColumns.
type secretRow struct {
	secret        mapae.Secret
	id, user      []byte
	kind          string
	created, used int64
}

func (r *secretRow) dest() []any {
	s := &r.secret
	return []any{&r.id, &r.user, &r.kind, &s.Data, &s.KeyID, &s.Step, &r.created, &r.used}
}

func (r *secretRow) value() mapae.Secret {
	s := r.secret
	s.ID, s.UserID, s.Kind, s.Data = string(r.id), mapae.UserID(r.user), mapae.SecretKind(r.kind), bytesOf(s.Data)
	s.CreatedAt, s.UsedAt = moment(r.created), moment(r.used)
	return s
}

// Secrets implements mapae.Reader.
func (r Reader) Secrets(ctx context.Context, user mapae.UserID, kind mapae.SecretKind) (list []mapae.Secret, err error) {
	sql, a := selectSecrets, args(blob(user))
	if kind != "" {
		sql, a = selectSecretsOfKind, args(blob(user), string(kind))
	}
	return r.secrets(ctx, sql, a)
}

// SecretsUnder implements mapae.Reader. No index serves it: it walks the table
// page by page when a root key is retired.
func (r Reader) SecretsUnder(ctx context.Context, keyID, after string, limit int) ([]mapae.Secret, error) {
	return r.secrets(ctx, selectSecretsUnder, args(keyID, blob(after), int64(limit)))
}

func (r Reader) secrets(ctx context.Context, sql string, a []any) (list []mapae.Secret, err error) {
	var row secretRow
	err = r.q.Rows(ctx, sql, a, row.dest(), func() error {
		list = append(list, row.value())
		return nil
	})
	return list, err
}

// SecretByData implements mapae.Reader.
func (r Reader) SecretByData(ctx context.Context, user mapae.UserID, kind mapae.SecretKind, data []byte) (mapae.Secret, error) {
	var row secretRow
	if err := r.q.Row(ctx, selectSecretByData, args(blob(user), string(kind), blob(data)), row.dest()); err != nil {
		return mapae.Secret{}, err
	}
	return row.value(), nil
}

// AddSecret implements mapae.Tx.
func (t Tx) AddSecret(ctx context.Context, s mapae.Secret) error {
	_, err := t.q.Exec(ctx, insertSecret, blob(s.ID), blob(s.UserID), string(s.Kind), blob(s.Data), s.KeyID, s.Step,
		micros(s.CreatedAt), micros(s.UsedAt))
	return err
}

// RemoveSecrets implements mapae.Tx.
func (t Tx) RemoveSecrets(ctx context.Context, user mapae.UserID, kind mapae.SecretKind) (int, error) {
	n, err := t.q.Exec(ctx, deleteSecrets, blob(user), string(kind))
	return int(n), err
}

// UseSecret implements mapae.Tx.
func (t Tx) UseSecret(ctx context.Context, user mapae.UserID, id string, at time.Time) (bool, error) {
	n, err := t.q.Exec(ctx, useSecret, micros(at), blob(user), blob(id))
	return n == 1, err
}

// StepSecret implements mapae.Tx.
func (t Tx) StepSecret(ctx context.Context, user mapae.UserID, id string, step int64) (bool, error) {
	n, err := t.q.Exec(ctx, stepSecret, step, blob(user), blob(id))
	return n == 1, err
}

// ReplaceSecret implements mapae.Tx.
func (t Tx) ReplaceSecret(ctx context.Context, s mapae.Secret, old []byte) (bool, error) {
	n, err := t.q.Exec(ctx, replaceSecret, blob(s.Data), s.KeyID, blob(s.UserID), blob(s.ID), blob(old))
	return n == 1, err
}
