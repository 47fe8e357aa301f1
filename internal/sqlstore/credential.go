package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

const (
	credentialColumns = `mapae_credentials.id, mapae_credentials.user_id, mapae_credentials.public_key, mapae_credentials.algorithm,
	mapae_credentials.sign_count, mapae_credentials.uv_initialized, mapae_credentials.backup_eligible,
	mapae_credentials.backup_state, mapae_credentials.transports, mapae_credentials.aaguid,
	mapae_credentials.attestation_format, mapae_credentials.attestation_object, mapae_credentials.attestation_client_data,
	mapae_credentials.rp_id, mapae_credentials.name, mapae_credentials.first_factor, mapae_credentials.created_at,
	mapae_credentials.last_used_at, mapae_credentials.last_used_agent, mapae_credentials.suspended_at, mapae_credentials.foreign_handle`

	selectCredential = `SELECT ` + credentialColumns + `, ` + userColumns + ` FROM mapae_credentials
	JOIN mapae_users ON mapae_users.id = mapae_credentials.user_id WHERE mapae_credentials.id = $1`

	selectCredentials = `SELECT ` + credentialColumns + ` FROM mapae_credentials
	WHERE user_id = $1 ORDER BY created_at DESC, id DESC`

	insertCredential = `INSERT INTO mapae_credentials
	(id, user_id, public_key, algorithm, sign_count, uv_initialized, backup_eligible, backup_state, transports, aaguid,
	attestation_format, attestation_object, attestation_client_data, rp_id, name, first_factor, created_at,
	last_used_at, last_used_agent, suspended_at, foreign_handle)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) ON CONFLICT DO NOTHING`

	renameCredential  = `UPDATE mapae_credentials SET name = $1 WHERE user_id = $2 AND id = $3`
	suspendCredential = `UPDATE mapae_credentials SET suspended_at = $1 WHERE user_id = $2 AND id = $3`
	deleteCredential  = `DELETE FROM mapae_credentials WHERE user_id = $1 AND id = $2`
)

// credentialRow is a row of credentialColumns.
type credentialRow struct {
	cred                              mapae.Credential
	algorithm, count, uv, be, bs, ff  int64
	created, used, suspended, foreign int64
}

func (r *credentialRow) dest() []any {
	c := &r.cred
	return []any{
		&c.ID, (*raw)(&c.UserID), &c.PublicKey, &r.algorithm, &r.count, &r.uv, &r.be, &r.bs, (*list)(&c.Transports), (*bytes16)(&c.AAGUID),
		&c.AttestationFormat, &c.AttestationObject, &c.AttestationClientDataJSON, &c.RPID, &c.Name, &r.ff, &r.created,
		&r.used, &c.LastUsedAgent, &r.suspended, &r.foreign,
	}
}

func (r *credentialRow) value() mapae.Credential {
	c := r.cred
	c.ID, c.PublicKey = bytesOf(c.ID), bytesOf(c.PublicKey)
	c.AttestationObject, c.AttestationClientDataJSON = bytesOf(c.AttestationObject), bytesOf(c.AttestationClientDataJSON)
	c.Algorithm, c.SignCount = webauthn.Algorithm(r.algorithm), uint32(r.count)
	c.UVInitialized, c.BackupEligible, c.BackupState, c.FirstFactor = r.uv != 0, r.be != 0, r.bs != 0, r.ff != 0
	c.CreatedAt, c.LastUsedAt, c.SuspendedAt, c.ForeignHandle = moment(r.created), moment(r.used), moment(r.suspended), r.foreign != 0
	return c
}

// Credential implements mapae.Reader.
func (r Reader) Credential(ctx context.Context, id []byte) (mapae.Credential, mapae.User, error) {
	var row credentialRow
	var owner userRow
	if err := r.q.Row(ctx, selectCredential, args(blob(id)), owner.dest(row.dest()...)); err != nil {
		return mapae.Credential{}, mapae.User{}, err
	}
	return row.value(), owner.value(), nil
}

// Credentials implements mapae.Reader.
func (r Reader) Credentials(ctx context.Context, user mapae.UserID) (list []mapae.Credential, err error) {
	var row credentialRow
	err = r.q.Rows(ctx, selectCredentials, args(blob(user)), row.dest(), func() error {
		list = append(list, row.value())
		return nil
	})
	return list, err
}

// AddCredential implements mapae.Tx.
func (t Tx) AddCredential(ctx context.Context, c mapae.Credential) error {
	transports, err := listText(c.Transports)
	if err != nil {
		return fmt.Errorf("write transports: %w", err)
	}
	return t.add(ctx, insertCredential, blob(c.ID), blob(c.UserID), blob(c.PublicKey), int64(c.Algorithm),
		int64(c.SignCount), flag(c.UVInitialized), flag(c.BackupEligible), flag(c.BackupState), transports, c.AAGUID[:],
		c.AttestationFormat, blob(c.AttestationObject), blob(c.AttestationClientDataJSON), c.RPID, c.Name,
		flag(c.FirstFactor), micros(c.CreatedAt), micros(c.LastUsedAt), c.LastUsedAgent, micros(c.SuspendedAt), flag(c.ForeignHandle))
}

// SuspendCredential implements mapae.Tx.
func (t Tx) SuspendCredential(ctx context.Context, user mapae.UserID, id []byte, at time.Time) error {
	return t.write(ctx, suspendCredential, micros(at), blob(user), blob(id))
}

// RenameCredential implements mapae.Tx.
func (t Tx) RenameCredential(ctx context.Context, user mapae.UserID, id []byte, name string) error {
	return t.write(ctx, renameCredential, name, blob(user), blob(id))
}

// RemoveCredential implements mapae.Tx.
func (t Tx) RemoveCredential(ctx context.Context, user mapae.UserID, id []byte) error {
	return t.write(ctx, deleteCredential, blob(user), blob(id))
}
