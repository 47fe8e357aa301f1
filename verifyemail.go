package mapae

import (
	"context"
	"errors"
)

// BeginVerifyEmail mails a code to the address of cur's user, who has not
// proven it, and returns the ticket that takes it in this session: for 10
// minutes, for five tries. locale is that of the page. Errors: CodeForbidden
// there is no mail; CodeConflict the address is proven, or there is none;
// CodeUnavailable.
func (a *Auth) BeginVerifyEmail(ctx context.Context, c Client, cur Current, locale string) (string, error) {
	switch u := cur.User; {
	case !a.mails():
		return "", errNotOffered
	case u.proven() || u.Email == "":
		return "", fail(CodeConflict, errors.New("there is no address to prove"))
	}
	t := ticket{Purpose: purposeVerifyEmail, App: c.App, Binding: sessionBinding(cur.Session.ID), UserID: []byte(cur.User.ID),
		Epoch: cur.User.Epoch, Login: cur.User.Email}
	return a.mailCodeFor(ctx, t, cur.User, letter{Kind: MailVerifyEmail, User: cur.User, To: cur.User.Email, Locale: or(cur.User.Locale, locale)})
}

// FinishVerifyEmail takes the code that was mailed for the ticket: from now on
// the address is proven. Errors: CodeCeremonyInvalid the ticket, its sixth try,
// it was used, or the address has changed; CodeAuthenticationFailed the code is
// wrong; CodeLoginTaken somebody else has proven the address; CodeUnauthenticated
// the session ended meanwhile; CodeUnavailable.
func (a *Auth) FinishVerifyEmail(ctx context.Context, c Client, cur Current, ticketText, code string) (User, error) {
	t, err := a.openSessionTicket(ticketText, purposeVerifyEmail, c, cur)
	if err != nil {
		return User{}, err
	}
	if err := a.countTicket(ctx, t); err != nil {
		return User{}, err
	}
	if !t.isCode(cur.User, code) {
		return User{}, a.wrongMailCode(ctx, c, t, cur.User, EventEmailVerifyFailed)
	}
	key, err := loginKey(t.Login)
	if err != nil {
		return User{}, fail(CodeCeremonyInvalid, err)
	}
	var u User
	err = a.change(ctx, c, cur, changed{what: EventEmailVerified, method: MethodEmailCode}, func(tx Tx) error {
		if err := t.consume(ctx, tx); err != nil {
			return err
		}
		if u, err = tx.LockUser(ctx, cur.User.ID); err != nil {
			return err
		}
		if u.Email != t.Login {
			return errTicketSpent
		}
		u.EmailKey, u.EmailVerifiedAt = key, a.now()
		if err := tx.UpdateUser(ctx, u); errors.Is(err, ErrExists) {
			return &Error{Code: CodeLoginTaken, Field: "email"}
		} else if err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return User{}, a.spare(ctx, err, a.ticketKey(t))
	}
	return u, nil
}
