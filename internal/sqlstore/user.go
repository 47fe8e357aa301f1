package sqlstore

import (
	"context"

	"github.com/mapae/mapae"
)

const (
	userColumns = `mapae_users.id, mapae_users.epoch, mapae_users.disabled_at, ` + profileColumns

	// What a session that is found alive does not tell of its user.
	profileColumns = `mapae_users.login, mapae_users.login_key, mapae_users.email, mapae_users.email_verified_at,
	mapae_users.name, mapae_users.locale, mapae_users.external_id, mapae_users.created_at,
	mapae_users.email_key, mapae_users.frozen_until, mapae_users.offer_after`

	selectUser        = `SELECT ` + userColumns + ` FROM mapae_users WHERE id = $1`
	selectUserByLogin = `SELECT ` + userColumns + ` FROM mapae_users WHERE login_key = $1`
	selectUserByEmail = `SELECT ` + userColumns + ` FROM mapae_users WHERE email_key = $1 AND email_key <> ''`

	selectUserByExternalID = `SELECT ` + userColumns + ` FROM mapae_users WHERE external_id = $1 AND external_id <> ''`
	selectUsers            = `SELECT ` + userColumns + ` FROM mapae_users WHERE id > $1 ORDER BY id LIMIT $2`

	// A write that changes nothing takes the row lock on every engine.
	lockUser = `UPDATE mapae_users SET epoch = epoch WHERE id = $1 RETURNING ` + userColumns

	insertUser = `INSERT INTO mapae_users
	(id, login, login_key, email, email_verified_at, name, locale, external_id, epoch, created_at, disabled_at,
	email_key, frozen_until, offer_after)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING`

	// The names are compared in the statement, so that one that is taken is no
	// error that would end the transaction.
	updateUser = `UPDATE mapae_users SET login = $1, login_key = $2, email = $3, email_verified_at = $4, name = $5, locale = $6,
	external_id = $7, epoch = $8, disabled_at = $9, email_key = $10, frozen_until = $11, offer_after = $12 WHERE id = $13
	AND NOT EXISTS (SELECT 1 FROM mapae_users AS o WHERE o.login_key = $2 AND o.id <> $13)
	AND NOT EXISTS (SELECT 1 FROM mapae_users AS o WHERE o.email_key = $10 AND o.email_key <> '' AND o.id <> $13)
	AND NOT EXISTS (SELECT 1 FROM mapae_users AS o WHERE o.external_id = $7 AND o.external_id <> '' AND o.id <> $13)`

	deleteUser = `DELETE FROM mapae_users WHERE id = $1`
)

// userRow is a row of userColumns.
type userRow struct {
	user                                       mapae.User
	verified, created, disabled, frozen, offer int64
}

// dest returns the destinations of the columns that come before the user's, and
// of these.
func (r *userRow) dest(before ...any) []any {
	return r.profile(append(before, (*raw)(&r.user.ID), &r.user.Epoch, &r.disabled))
}

// profile is dest of profileColumns.
func (r *userRow) profile(before []any) []any {
	u := &r.user
	return append(before, &u.Login, &u.LoginKey, &u.Email, &r.verified,
		&u.Name, &u.Locale, &u.ExternalID, &r.created,
		&u.EmailKey, &r.frozen, &r.offer)
}

func (r *userRow) value() mapae.User {
	r.user.EmailVerifiedAt, r.user.CreatedAt, r.user.DisabledAt = moment(r.verified), moment(r.created), moment(r.disabled)
	r.user.FrozenUntil, r.user.OfferAfter = moment(r.frozen), moment(r.offer)
	return r.user
}

// oneUser runs a statement that returns at most one user.
func (r Reader) oneUser(ctx context.Context, sql string, arg any) (mapae.User, error) {
	var row userRow
	if err := r.q.Row(ctx, sql, args(arg), row.dest()); err != nil {
		return mapae.User{}, err
	}
	return row.value(), nil
}

// User implements mapae.Reader.
func (r Reader) User(ctx context.Context, id mapae.UserID) (mapae.User, error) {
	return r.oneUser(ctx, selectUser, blob(id))
}

// UserByLogin implements mapae.Reader.
func (r Reader) UserByLogin(ctx context.Context, key string) (mapae.User, error) {
	return r.oneUser(ctx, selectUserByLogin, key)
}

// UserByExternalID implements mapae.Reader.
func (r Reader) UserByExternalID(ctx context.Context, id string) (mapae.User, error) {
	return r.oneUser(ctx, selectUserByExternalID, id)
}

// UserByEmail implements mapae.Reader.
func (r Reader) UserByEmail(ctx context.Context, key string) (mapae.User, error) {
	return r.oneUser(ctx, selectUserByEmail, key)
}

// Users implements mapae.Reader.
func (r Reader) Users(ctx context.Context, after mapae.UserID, limit int) (list []mapae.User, err error) {
	var row userRow
	err = r.q.Rows(ctx, selectUsers, args(blob(after), int64(limit)), row.dest(), func() error {
		list = append(list, row.value())
		return nil
	})
	return list, err
}

// LockUser implements mapae.Tx.
func (t Tx) LockUser(ctx context.Context, id mapae.UserID) (mapae.User, error) {
	return t.oneUser(ctx, lockUser, blob(id))
}

// AddUser implements mapae.Tx.
func (t Tx) AddUser(ctx context.Context, u mapae.User) error {
	return t.add(ctx, insertUser, blob(u.ID), u.Login, u.LoginKey, u.Email, micros(u.EmailVerifiedAt),
		u.Name, u.Locale, u.ExternalID, u.Epoch, micros(u.CreatedAt), micros(u.DisabledAt),
		u.EmailKey, micros(u.FrozenUntil), micros(u.OfferAfter))
}

// UpdateUser implements mapae.Tx.
func (t Tx) UpdateUser(ctx context.Context, u mapae.User) error {
	err := t.write(ctx, updateUser, u.Login, u.LoginKey, u.Email, micros(u.EmailVerifiedAt), u.Name, u.Locale,
		u.ExternalID, u.Epoch, micros(u.DisabledAt), u.EmailKey, micros(u.FrozenUntil), micros(u.OfferAfter), blob(u.ID))
	if err != mapae.ErrNotFound {
		return err
	}
	if _, err := t.User(ctx, u.ID); err != nil {
		return err
	}
	return mapae.ErrExists
}

// DeleteUser implements mapae.Tx. The rows of other tables go by cascade, but
// those of the outbox, which need no user.
func (t Tx) DeleteUser(ctx context.Context, id mapae.UserID) error {
	if err := t.write(ctx, deleteUser, blob(id)); err != nil {
		return err
	}
	_, err := t.q.Exec(ctx, deleteMailOf, blob(id))
	return err
}
