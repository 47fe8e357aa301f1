package mapae

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// MailRecoveryCode mails a code to the account that the ticket of BeginRecovery,
// or of a proof, is of, if it has proven its address, and returns the ticket that
// takes the code beside all other proofs: for 10 minutes, for five tries. locale
// is that of the page.
//
// Whether there is such an account is not told: the answer, the work and the time
// are the same. Errors: CodeForbidden there is no mail; CodeBadRequest with the field
// locale, or method where a mailed code was given; CodeCeremonyInvalid the
// ticket; CodeUnavailable.
func (a *Auth) MailRecoveryCode(ctx context.Context, c Client, ticketText, locale string) (string, error) {
	t, err := a.openTicket(ticketText, purposeRecover, &c)
	if err != nil {
		return "", err
	}
	if !a.mails() {
		return "", errNotOffered
	}
	if err := checkLocale(locale); err != nil {
		return "", badField("locale", err)
	}
	if slices.Contains(t.Proofs, MethodEmailCode) {
		return "", badField("method", fmt.Errorf("%s was given", MethodEmailCode))
	}
	defer waitForGrid(ctx, time.Now())
	u, err := a.store.UserByLogin(ctx, t.Login)
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return "", broken("look up a login", err)
	case err != nil || u.Disabled() || !u.proven():
		u = User{LoginKey: t.Login}
	}
	l := letter{Kind: MailRecoveryCode, User: u, To: u.Email, Locale: or(u.Locale, locale)}
	if u.ID == "" {
		l.Kind, l.To = MailNobody, t.Login
	}
	return a.mailCodeFor(ctx, t, u, l)
}

// proveMail is proveFor by the code that was mailed for t.
func (a *Auth) proveMail(ctx context.Context, c Client, t ticket, u User, code string) (RecoveryStep, error) {
	if !t.isCode(u, code) || !u.proven() {
		return RecoveryStep{}, a.wrongMailCode(ctx, c, t, u, EventRecoveryFailed)
	}
	nothing := func(context.Context, Tx) error { return nil } // but the ticket is used up
	step, err := a.proven(ctx, c, t, u, MethodEmailCode, nothing)
	return step, a.spare(ctx, err, a.ticketKey(t))
}

// mailWaiting tells the user of r, where they have proven their address, that it
// waits: with the link that goes on with it and the link that cancels it.
func (a *Auth) mailWaiting(ctx context.Context, tx Tx, u User, r Recovery, claim string) error {
	if !a.mails() || !u.proven() {
		return nil
	}
	code, err := a.sealLinkCode(ticket{Purpose: purposeCancelRecovery, UserID: []byte(u.ID), Key: r.ClaimHash[:]}, r.EndsAt.Sub(r.CreatedAt))
	if err != nil {
		return err
	}
	return a.mail(ctx, tx, letter{Kind: MailRecovery, User: u, To: u.Email, EndsAt: r.ReadyAt,
		Link: a.pageURL("/recover", "") + "?claim=" + url.QueryEscape(claim), UndoLink: a.pageURL("/cancel-recovery", code)})
}

// CancelRecovery ends a recovery of cur's user that waits. One that began while
// the account was frozen is its owner's: only who could lift the freeze ends it,
// see Unfreeze. Errors: CodeNotFound; CodeStepUpRequired; CodeUnauthenticated;
// CodeUnavailable.
func (a *Auth) CancelRecovery(ctx context.Context, c Client, cur Current) error {
	return a.change(ctx, c, cur, changed{what: EventRecoveryCancelled}, func(tx Tx) error {
		r, err := tx.RecoveryOf(ctx, cur.User.ID)
		if err != nil {
			return err
		}
		own, err := tx.Credentials(ctx, cur.User.ID)
		if err != nil {
			return err
		}
		if r.CreatedAt.Before(cur.User.FrozenUntil) && !a.showsOwner(cur.User, cur.Session, own) {
			return ErrStepUpRequired
		}
		return tx.RemoveRecovery(ctx, cur.User.ID)
	})
}

// WaitingRecovery returns when the recovery that a link cancels is ready. It
// changes nothing. Errors: CodeCeremonyInvalid the link, or the recovery does
// not wait any more; CodeUnavailable.
func (a *Auth) WaitingRecovery(ctx context.Context, code string) (readyAt time.Time, err error) {
	t, err := a.openLink(code, purposeCancelRecovery)
	if err != nil {
		return time.Time{}, err
	}
	r, err := t.waiting(ctx, a.store)
	if err != nil {
		return time.Time{}, answerOr("read a waiting recovery", err)
	}
	return r.ReadyAt, nil
}

// waiting returns the recovery that t cancels, or errTicketSpent.
func (t ticket) waiting(ctx context.Context, from Reader) (Recovery, error) {
	r, err := from.RecoveryOf(ctx, UserID(t.UserID))
	if errors.Is(err, ErrNotFound) || err == nil && !slices.Equal(r.ClaimHash[:], t.Key) {
		return Recovery{}, errTicketSpent
	}
	return r, err
}

// DisownRecovery cancels a recovery that waits, by the link in the mail about it
// and once, for whoever has it. Errors: CodeCeremonyInvalid the link, or the
// recovery does not wait any more; CodeUnavailable.
func (a *Auth) DisownRecovery(ctx context.Context, c Client, code string) error {
	t, err := a.openLink(code, purposeCancelRecovery)
	if err != nil {
		return err
	}
	if _, err := a.linkUser(ctx, t); err != nil {
		return err
	}
	e := a.failure(c, EventRecoveryCancelled, UserID(t.UserID), MethodEmailCode, "")
	err = a.store.Update(ctx, func(tx Tx) error {
		if err := t.consume(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.LockUser(ctx, e.UserID); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if _, err := t.waiting(ctx, tx); err != nil {
			return err
		}
		if err := tx.RemoveRecovery(ctx, e.UserID); err != nil {
			return err
		}
		return tx.AddEvent(ctx, e)
	})
	if err != nil {
		return answerOr("cancel a recovery", err)
	}
	a.notify(ctx, e)
	return nil
}
