package mapae

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// resetLife is how long the link of a password reset is good.
const resetLife = 30 * time.Minute

// ForgotPassword mails a link that sets a new password to the user who has
// proven the address and has a password; who has none is told so by mail. A
// newer link ends the ones before it. locale is that of the page.
//
// Whether somebody has the address is not told: the answer, the work and the time
// are the same. Errors: CodeForbidden passwords or mail are not offered; CodeBadRequest
// with the field email or locale; CodeUnavailable.
func (a *Auth) ForgotPassword(ctx context.Context, _ Client, email, locale string) error {
	if !a.offers(MethodPassword) || !a.mails() {
		return errNotOffered
	}
	key, err := loginKey(email)
	if err != nil {
		return badField("email", err)
	}
	if err := checkLocale(locale); err != nil {
		return badField("locale", err)
	}
	defer waitForGrid(ctx, time.Now())
	u, err := a.provenUser(ctx, key)
	if err != nil {
		return err
	}
	kept, err := a.store.Secrets(ctx, u.ID, SecretPassword)
	if err != nil {
		return broken("read a password", err)
	}
	at := a.now()
	code, err := a.sealLinkCode(ticket{Purpose: purposeReset, UserID: []byte(u.ID), Epoch: u.Epoch, Login: key, Key: resetMark(at)}, resetLife)
	if err != nil {
		return err
	}
	l := letter{Kind: MailReset, User: u, To: u.Email, Locale: or(u.Locale, locale), Link: a.pageURL("/reset", code), EndsAt: at.Add(resetLife)}
	switch {
	case u.ID == "":
		l.Kind, l.To = MailNobody, email
	case len(kept) == 0:
		l.Kind, l.Link = MailResetUnable, a.pageURL("/sign-in", "")
	}
	return a.post(ctx, l, func(ctx context.Context, tx Tx) error { return a.markReset(ctx, tx, l.To, key, at) })
}

// markReset notes when the newest link for an address was mailed, unless the
// limit kept the mail back.
func (a *Auth) markReset(ctx context.Context, tx Tx, to, key string, at time.Time) error {
	mailed, err := tx.Failures(ctx, a.mailKey(to))
	if err != nil || mailed.At.Before(at) {
		return err
	}
	if _, err := tx.LockFailures(ctx, a.resetKey(key)); err != nil {
		return err
	}
	return tx.SetFailures(ctx, a.resetKey(key), Failures{Count: 1, At: at})
}

// resetMark is what a link has to show that it is the newest.
func resetMark(at time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro()))
}

// resetKey names the note of the newest link for the address with that key.
func (a *Auth) resetKey(key string) [32]byte {
	return a.ring.Load().throttleMAC([]byte("reset\x00" + key))
}

// ResetPassword sets a new password by the code of a mailed link, which works
// once, and ends every session. It does not sign in: who has a second factor is
// asked for it as ever. Errors: CodeForbidden passwords are not offered;
// CodeCeremonyInvalid the code can't be opened, has ended, was used, or a newer
// one was mailed, or the account has changed; CodeBadRequest with the field
// password; CodeUnavailable.
func (a *Auth) ResetPassword(ctx context.Context, c Client, code, password string) error {
	if !a.offers(MethodPassword) {
		return errNotOffered
	}
	t, err := a.openLink(code, purposeReset)
	if err != nil {
		return err
	}
	u, err := a.linkUser(ctx, t)
	switch {
	case err != nil:
		return err
	case u.Epoch != t.Epoch:
		return errTicketSpent
	}
	w, err := a.waysIn(ctx, a.store, u)
	if err != nil {
		return broken("read the ways in", err)
	}
	secret, err := a.newPassword(ctx, u, password, w.second())
	if err != nil {
		return err
	}
	e := a.failure(c, EventPasswordReset, u.ID, MethodPassword, "")
	err = a.store.Update(ctx, func(tx Tx) error {
		if err := a.reset(ctx, tx, t, secret); err != nil {
			return err
		}
		return a.addEvent(ctx, tx, u, e, "")
	})
	if err != nil {
		return answerOr("reset a password", err)
	}
	a.notify(ctx, e)
	return nil
}

// reset uses the link t up, puts secret in the place of its user's password, and
// ends what was signed in or begun under the old one.
func (a *Auth) reset(ctx context.Context, tx Tx, t ticket, secret Secret) error {
	if err := t.consume(ctx, tx); err != nil {
		return err
	}
	u, err := raiseEpoch(ctx, tx, UserID(t.UserID), nil)
	if errors.Is(err, ErrNotFound) || err == nil && (u.Epoch != t.Epoch+1 || u.EmailKey != t.Login) {
		return errTicketSpent
	}
	if err != nil {
		return err
	}
	newest, err := tx.LockFailures(ctx, a.resetKey(t.Login))
	switch {
	case err != nil:
		return err
	case newest.Count == 0 || !slices.Equal(resetMark(newest.At), t.Key):
		return errTicketSpent
	}
	if err := tx.SetFailures(ctx, a.resetKey(t.Login), Failures{}); err != nil {
		return err
	}
	switch n, err := tx.RemoveSecrets(ctx, u.ID, SecretPassword); {
	case err != nil:
		return err
	case n == 0:
		return errTicketSpent // there is none to reset
	}
	if err := tx.AddSecret(ctx, secret); err != nil {
		return err
	}
	if err := a.unbar(ctx, tx, u.ID, MethodPassword); err != nil {
		return err
	}
	_, err = tx.EndSessions(ctx, u.ID, "")
	return err
}
