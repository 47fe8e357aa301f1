package sqlstore

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/mapae/mapae"
)

const (
	// All but the ID.
	sessionColumns = `mapae_sessions.token_hash, mapae_sessions.user_id, mapae_sessions.epoch,
	mapae_sessions.uses, mapae_sessions.app, mapae_sessions.address, mapae_sessions.user_agent, mapae_sessions.created_at,
	mapae_sessions.seen_at, mapae_sessions.idle_ends_at, mapae_sessions.ends_at`

	sessionsOfUsers = ` FROM mapae_sessions JOIN mapae_users ON mapae_users.id = mapae_sessions.user_id
	AND mapae_users.epoch = mapae_sessions.epoch AND mapae_users.disabled_at = 0`

	// Read at every request of somebody who is signed in: what is known by then is not read.
	selectSession = `SELECT ` + sessionColumns + `, ` + profileColumns + sessionsOfUsers + `
	WHERE mapae_sessions.id = $1 AND mapae_sessions.idle_ends_at > $2 AND mapae_sessions.ends_at > $2`

	selectSessions = `SELECT mapae_sessions.id, ` + sessionColumns + sessionsOfUsers + `
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
	session                       mapae.Session
	app, created, seen, idle, end int64
}

// dest returns the destinations of the columns that come before the session's,
// and of these.
func (r *sessionRow) dest(before ...any) []any {
	s := &r.session
	return append(before,
		(*bytes32)(&s.TokenHash), (*raw)(&s.UserID), &s.Epoch, (*uses)(&s.Uses), &r.app, &s.Address, &s.UserAgent, &r.created,
		&r.seen, &r.idle, &r.end)
}

func (r *sessionRow) value() mapae.Session {
	s := r.session
	s.App = r.app != 0
	s.CreatedAt, s.SeenAt, s.IdleEndsAt, s.EndsAt = moment(r.created), moment(r.seen), moment(r.idle), moment(r.end)
	return s
}

// Session implements mapae.Reader. The token's hash is compared here, in
// constant time.
func (r Reader) Session(ctx context.Context, id mapae.SessionID, tokenHash [32]byte, now time.Time) (mapae.Session, mapae.User, error) {
	l := r.look()
	l.id, l.now = append(l.id[:0], id...), micros(now)
	err := r.q.Row(ctx, selectSession, l.args[:], l.dest)
	s, u := l.sessionRow.value(), l.userRow.value()
	r.looked(l)
	if err == nil && subtle.ConstantTimeCompare(s.TokenHash[:], tokenHash[:]) != 1 {
		err = mapae.ErrNotFound
	}
	if err != nil {
		return mapae.Session{}, mapae.User{}, err
	}
	s.ID, u.ID, u.Epoch = id, s.UserID, s.Epoch
	return s, u, nil
}

// sessionLook is what a look at a session takes, to be used again: it happens at
// every request.
type sessionLook struct {
	sessionRow
	userRow
	id   []byte
	now  int64
	args [2]any
	dest []any
}

func (r Reader) look() *sessionLook {
	if r.looks != nil {
		if l, ok := r.looks.Get().(*sessionLook); ok {
			return l
		}
	}
	l := new(sessionLook)
	l.args = [2]any{&l.id, &l.now}
	l.dest = l.profile(l.sessionRow.dest())
	return l
}

// looked keeps l, and nothing of what was read into it.
func (r Reader) looked(l *sessionLook) {
	l.sessionRow, l.userRow = sessionRow{}, userRow{}
	if r.looks != nil {
		r.looks.Put(l)
	}
}

// Sessions implements mapae.Reader.
func (r Reader) Sessions(ctx context.Context, user mapae.UserID, now time.Time) (list []mapae.Session, err error) {
	var row sessionRow
	err = r.q.Rows(ctx, selectSessions, args(blob(user), micros(now)), row.dest((*raw)(&row.session.ID)), func() error {
		list = append(list, row.value())
		return nil
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
