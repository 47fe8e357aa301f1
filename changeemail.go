package mapae

import (
	"context"
	"errors"
	"time"
)

// undoLife is how long the old address can take a change of address back.
const undoLife = 72 * time.Hour

// EmailChange is what a change of address goes on with.
type EmailChange struct {
	User   User   // as it is now: with the new address where there is no mail
	Ticket string // takes the code that was mailed to the new address; empty: the change is made
}

// BeginChangeEmail asks for another address of cur's user, with the ticket of a
// step-up for ActionChangeEmail. With mail a code goes to the new address, and
// nothing changes until FinishChangeEmail has seen it; whether somebody has the
// address is told by mail alone. Without mail the address changes at once and
// counts as unproven. locale is that of the page, for who has chosen none.
//
// Errors: CodeFrozen; CodeStepUpRequired without a ticket; CodeCeremonyInvalid;
// CodeBadRequest with the field email or locale; CodeLoginTaken, without mail
// only; CodeUnauthenticated; CodeUnavailable.
func (a *Auth) BeginChangeEmail(ctx context.Context, c Client, cur Current, ticketText, email, locale string) (EmailChange, error) {
	key, err := loginKey(email)
	if err != nil {
		return EmailChange{}, badField("email", err)
	}
	if err := checkLocale(locale); err != nil {
		return EmailChange{}, badField("locale", err)
	}
	t, err := a.openAction(ticketText, c, cur, ActionChangeEmail)
	if err != nil {
		return EmailChange{}, err
	}
	if !a.mails() {
		u, err := a.changeEmail(ctx, c, cur, t, email, key)
		return EmailChange{User: u}, err
	}
	return a.mailChange(ctx, c, cur, t, email, key, locale)
}

// changeEmail changes the address at once.
func (a *Auth) changeEmail(ctx context.Context, c Client, cur Current, t ticket, email, key string) (u User, err error) {
	err = a.change(ctx, c, cur, changed{what: EventEmailChanged}, func(tx Tx) error {
		if err := t.consume(ctx, tx); err != nil {
			return err
		}
		if u, err = tx.LockUser(ctx, cur.User.ID); err != nil {
			return err
		}
		u.moveTo(email, key)
		return takenOr(tx.UpdateUser(ctx, u))
	})
	return u, err
}

// moveTo gives u an address that nobody has proven. The login follows where it
// is the address.
func (u *User) moveTo(email, key string) {
	if old, err := loginKey(u.Email); u.Email == "" || err == nil && old == u.LoginKey {
		u.Login, u.LoginKey = email, key
	}
	u.Email, u.EmailKey, u.EmailVerifiedAt = email, "", time.Time{}
}

// takenOr returns err, or CodeLoginTaken where an address is somebody else's.
func takenOr(err error) error {
	if errors.Is(err, ErrExists) {
		return &Error{Code: CodeLoginTaken, Field: "email"}
	}
	return err
}

