package mapae

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"
)

// freezeLife is how long after "This was not me" nobody changes what the user
// signs in with. What was made as long before it is doubted too.
const freezeLife = 72 * time.Hour

// NotMe is what a disowned event led to.
type NotMe struct {
	Recovery    RecoveryStep // the mail that the link came with was its first proof
	FrozenUntil time.Time    // nobody changes what the user signs in with before, but by a recovery
	Suspended   bool         // the passkey that it was about can't be used any more
}

// Notice is what the link of a notice is about.
type Notice struct {
	About EventType
	At    time.Time
}

// Notice says what a link "This was not me" is about. It changes nothing, so
// that a scanner of mail may open it. Errors: CodeCeremonyInvalid.
func (a *Auth) Notice(_ context.Context, code string) (Notice, error) {
	t, err := a.openLink(code, purposeNotice)
	if err != nil {
		return Notice{}, err
	}
	return Notice{EventType(t.Name), time.UnixMicro(t.Issued).UTC()}, nil
}

// DisownNotice acts on the link "This was not me", once, for whoever has it: it
// ends every session and sign-in under way, freezes what the user signs in with
// for 72 hours, suspends the passkey that the notice was about if the user can
// do without it, cancels a recovery that waits unless it began in such a freeze,
// and begins a recovery, to which having got the mail is the first proof. The
// link works while the user's address is the one that it was mailed to.
//
// Whoever reads the user's mail can do this. So a passkey is suspended only
// where a way in remains that needs no mail, or where it is itself no older than
// 72 hours; and a user with a passkey that is not suspended lifts it all, see
// Unfreeze. Errors: CodeCeremonyInvalid; CodeUnavailable.
func (a *Auth) DisownNotice(ctx context.Context, c Client, code string) (NotMe, error) {
	t, err := a.openLink(code, purposeNotice)
	if err != nil {
		return NotMe{}, err
	}
	return a.disown(ctx, c, t, EventNotMe, func(*User) {})
}

var errNotTheirs = fail(CodeCeremonyInvalid, errors.New("link: it was mailed to an address that the user has no longer"))

