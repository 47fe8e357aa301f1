package mapae

import (
	"context"
	"errors"
	"time"
)

// seenEvery is how often at most a session's last use is written.
const seenEvery = time.Minute

// Session returns the live session that token belongs to. Errors:
// CodeUnauthenticated for everything that is not the token of a live session;
// CodeUnavailable.
//
// Once a minute it writes that the session was seen. That write is best
// effort: where it fails the session is still good, and ends the earlier.
func (a *Auth) Session(ctx context.Context, token string) (Current, error) {
	id, hash, ok := parseToken(token)
	if !ok {
		return Current{}, ErrUnauthenticated
	}
	now := a.now()
	s, u, err := a.store.Session(ctx, id, hash, now)
	switch {
	case errors.Is(err, ErrNotFound):
		return Current{}, ErrUnauthenticated
	case err != nil:
		return Current{}, broken("read a session", err)
	}
	if now.Sub(s.SeenAt) >= seenEvery {
		s.SeenAt = now
		s.IdleEndsAt = a.idleEnd(s)
		_ = a.store.Update(ctx, func(tx Tx) error { return tx.TouchSession(ctx, s.ID, s.SeenAt, s.IdleEndsAt) })
	}
	return Current{User: u, Session: s}, nil
}
