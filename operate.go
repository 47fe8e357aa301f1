package mapae

import (
	"context"
	"errors"
)

// sweepBatch is how many rows of a kind Sweep removes in one transaction, so
// that sign-ins hardly wait for it.
const sweepBatch = 500

// Sweep removes what has outlived its use: spent challenges and tickets ten
// minutes past their end, ended sessions, and events older than
// Config.KeepEvents. It returns how many rows it removed. Run it every few
// minutes, on any node.
func (a *Auth) Sweep(ctx context.Context) (int, error) {
	now := a.now()
	plan := SweepPlan{SpentBefore: now.Add(-spentKept), SessionsBefore: now, EventsBefore: now.Add(-a.cfg.KeepEvents),
		FailuresBefore: now.Add(-failuresKept), RecoveryBefore: now, Limit: sweepBatch}
	total := 0
	for {
		n, err := a.store.Sweep(ctx, plan)
		total += n
		if err != nil {
			return total, broken("sweep", err)
		}
		if n == 0 {
			return total, nil
		}
	}
}

// DisableUser ends all sessions of a user and refuses every further sign-in.
// Errors: CodeNotFound; CodeUnavailable.
func (a *Auth) DisableUser(ctx context.Context, id UserID) error {
	now := a.now()
	return a.operate(ctx, EventUserDisabled, id, func(u *User) { u.DisabledAt = now })
}

// EnableUser undoes DisableUser. Errors: CodeNotFound; CodeUnavailable.
func (a *Auth) EnableUser(ctx context.Context, id UserID) error {
	return a.operate(ctx, EventUserEnabled, id, func(u *User) { u.DisabledAt = User{}.DisabledAt })
}

func (a *Auth) operate(ctx context.Context, what EventType, id UserID, f func(*User)) error {
	e := a.event(Client{}, what, id)
	e.Method = ""
	err := a.store.Update(ctx, func(tx Tx) error {
		if _, err := raiseEpoch(ctx, tx, id, f); err != nil {
			return err
		}
		if _, err := tx.EndSessions(ctx, id, ""); err != nil {
			return err
		}
		return tx.AddEvent(ctx, e)
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return ErrMissing
	case err != nil:
		return broken(string(what), err)
	}
	a.notify(ctx, e)
	return nil
}
