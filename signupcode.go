package mapae

import (
	"context"
	"errors"
	"time"
)

// mails reports whether addresses can be proven by mail.
func (a *Auth) mails() bool { return a.cfg.Mailer != nil }

// mailSignUp mails a code to the address that an account is asked for, or, where
// an account has proven it, that somebody tried; nobody but who reads the mail
// is told which. Its ticket takes the code.
func (a *Auth) mailSignUp(ctx context.Context, c Client, key string, req SignUpRequest, invited *grant) (SignUpStep, error) {
	defer waitForGrid(ctx, time.Now())
	holder, err := a.provenUser(ctx, key)
	if err != nil {
		return SignUpStep{}, err
	}
	t := a.signUpTicket(req, invited).boundTo(c)
	t.Purpose = purposeSignUpCode
	l := letter{Kind: MailSignUpCode, To: req.Login, Locale: req.Locale} // without the name: a stranger typed it
	if holder.ID != "" {
		l = letter{Kind: MailSignUpTaken, User: holder, To: holder.Email, Locale: or(holder.Locale, req.Locale), Link: a.pageURL("/sign-in", "")}
	}
	text, err := a.mailCodeFor(ctx, t, User{ID: UserID(t.UserID)}, l)
	if err != nil {
		return SignUpStep{}, err
	}
	return SignUpStep{Ticket: text, CodeRequired: true}, nil
}

// ProveSignUp takes the code that BeginSignUp mailed. It returns a new ticket,
// which stands for the proven address, and the options of the account's first
// passkey; BeginSignUpPasskey gives new ones, and FinishSignUpPassword takes a
// password in its place.
//
// Errors: CodeCeremonyInvalid the ticket, its sixth try, or it was used;
// CodeAuthenticationFailed the code is wrong; CodeUnavailable.
func (a *Auth) ProveSignUp(ctx context.Context, c Client, ticketText, code string) (SignUpStep, error) {
	t, err := a.openCodeTicket(ctx, ticketText, purposeSignUpCode, c)
	if err != nil {
		return SignUpStep{}, err
	}
	if !t.isCode(User{ID: UserID(t.UserID)}, code) {
		return SignUpStep{}, a.wrongMailCode(ctx, c, t, User{}, EventSignUpFailed)
	}
	if err := a.store.Update(ctx, func(tx Tx) error { return t.consume(ctx, tx) }); err != nil {
		return SignUpStep{}, a.spare(ctx, answerOr("use up a code", err), a.ticketKey(t))
	}
	t.Purpose, t.Key = purposeSignUpProven, nil
	text, err := a.sealTicket(t, ticketLife)
	if err != nil {
		return SignUpStep{}, err
	}
	return a.offerSignUp(c, t, text)
}

// BeginSignUpPasskey returns new options of a sign-up whose address is proven,
// as often as they are asked for. Errors: CodeCeremonyInvalid the ticket.
func (a *Auth) BeginSignUpPasskey(_ context.Context, c Client, ticketText string) (SignUpStep, error) {
	t, err := a.openTicket(ticketText, purposeSignUpProven, &c)
	if err != nil {
		return SignUpStep{}, err
	}
	return a.offerSignUp(c, t, ticketText)
}

// FinishSignUpPassword makes an account with a password for the address that
// the ticket of ProveSignUp stands for, and signs in to it. Errors:
// CodeForbidden passwords are not offered, or a second factor is required;
// CodeCeremonyInvalid the ticket, or it was used; CodeBadRequest with the field
// password; CodeLoginTaken; CodeUnavailable.
func (a *Auth) FinishSignUpPassword(ctx context.Context, c Client, ticketText, password string) (Admitted, error) {
	if !a.offers(MethodPassword) {
		return Admitted{}, errNotOffered
	}
	t, err := a.openTicket(ticketText, purposeSignUpProven, &c)
	if err != nil {
		return Admitted{}, a.record(ctx, a.failure(c, EventSignUpFailed, "", MethodPassword, reasonTicket), err)
	}
	return a.signUpPassword(ctx, c, t, password)
}

// release takes the address with that key from an account that never proved it,
// for the user who did, and who loses nothing of their own: it reserved nothing. What was begun or is signed in under
// the address ends; the account keeps its passkeys, and opens nothing of whoever
// has the address now. It returns the event that it added.
func (a *Auth) release(ctx context.Context, tx Tx, c Client, to UserID, key string) ([]Event, error) {
	old, err := tx.UserByLogin(ctx, key)
	if err == nil && old.ID == to {
		return nil, nil
	}
	if err == nil {
		old, err = tx.LockUser(ctx, old.ID)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil
	case err != nil || old.LoginKey != key || old.proven():
		return nil, err // a proven one stays, and AddUser says that it is taken
	}
	old.Login, old.LoginKey, old.Email = old.ID.String(), old.ID.String(), ""
	old.Epoch++
	if err := tx.UpdateUser(ctx, old); err != nil {
		return nil, err
	}
	if _, err := tx.EndSessions(ctx, old.ID, ""); err != nil {
		return nil, err
	}
	if err := tx.RemoveRecovery(ctx, old.ID); err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	e := a.event(c, EventEmailReleased, old.ID)
	e.Method = ""
	return []Event{e}, tx.AddEvent(ctx, e)
}
