package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/mapae/mapae"
)

// Recovery implements mapae.Reader.
func (t *tx) Recovery(ctx context.Context, claimHash [32]byte) (mapae.Recovery, error) {
	user, ok := t.claims[claimHash]
	if !ok {
		return mapae.Recovery{}, mapae.ErrNotFound
	}
	return t.RecoveryOf(ctx, user)
}

// RecoveryOf implements mapae.Reader.
func (t *tx) RecoveryOf(_ context.Context, user mapae.UserID) (mapae.Recovery, error) {
	r, ok := t.recoveries[user]
	if !ok {
		return mapae.Recovery{}, mapae.ErrNotFound
	}
	return r, nil
}

// SetRecovery implements mapae.Tx.
func (t *tx) SetRecovery(_ context.Context, r mapae.Recovery) error {
	if user, ok := t.claims[r.ClaimHash]; ok && user != r.UserID {
		return mapae.ErrExists
	}
	if _, ok := t.users[r.UserID]; !ok {
		return t.fail(fmt.Errorf("memory: no user %v to recover", r.UserID))
	}
	t.dropRecovery(r.UserID)
	r.CreatedAt, r.ReadyAt, r.EndsAt = micro(r.CreatedAt), micro(r.ReadyAt), micro(r.EndsAt)
	set(t, t.recoveries, r.UserID, r)
	set(t, t.claims, r.ClaimHash, r.UserID)
	return nil
}

// RemoveRecovery implements mapae.Tx.
func (t *tx) RemoveRecovery(_ context.Context, user mapae.UserID) error {
	if !t.dropRecovery(user) {
		return mapae.ErrNotFound
	}
	return nil
}

// dropRecovery removes a user's recovery and reports whether there was one.
func (t *tx) dropRecovery(user mapae.UserID) bool {
	r, ok := t.recoveries[user]
	if ok {
		remove(t, t.claims, r.ClaimHash)
		remove(t, t.recoveries, user)
	}
	return ok
}

// sweepRecoveries removes recoveries that have ended, oldest end first.
func (t *tx) sweepRecoveries(plan mapae.SweepPlan) int {
	limit := micro(plan.RecoveryBefore)
	if limit.IsZero() {
		return 0
	}
	var over []mapae.Recovery
	for _, r := range t.recoveries {
		if !r.EndsAt.After(limit) {
			over = append(over, r)
		}
	}
	slices.SortFunc(over, func(a, b mapae.Recovery) int {
		return cmp.Or(a.EndsAt.Compare(b.EndsAt), cmp.Compare(a.UserID, b.UserID))
	})
	over = over[:min(len(over), plan.Limit)]
	for _, r := range over {
		t.dropRecovery(r.UserID)
	}
	return len(over)
}