// mailChange uses the step-up t up and mails a code to the new address; or, to
// an address that somebody else has proven, that it was asked for.
func (a *Auth) mailChange(ctx context.Context, c Client, cur Current, t ticket, email, key, locale string) (EmailChange, error) {
	holder, err := a.provenUser(ctx, key)
	if err != nil {
		return EmailChange{}, err
	}
	letters := a.mailCode()
	next := ticket{Purpose: purposeChangeEmail, App: c.App, Binding: sessionBinding(cur.Session.ID), UserID: []byte(cur.User.ID),
		Epoch: cur.User.Epoch, Login: email}
	next.Key = codeHash(next.Purpose, next.Login, cur.User, letters)
	text, err := a.sealTicket(next, mailCodeLife)
	if err != nil {
		return EmailChange{}, err
	}
	l := letter{Kind: MailVerifyEmail, User: cur.User, To: email, Locale: or(cur.User.Locale, locale), Code: showMailCode(letters), EndsAt: a.now().Add(mailCodeLife)}
	if holder.ID != "" && holder.ID != cur.User.ID {
		l = letter{Kind: MailSignUpTaken, User: holder, To: holder.Email, Locale: or(holder.Locale, locale), Link: a.pageURL("/sign-in", "")}
	}
	err = a.store.Update(ctx, func(tx Tx) error {
		if err := a.lock(ctx, tx, cur); err != nil {
			return err
		}
		if err := t.consume(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.LockUser(ctx, l.User.ID); err != nil { // the holder of the address, who may be gone meanwhile
			return err
		}
		return a.mail(ctx, tx, l)
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return EmailChange{}, fail(CodeConflict, errors.New("the holder of the address has just gone"))
	case err != nil:
		return EmailChange{}, answerOr("mail a code", err)
	}
	return EmailChange{User: cur.User, Ticket: text}, nil
}

// FinishChangeEmail takes the code that was mailed to the new address: it is the
// user's now, and proven. An account that never proved it loses it. Both
// addresses are told, and the old one, where it was proven 72 hours before or the
// account is as new, can take the change back for 72 hours. All other sessions
// end; this one goes on under a new token.
//
// Errors: CodeFrozen; CodeCeremonyInvalid the ticket, its sixth try, or it was
// used; CodeAuthenticationFailed the code is wrong; CodeLoginTaken somebody else
// has proven the address meanwhile; CodeUnauthenticated; CodeUnavailable.
func (a *Auth) FinishChangeEmail(ctx context.Context, c Client, cur Current, ticketText, code string) (Admitted, error) {
	if a.Frozen(cur.User) {
		return Admitted{}, a.mayChange(cur)
	}
	t, err := a.openSessionTicket(ticketText, purposeChangeEmail, c, cur)
	if err != nil {
		return Admitted{}, err
	}
	if err := a.countTicket(ctx, t); err != nil {
		return Admitted{}, err
	}
	if !t.isCode(cur.User, code) {
		return Admitted{}, a.wrongMailCode(ctx, c, t, cur.User, EventEmailVerifyFailed)
	}
	key, err := loginKey(t.Login)
	if err != nil {
		return Admitted{}, fail(CodeCeremonyInvalid, err)
	}
	var released []Event
	var u User
	in, err := a.renew(ctx, c, cur, changed{what: EventEmailChanged, method: MethodEmailCode, about: t.Login, user: &u}, func(tx Tx) error {
		if err := t.consume(ctx, tx); err != nil {
			return err
		}
		if released, err = a.release(ctx, tx, c, cur.User.ID, key); err != nil {
			return err
		}
		if u, err = tx.LockUser(ctx, cur.User.ID); err != nil {
			return err
		}
		old := u
		u.moveTo(t.Login, key)
		u.EmailKey, u.EmailVerifiedAt = key, a.now()
		if err := takenOr(tx.UpdateUser(ctx, u)); err != nil {
			return err
		}
		if err := cancelMailed(ctx, tx, u.ID); err != nil {
			return err
		}
		return a.tellOld(ctx, tx, old, t.Login)
	})
	if err != nil {
		return Admitted{}, a.spare(ctx, err, a.ticketKey(t))
	}
	a.notify(ctx, released...)
	in.User = u
	return in, nil
}

// tellOld tells the address that old had of the new one, with the link that
// takes the change back. An address that an older account was given within the
// life of such a link gets none: a hijacker who changes it twice could take back
// what the owner takes back.
func (a *Auth) tellOld(ctx context.Context, tx Tx, old User, email string) error {
	if old.EmailKey == "" {
		return nil
	}
	l := letter{Kind: MailEmailChanged, User: old, To: old.Email, Device: email}
	if from := a.now().Add(-undoLife); !old.EmailVerifiedAt.After(from) || old.CreatedAt.After(from) {
		code, err := a.sealLinkCode(ticket{Purpose: purposeUndoEmail, UserID: []byte(old.ID), Login: old.Login, Name: old.Email,
			Proven: old.EmailVerifiedAt.UnixMicro()}, undoLife)
		if err != nil {
			return err
		}
		l.UndoLink, l.EndsAt = a.pageURL("/undo-email", code), a.now().Add(undoLife)
	}
	return a.mail(ctx, tx, l)
}

// cancelMailed cancels the user's waiting recovery if a mailed code was its
// proof: the address proves nothing any more.
func cancelMailed(ctx context.Context, tx Tx, user UserID) error {
	r, err := tx.RecoveryOf(ctx, user)
	if errors.Is(err, ErrNotFound) || err == nil && r.Proof != MethodEmailCode {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.RemoveRecovery(ctx, user)
}

// tellLeft tells the proven address that before had, where now has another, of
// the event e. It has no link: mail to it proves nothing any more.
func (a *Auth) tellLeft(ctx context.Context, tx Tx, before, now User, e Event) error {
	if before.EmailKey == "" || before.EmailKey == now.EmailKey {
		return nil
	}
	return a.mail(ctx, tx, letter{Kind: MailNotice, User: before, To: before.Email, Event: &e})
}

// EmailUndo returns the address that the link of a change of address brings
// back. It changes nothing. Errors: CodeCeremonyInvalid.
func (a *Auth) EmailUndo(_ context.Context, code string) (email string, err error) {
	t, err := a.openLink(code, purposeUndoEmail)
	return t.Name, err
}

// UndoEmail acts on the link in the mail to the old address, once, for whoever
// has it: the account has that address again, the other one is told, every
// session ends, and the rest is as DisownNotice does. Errors: CodeCeremonyInvalid; CodeConflict somebody
// else has proven the address since; CodeUnavailable.
func (a *Auth) UndoEmail(ctx context.Context, c Client, code string) (NotMe, error) {
	t, err := a.openLink(code, purposeUndoEmail)
	if err != nil {
		return NotMe{}, err
	}
	key, err := loginKey(t.Name)
	if err != nil {
		return NotMe{}, fail(CodeCeremonyInvalid, err)
	}
	login, err := loginKey(t.Login)
	if err != nil {
		return NotMe{}, fail(CodeCeremonyInvalid, err)
	}
	return a.disown(ctx, c, t, EventEmailRestored, func(u *User) {
		u.Login, u.LoginKey = t.Login, login
		u.Email, u.EmailKey, u.EmailVerifiedAt = t.Name, key, time.UnixMicro(t.Proven).UTC()
	})
}
