package memory

import (
	"context"

	"github.com/mapae/mapae"
)

// Admit implements mapae.Tx: all is looked at before anything but the spend is
// written.
func (t *tx) Admit(ctx context.Context, a mapae.Admission) (mapae.Verdict, error) {
	if a.Spend != nil {
		if first, err := t.Spend(ctx, *a.Spend); err != nil || !first {
			return mapae.VerdictSpent, err
		}
	}
	v, err := t.conclude(a)
	if err != nil {
		return v, err
	}
	if e, ok := a.EventFor(v); ok {
		return v, t.AddEvent(ctx, e)
	}
	return v, nil
}

// conclude finds the verdict and, where it admits, writes credential and
// session.
func (t *tx) conclude(a mapae.Admission) (mapae.Verdict, error) {
	u, ok := t.users[a.Session.UserID]
	if !ok || u.Disabled() || u.Epoch != a.Session.Epoch {
		return mapae.VerdictUserChanged, nil
	}
	var old mapae.Session
	if a.Rotate != nil {
		if old, ok = t.rotatable(a.Session, *a.Rotate); !ok {
			return mapae.VerdictUserChanged, nil
		}
	}
	v := t.use(a)
	switch {
	case !v.Admitted():
		return v, nil
	case a.Rotate != nil:
		t.rotateSession(old, a.Session)
		return v, nil
	default:
		return v, t.addSession(a.Session)
	}
}

// use applies a.Use to its credential, if one was used.
func (t *tx) use(a mapae.Admission) mapae.Verdict {
	if a.Use == nil {
		return mapae.VerdictAdmitted
	}
	c, ok := t.credentials[string(a.Use.ID)]
	if !ok || c.UserID != a.Use.UserID || c.UserID != a.Session.UserID || !c.SuspendedAt.IsZero() {
		return mapae.VerdictCredentialGone
	}
	verdict := mapae.VerdictAdmitted
	switch {
	case a.Use.SignCount > c.SignCount || a.Use.SignCount == 0 && c.SignCount == 0:
		c.SignCount = a.Use.SignCount
	case !c.BackupEligible:
		return mapae.VerdictCounterRegressed
	default:
		verdict = mapae.VerdictAdmittedRegressed
	}
	c.BackupEligible, c.BackupState = a.Use.BackupEligible, a.Use.BackupState
	c.LastUsedAt, c.LastUsedAgent = micro(a.Use.At), a.Use.Agent
	set(t, t.credentials, string(a.Use.ID), c)
	return verdict
}
