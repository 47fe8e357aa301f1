package sqlstore

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/mapae/mapae"
)

const (
	sessionColumns = `mapae_sessions.id, mapae_sessions.token_hash, mapae_sessions.user_id, mapae_sessions.epoch,
	mapae_sessions.uses, mapae_sessions.app, mapae_sessions.address, mapae_sessions.user_agent, mapae_sessions.created_at,
	mapae_sessions.seen_at, mapae_sessions.idle_ends_at, mapae_sessions.ends_at`

	sessionsOfUsers = ` FROM mapae_sessions JOIN mapae_users ON mapae_users.id = mapae_sessions.user_id
	AND mapae_users.epoch = mapae_sessions.epoch AND mapae_users.disabled_at = 0`

	selectSession = `SELECT ` + sessionColumns + `, ` + userColumns + sessionsOfUsers + `
	WHERE mapae_sessions.id = $1 AND mapae_sessions.idle_ends_at > $2 AND mapae_sessions.ends_at > $2`

	selectSessions = `SELECT ` + sessionColumns + sessionsOfUsers + `
	WHERE mapae_sessions.user_id = $1 AND mapae_sessions.idle_ends_at > $2 AND mapae_sessions.ends_at > $2
	ORDER BY mapae_sessions.id DESC`

	insertSession = `INSERT INTO mapae_sessions
	(id, token_hash, user_id, epoch, uses, app, address, user_agent, created_at, seen_at, idle_ends_at, ends_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`

	touchSession = `UPDATE mapae_sessions SET seen_at = CASE WHEN seen_at < $1 THEN $1 ELSE seen_at END,
	idle_ends_at = CASE WHEN idle_ends_at < $2 THEN $2 ELSE idle_ends_at END WHERE id = $3`

	deleteSession  = `DELETE FROM mapae_sessions WHERE user_id = $1 AND id = $2`
	deleteSessions = `DELETE FROM mapae_sessions WHERE user_id = $1 AND id <> $2`
)

// sessionRow is a row of sessionColumns.
type sessionRow struct {
	session                  mapae.Session
	id, hash, user           []byte
	uses                     string
	app                      int64
	created, seen, idle, end int64
}

func (r *sessionRow) dest() []any {
	s := &r.session
	return []any{
		&r.id, &r.hash, &r.user, &s.Epoch, &r.uses, &r.app, &s.Address, &s.UserAgent, &r.created,
		&r.seen, &r.idle, &r.end,
	}
}

func (r *sessionRow) value() (mapae.Session, error) {
	s := r.session
	s.ID, s.UserID, s.App = mapae.SessionID(r.id), mapae.UserID(r.user), r.app != 0
	s.CreatedAt, s.SeenAt, s.IdleEndsAt, s.EndsAt = moment(r.created), moment(r.seen), moment(r.idle), moment(r.end)
	copy(s.TokenHash[:], r.hash)
	var err error
	if s.Uses, err = usesOf(r.uses); err != nil {
		return mapae.Session{}, fmt.Errorf("read uses: %w", err)
	}
	return s, nil
}

// Session implements mapae.Reader. The token's hash is compared here, in
// constant time.
func (r Reader) Session(ctx context.Context, id mapae.SessionID, tokenHash [32]byte, now time.Time) (mapae.Session, mapae.User, error) {
	var row sessionRow
	var owner userRow
	err := r.q.Row(ctx, selectSession, args(blob(id), micros(now)), owner.dest(row.dest()...))
	if err == nil && subtle.ConstantTimeCompare(row.hash, tokenHash[:]) != 1 {
		err = mapae.ErrNotFound
	}
	if err != nil {
		return mapae.Session{}, mapae.User{}, err
	}
	s, err := row.value()
	return s, owner.value(), err
}

// Sessions implements mapae.Reader.
func (r Reader) Sessions(ctx context.Context, user mapae.UserID, now time.Time) (list []mapae.Session, err error) {
	var row sessionRow
	err = r.q.Rows(ctx, selectSessions, args(blob(user), micros(now)), row.dest(), func() error {
		s, err := row.value()
		list = append(list, s)
		return err
	})
	return list, err
}

// addSession inserts a session; only Admit calls it.
func (t Tx) addSession(ctx context.Context, s mapae.Session) error {
	uses, err := usesText(s.Uses)
	if err != nil {
		return fmt.Errorf("write uses: %w", err)
	}
	_, err = t.q.Exec(ctx, insertSession, blob(s.ID), s.TokenHash[:], blob(s.UserID), s.Epoch, uses, flag(s.App),
		s.Address, s.UserAgent, micros(s.CreatedAt), micros(s.SeenAt), micros(s.IdleEndsAt), micros(s.EndsAt))
	return err
}

// TouchSession implements mapae.Tx.
func (t Tx) TouchSession(ctx context.Context, id mapae.SessionID, seenAt, idleEndsAt time.Time) error {
	_, err := t.q.Exec(ctx, touchSession, micros(seenAt), micros(idleEndsAt), blob(id))
	return err
}

// EndSession implements mapae.Tx.
func (t Tx) EndSession(ctx context.Context, user mapae.UserID, id mapae.SessionID) error {
	return t.write(ctx, deleteSession, blob(user), blob(id))
}

// EndSessions implements mapae.Tx.
func (t Tx) EndSessions(ctx context.Context, user mapae.UserID, but mapae.SessionID) (int, error) {
	n, err := t.q.Exec(ctx, deleteSessions, blob(user), blob(but))
	return int(n), err
}
