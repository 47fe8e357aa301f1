package memory

import (
	"cmp"
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"time"

	"github.com/mapae/mapae"
)

// Session implements mapae.Reader.
func (t *tx) Session(_ context.Context, id mapae.SessionID, tokenHash [32]byte, now time.Time) (mapae.Session, mapae.User, error) {
	s, ok := t.sessions[id]
	if !ok || !t.live(s, now) || subtle.ConstantTimeCompare(s.TokenHash[:], tokenHash[:]) != 1 {
		return mapae.Session{}, mapae.User{}, mapae.ErrNotFound
	}
	return ownSession(s), t.users[s.UserID], nil
}

// Sessions implements mapae.Reader.
func (t *tx) Sessions(_ context.Context, user mapae.UserID, now time.Time) ([]mapae.Session, error) {
	var list []mapae.Session
	for _, id := range t.sessionsOf[user] {
		if s := t.sessions[id]; t.live(s, now) {
			list = append(list, ownSession(s))
		}
	}
	slices.SortFunc(list, func(a, b mapae.Session) int { return cmp.Compare(b.ID, a.ID) })
	return list, nil
}

// live reports whether s still stands for its user at the time now.
func (t *tx) live(s mapae.Session, now time.Time) bool {
	u, ok := t.users[s.UserID]
	return ok && !u.Disabled() && u.Epoch == s.Epoch && s.IdleEndsAt.After(now) && s.EndsAt.After(now)
}

// addSession inserts a session; only admit calls it.
func (t *tx) addSession(s mapae.Session) error {
	if _, ok := t.sessions[s.ID]; ok {
		return t.fail(fmt.Errorf("memory: session %v is there already", s.ID))
	}
	if err := link(t, t.sessionsOf, s.UserID, s.ID); err != nil {
		return err
	}
	set(t, t.sessions, s.ID, ownSession(s))
	return nil
}

// rotatable returns the session that s is to renew: of the same user, not
// ended, and its token hash is token. Its epoch may be an older one.
func (t *tx) rotatable(s mapae.Session, token [32]byte) (mapae.Session, bool) {
	old, ok := t.sessions[s.ID]
	return old, ok && old.UserID == s.UserID && old.TokenHash == token &&
		old.IdleEndsAt.After(s.SeenAt) && old.EndsAt.After(s.SeenAt)
}

// rotateSession gives old the token, epoch, uses and ends of s.
func (t *tx) rotateSession(old, s mapae.Session) {
	old.TokenHash, old.Epoch, old.Uses = s.TokenHash, s.Epoch, s.Uses
	old.SeenAt, old.IdleEndsAt, old.EndsAt = s.SeenAt, s.IdleEndsAt, s.EndsAt
	set(t, t.sessions, old.ID, ownSession(old))
}

// TouchSession implements mapae.Tx.
func (t *tx) TouchSession(_ context.Context, id mapae.SessionID, seenAt, idleEndsAt time.Time) error {
	s, ok := t.sessions[id]
	if !ok {
		return nil
	}
	if at := micro(seenAt); at.After(s.SeenAt) {
		s.SeenAt = at
	}
	if at := micro(idleEndsAt); at.After(s.IdleEndsAt) {
		s.IdleEndsAt = at
	}
	set(t, t.sessions, id, s)
	return nil
}

// EndSession implements mapae.Tx.
func (t *tx) EndSession(_ context.Context, user mapae.UserID, id mapae.SessionID) error {
	s, ok := t.sessions[id]
	if !ok || s.UserID != user {
		return mapae.ErrNotFound
	}
	t.endSession(s)
	return nil
}

// EndSessions implements mapae.Tx.
func (t *tx) EndSessions(_ context.Context, user mapae.UserID, but mapae.SessionID) (int, error) {
	n := 0
	for _, id := range t.sessionsOf[user] {
		if id != but {
			t.endSession(t.sessions[id])
			n++
		}
	}
	return n, nil
}

func (t *tx) endSession(s mapae.Session) {
	remove(t, t.sessions, s.ID)
	unlink(t, t.sessionsOf, s.UserID, s.ID)
}

// sweepSessions removes sessions that are over, oldest end first.
func (t *tx) sweepSessions(plan mapae.SweepPlan) int {
	limit := micro(plan.SessionsBefore)
	if limit.IsZero() {
		return 0
	}
	var over []mapae.SessionID
	for id, s := range t.sessions {
		if !sessionOver(s).After(limit) {
			over = append(over, id)
		}
	}
	slices.SortFunc(over, func(a, b mapae.SessionID) int {
		return cmp.Or(sessionOver(t.sessions[a]).Compare(sessionOver(t.sessions[b])), cmp.Compare(a, b))
	})
	over = over[:min(len(over), plan.Limit)]
	for _, id := range over {
		t.endSession(t.sessions[id])
	}
	return len(over)
}

// sessionOver is the earlier of a session's ends.
func sessionOver(s mapae.Session) time.Time {
	if s.IdleEndsAt.Before(s.EndsAt) {
		return s.IdleEndsAt
	}
	return s.EndsAt
}

// ownSession returns s sharing no bytes with it, its times cut.
func ownSession(s mapae.Session) mapae.Session {
	uses := make([]mapae.Use, len(s.Uses))
	for i, u := range s.Uses {
		u.At, u.Credential = micro(u.At), own(u.Credential)
		uses[i] = u
	}
	s.Uses = uses
	if len(uses) == 0 {
		s.Uses = nil
	}
	s.CreatedAt, s.SeenAt = micro(s.CreatedAt), micro(s.SeenAt)
	s.IdleEndsAt, s.EndsAt = micro(s.IdleEndsAt), micro(s.EndsAt)
	return s
}
