package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/mapae/mapae"
)

const (
	// What a sign-in nearly always needs, in one statement: it writes the row
	// when user, credential and counter are all as they must be.
	useCredential = `UPDATE mapae_credentials
	SET sign_count = $1, backup_eligible = $2, backup_state = $3, last_used_at = $4, last_used_agent = $5
	WHERE id = $6 AND user_id = $7 AND suspended_at = 0 AND (sign_count < $1 OR sign_count = 0 AND $1 = 0)
	AND EXISTS (SELECT 1 FROM mapae_users WHERE id = $7 AND epoch = $8 AND disabled_at = 0)`

	// The same, once all has been looked at and is locked.
	setCredentialUse = `UPDATE mapae_credentials
	SET sign_count = $1, backup_eligible = $2, backup_state = $3, last_used_at = $4, last_used_agent = $5
	WHERE id = $6 AND user_id = $7`

	lockCredential = `UPDATE mapae_credentials SET sign_count = sign_count WHERE id = $1 AND user_id = $2 AND suspended_at = 0
	RETURNING sign_count, backup_eligible`

	lockSession = `UPDATE mapae_sessions SET seen_at = seen_at
	WHERE id = $1 AND user_id = $2 AND token_hash = $3 AND idle_ends_at > $4 AND ends_at > $4`

	rotateSession = `UPDATE mapae_sessions SET token_hash = $1, epoch = $2, uses = $3, seen_at = $4, idle_ends_at = $5, ends_at = $6
	WHERE id = $7 AND user_id = $8 AND token_hash = $9`
)

// Admit implements mapae.Tx.
func (t Tx) Admit(ctx context.Context, a mapae.Admission) (mapae.Verdict, error) {
	if a.Spend != nil {
		first, err := t.Spend(ctx, *a.Spend)
		if err != nil {
			return mapae.VerdictSpent, fmt.Errorf("spend: %w", err)
		}
		if !first {
			return mapae.VerdictSpent, nil
		}
	}
	v, err := t.conclude(ctx, a)
	if err != nil {
		return v, err
	}
	if e, ok := a.EventFor(v); ok {
		if err := t.AddEvent(ctx, e); err != nil {
			return v, fmt.Errorf("add event: %w", err)
		}
	}
	return v, nil
}

// conclude finds the verdict and, where it admits, writes credential and
// session. A session that is to be renewed is looked at first, because what
// was written to the credential could not be taken back.
func (t Tx) conclude(ctx context.Context, a mapae.Admission) (mapae.Verdict, error) {
	if a.Rotate != nil {
		s := a.Session
		n, err := t.q.Exec(ctx, lockSession, blob(s.ID), blob(s.UserID), a.Rotate[:], micros(s.SeenAt))
		if err != nil || n == 0 {
			return mapae.VerdictUserChanged, err
		}
	}
	v, err := t.use(ctx, a)
	if err != nil || !v.Admitted() {
		return v, err
	}
	if a.Rotate != nil {
		return v, t.rotate(ctx, a.Session, *a.Rotate)
	}
	if err := t.addSession(ctx, a.Session); err != nil {
		return v, fmt.Errorf("add session: %w", err)
	}
	return v, nil
}

// use applies a.Use where user and credential allow it.
func (t Tx) use(ctx context.Context, a mapae.Admission) (mapae.Verdict, error) {
	if a.Use != nil && a.Use.UserID == a.Session.UserID {
		n, err := t.q.Exec(ctx, useCredential, append(useArgs(*a.Use, a.Use.SignCount), a.Session.Epoch)...)
		if err != nil || n == 1 {
			return mapae.VerdictAdmitted, err
		}
	}
	u, err := t.LockUser(ctx, a.Session.UserID)
	switch {
	case errors.Is(err, mapae.ErrNotFound):
		return mapae.VerdictUserChanged, nil
	case err != nil:
		return mapae.VerdictUserChanged, err
	case u.Disabled() || u.Epoch != a.Session.Epoch:
		return mapae.VerdictUserChanged, nil
	case a.Use == nil:
		return mapae.VerdictAdmitted, nil
	case a.Use.UserID != u.ID:
		return mapae.VerdictCredentialGone, nil
	}
	return t.useLocked(ctx, *a.Use)
}

// useLocked looks at the credential with its row locked, and decides what its
// counter allows.
func (t Tx) useLocked(ctx context.Context, u mapae.CredentialUse) (mapae.Verdict, error) {
	var stored, synced int64
	err := t.q.Row(ctx, lockCredential, args(blob(u.ID), blob(u.UserID)), []any{&stored, &synced})
	if errors.Is(err, mapae.ErrNotFound) {
		return mapae.VerdictCredentialGone, nil
	}
	if err != nil {
		return mapae.VerdictCredentialGone, err
	}
	v, count := mapae.VerdictAdmitted, u.SignCount
	if rose := int64(count) > stored || count == 0 && stored == 0; !rose {
		if synced == 0 {
			return mapae.VerdictCounterRegressed, nil
		}
		v, count = mapae.VerdictAdmittedRegressed, uint32(stored)
	}
	_, err = t.q.Exec(ctx, setCredentialUse, useArgs(u, count)...)
	return v, err
}

// useArgs returns the arguments that useCredential and setCredentialUse share.
func useArgs(u mapae.CredentialUse, count uint32) []any {
	return args(int64(count), flag(u.BackupEligible), flag(u.BackupState), micros(u.At), u.Agent, blob(u.ID), blob(u.UserID))
}

// rotate gives the session that holds the token hash old the token, epoch, uses
// and ends of s.
func (t Tx) rotate(ctx context.Context, s mapae.Session, old [32]byte) error {
	uses, err := usesText(s.Uses)
	if err != nil {
		return fmt.Errorf("write uses: %w", err)
	}
	err = t.write(ctx, rotateSession, s.TokenHash[:], s.Epoch, uses, micros(s.SeenAt), micros(s.IdleEndsAt), micros(s.EndsAt),
		blob(s.ID), blob(s.UserID), old[:])
	if err != nil {
		return fmt.Errorf("rotate session: %w", err)
	}
	return nil
}
