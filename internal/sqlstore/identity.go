package sqlstore

import (
	"context"
	"time"

	"github.com/mapae/mapae"
)

const (
	identityColumns = `mapae_identities.provider, mapae_identities.subject, mapae_identities.user_id, mapae_identities.email,
	mapae_identities.created_at, mapae_identities.last_used_at`

	selectIdentity = `SELECT ` + identityColumns + `, ` + userColumns + ` FROM mapae_identities
	JOIN mapae_users ON mapae_users.id = mapae_identities.user_id
	WHERE mapae_identities.provider = $1 AND mapae_identities.subject = $2`

	selectIdentities = `SELECT ` + identityColumns + ` FROM mapae_identities WHERE user_id = $1 ORDER BY provider, subject`

	insertIdentity = `INSERT INTO mapae_identities (provider, subject, user_id, email, created_at, last_used_at)
	VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`

	deleteIdentity = `DELETE FROM mapae_identities WHERE user_id = $1 AND provider = $2 AND subject = $3`

	touchIdentity = `UPDATE mapae_identities SET last_used_at = CASE WHEN last_used_at < $1 THEN $1 ELSE last_used_at END
	WHERE user_id = $2 AND provider = $3 AND subject = $4`
)

// identityRow is a row of identityColumns.
type identityRow struct {
	identity      mapae.Identity
	user          []byte
	created, used int64
}

func (r *identityRow) dest() []any {
	i := &r.identity
	return []any{&i.Provider, &i.Subject, &r.user, &i.Email, &r.created, &r.used}
}

func (r *identityRow) value() mapae.Identity {
	i := r.identity
	i.UserID, i.CreatedAt, i.LastUsedAt = mapae.UserID(r.user), moment(r.created), moment(r.used)
	return i
}

// Identity implements mapae.Reader.
func (r Reader) Identity(ctx context.Context, provider, subject string) (mapae.Identity, mapae.User, error) {
	var row identityRow
	var owner userRow
	if err := r.q.Row(ctx, selectIdentity, args(provider, subject), owner.dest(row.dest()...)); err != nil {
		return mapae.Identity{}, mapae.User{}, err
	}
	return row.value(), owner.value(), nil
}

// Identities implements mapae.Reader.
func (r Reader) Identities(ctx context.Context, user mapae.UserID) (list []mapae.Identity, err error) {
	var row identityRow
	err = r.q.Rows(ctx, selectIdentities, args(blob(user)), row.dest(), func() error {
		list = append(list, row.value())
		return nil
	})
	return list, err
}

// AddIdentity implements mapae.Tx.
func (t Tx) AddIdentity(ctx context.Context, i mapae.Identity) error {
	return t.add(ctx, insertIdentity, i.Provider, i.Subject, blob(i.UserID), i.Email, micros(i.CreatedAt), micros(i.LastUsedAt))
}

// RemoveIdentity implements mapae.Tx.
func (t Tx) RemoveIdentity(ctx context.Context, user mapae.UserID, provider, subject string) error {
	return t.write(ctx, deleteIdentity, blob(user), provider, subject)
}

// TouchIdentity implements mapae.Tx.
func (t Tx) TouchIdentity(ctx context.Context, user mapae.UserID, provider, subject string, at time.Time) error {
	return t.write(ctx, touchIdentity, micros(at), blob(user), provider, subject)
}