// disown is the one transaction of what an owner says was not them; restore
// puts back what the link stands for.
func (a *Auth) disown(ctx context.Context, c Client, t ticket, what EventType, restore func(*User)) (NotMe, error) {
	u, err := a.linkUser(ctx, t)
	if err != nil {
		return NotMe{}, err
	}
	e := a.event(c, what, u.ID)
	e.Method, e.Reason = "", t.Name
	var out NotMe
	var w waysIn
	var before User
	err = a.store.Update(ctx, func(tx Tx) error {
		if err := t.consume(ctx, tx); err != nil {
			return err
		}
		until := e.At.Add(freezeLife)
		if u, err = raiseEpoch(ctx, tx, u.ID, func(u *User) { before, u.FrozenUntil = *u, until; restore(u) }); err != nil {
			return err
		}
		if t.Purpose == purposeNotice && before.EmailKey != t.Login {
			return errNotTheirs
		}
		if _, err := tx.EndSessions(ctx, u.ID, ""); err != nil {
			return err
		}
		if err := cancelDisowned(ctx, tx, before, what == EventEmailRestored); err != nil {
			return err
		}
		if w, err = a.waysIn(ctx, tx, u); err != nil {
			return err
		}
		if e.Credential, err = suspend(ctx, tx, w, t, e.At); err != nil {
			return err
		}
		out = NotMe{FrozenUntil: until, Suspended: e.Credential != nil}
		if err := tx.AddEvent(ctx, e); err != nil {
			return err
		}
		return a.tellLeft(ctx, tx, before, u, e)
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return NotMe{}, fail(CodeCeremonyInvalid, errors.New("link: the user is gone"))
	case errors.Is(err, ErrExists):
		return NotMe{}, fail(CodeConflict, errors.New("somebody else has proven the address meanwhile"))
	case err != nil:
		return NotMe{}, answerOr(string(what), err)
	}
	a.notify(ctx, e)
	out.Recovery, err = a.afterProof(ticket{Purpose: purposeRecover, Login: u.LoginKey}.boundTo(c), u, w, MethodEmailCode)
	return out, err
}

// cancelDisowned cancels the waiting recovery of u, as u was before. One that
// began while u was frozen is what an owner goes on with after "This was not
// me", and stays, unless all is cancelled: whoever began it had an address that
// is no longer u's.
func cancelDisowned(ctx context.Context, tx Tx, u User, all bool) error {
	r, err := tx.RecoveryOf(ctx, u.ID)
	if errors.Is(err, ErrNotFound) || err == nil && !all && u.wasFrozen(r.CreatedAt) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.RemoveRecovery(ctx, u.ID)
}

// wasFrozen reports whether the freeze that u is or was last in held at that
// time.
func (u User) wasFrozen(at time.Time) bool {
	return at.Before(u.FrozenUntil) && !at.Before(u.FrozenUntil.Add(-freezeLife))
}

// suspend suspends the passkey that t is about and returns its ID, or nil where
// it is gone or can't be done without.
func suspend(ctx context.Context, tx Tx, w waysIn, t ticket, at time.Time) ([]byte, error) {
	i := slices.IndexFunc(w.credentials, func(c Credential) bool {
		hash := sha256.Sum256(c.ID)
		return slices.Equal(hash[:], t.Key)
	})
	if i < 0 {
		return nil, nil
	}
	doubted := w.credentials[i]
	left := w.without(doubted.ID, "")
	again := left.level() > 0 && (left.second() || left.recoveryCodes > 0) // beside a suspended passkey a second step is asked for
	young := EventType(t.Name) == EventPasskeyAdded && at.Sub(doubted.CreatedAt) < freezeLife && again
	if !young && !left.withoutMail() {
		return nil, nil
	}
	return doubted.ID, tx.SuspendCredential(ctx, doubted.UserID, doubted.ID, at)
}

// Frozen reports whether what u signs in with can't be changed now.
func (a *Auth) Frozen(u User) bool { return a.now().Before(u.FrozenUntil) }

// doubted reports whether what was made at that time proves nothing while u is
// frozen: whoever u knows nothing of may have made it. In an account that is
// itself no older everything is as good.
func (a *Auth) doubted(u User, made time.Time) bool { return a.Frozen(u) && u.doubts(made) }

// doubts is doubted after the freeze too.
func (u User) doubts(made time.Time) bool {
	from := u.FrozenUntil.Add(-2 * freezeLife)
	return made.After(from) && !u.CreatedAt.After(from)
}

// mayChange answers why what cur's user signs in with can't be changed in that
// session now: CodeFrozen with RetryAfter, or CodeStepUpRequired where it has
// not authenticated recently enough. Every change of a method, of the address
// and of the account asks it.
func (a *Auth) mayChange(cur Current) error {
	if a.Frozen(cur.User) {
		return &Error{Code: CodeFrozen, RetryAfter: cur.User.FrozenUntil.Sub(a.now()), Err: fmt.Errorf("frozen until %v", cur.User.FrozenUntil)}
	}
	if !cur.Session.Meets(a.now(), Within(a.cfg.FreshFor)) {
		return ErrStepUpRequired
	}
	return nil
}

// Unfreeze takes back what DisownNotice did, in a session that has just used a
// passkey: the freeze, and every suspension. A passkey that was added shortly
// before the freeze can't, unless the account is as new. Once the freeze is over
// a session of level 2 can too. Errors: CodeStepUpRequired; CodeNotFound there
// is nothing to lift; CodeUnauthenticated; CodeUnavailable.
func (a *Auth) Unfreeze(ctx context.Context, c Client, cur Current) error {
	return a.change(ctx, c, cur, changed{what: EventUnfrozen}, func(tx Tx) error {
		u, err := tx.LockUser(ctx, cur.User.ID)
		if err != nil {
			return err
		}
		own, err := tx.Credentials(ctx, u.ID)
		if err != nil {
			return err
		}
		if !a.mayUnfreeze(u, cur.Session, own) {
			return ErrStepUpRequired
		}
		doubted := slices.DeleteFunc(slices.Clone(own), func(c Credential) bool { return c.SuspendedAt.IsZero() })
		if len(doubted) == 0 && !a.Frozen(u) {
			return ErrNotFound
		}
		for _, one := range doubted {
			if err := tx.SuspendCredential(ctx, u.ID, one.ID, time.Time{}); err != nil {
				return err
			}
		}
		u.FrozenUntil = time.Time{}
		return tx.UpdateUser(ctx, u)
	})
}

// mayUnfreeze reports whether s shows the owner of u beyond doubt: by a recent
// use of a passkey that is not doubted, or, once the freeze is over, by two
// factors.
func (a *Auth) mayUnfreeze(u User, s Session, own []Credential) bool {
	return !a.Frozen(u) && s.Meets(a.now(), Within(a.cfg.FreshFor), SecondFactor()) || a.showsOwner(u, s, own)
}

// showsOwner reports whether s has just used a passkey of own that nobody doubts.
func (a *Auth) showsOwner(u User, s Session, own []Credential) bool {
	demands := []Demand{PhishingResistant(), Within(a.cfg.FreshFor)}
	return slices.ContainsFunc(s.Uses, func(use Use) bool {
		i := slices.IndexFunc(own, func(c Credential) bool { return slices.Equal(c.ID, use.Credential) })
		return use.meets(a.now(), demands) && i >= 0 && own[i].SuspendedAt.IsZero() && !u.doubts(own[i].CreatedAt)
	})
}
