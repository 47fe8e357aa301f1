package mapae

import (
	"context"
	"errors"
	"slices"
)

// waysIn is all that a user can sign in with, as it would be after a change.
type waysIn struct {
	credentials []Credential
}

// remain is the last-way-in rule, the only one: it reports whether a user with
// these ways in can still sign in. Every change that takes one away asks it,
// with the user's row locked.
func (a *Auth) remain(w waysIn) bool {
	return slices.ContainsFunc(w.credentials, func(c Credential) bool {
		return c.FirstFactor && c.RPID == a.cfg.RP.ID
	})
}

// lockOwn locks the user of cur and returns the user's credentials; or
// ErrUnauthenticated where the session has ended since it was read.
func (a *Auth) lockOwn(ctx context.Context, tx Tx, cur Current) ([]Credential, error) {
	if err := a.lock(ctx, tx, cur); err != nil {
		return nil, err
	}
	return tx.Credentials(ctx, cur.User.ID)
}

// lock locks the user of cur, and answers ErrUnauthenticated where user or
// session are no longer what they were.
func (a *Auth) lock(ctx context.Context, tx Tx, cur Current) error {
	_, err := tx.LockUser(ctx, cur.User.ID)
	if err == nil {
		_, _, err = tx.Session(ctx, cur.Session.ID, cur.Session.TokenHash, a.now())
	}
	if errors.Is(err, ErrNotFound) {
		return ErrUnauthenticated
	}
	return err
}

// demandFresh answers CodeStepUpRequired unless the session has authenticated
// recently enough to change what its user signs in with.
func (a *Auth) demandFresh(cur Current) error {
	if !cur.Session.Meets(a.now(), Within(a.cfg.FreshFor)) {
		return ErrStepUpRequired
	}
	return nil
}
