package mapae

import (
	"context"
	"errors"
	"net/url"
	"time"
)

// OperatorLink is a link that the operator gives to a person. It works once.
type OperatorLink struct {
	URL    string
	EndsAt time.Time
}

// IssueRecovery returns a link that recovers the account with that login, as two
// proofs do: for a person whom the operator knows to be its owner, by other
// means. The owner gets a notice of it. A link that was issued ends with every
// change of the password and with DisownNotice. Errors: CodeBadRequest with the
// field login; CodeNotFound; CodeUnavailable.
func (a *Auth) IssueRecovery(ctx context.Context, login string, life time.Duration) (OperatorLink, error) {
	u, err := a.operated(ctx, login)
	if err != nil {
		return OperatorLink{}, err
	}
	return a.issue(ctx, u, purposeRecoverLink, EventRecoveryIssued, "/recover", life, nil)
}

// IssueSignIn returns a link that signs in to the account with that login, as
// one factor: who has a second is asked for it. With byMail the link goes to the
// user's proven address too. Errors: as IssueRecovery's; CodeConflict byMail,
// and there is no mail or no proven address.
func (a *Auth) IssueSignIn(ctx context.Context, login string, life time.Duration, byMail bool) (OperatorLink, error) {
	u, err := a.operated(ctx, login)
	if err != nil {
		return OperatorLink{}, err
	}
	if !byMail {
		return a.issue(ctx, u, purposeSignInLink, EventSignInIssued, "/sign-in-link", life, nil)
	}
	if !a.mails() || !u.proven() {
		return OperatorLink{}, fail(CodeConflict, errors.New("there is no mail, or the address is not proven"))
	}
	return a.issue(ctx, u, purposeSignInLink, EventSignInIssued, "/sign-in-link", life, &letter{Kind: MailSignInLink, User: u, To: u.Email})
}

// operated returns the enabled user with that login.
func (a *Auth) operated(ctx context.Context, login string) (User, error) {
	u, err := a.UserByLogin(ctx, login)
	if err == nil && u.Disabled() {
		return User{}, ErrMissing
	}
	return u, err
}

// issue makes a link of u to the page path, with an event, and mails l where it
// is not nil.
func (a *Auth) issue(ctx context.Context, u User, p purpose, what EventType, path string, life time.Duration, l *letter) (OperatorLink, error) {
	e := a.failure(Client{}, what, u.ID, "", "")
	code, err := a.sealLinkCode(ticket{Purpose: p, UserID: []byte(u.ID), Epoch: u.Epoch}, life)
	if err != nil {
		return OperatorLink{}, err
	}
	out := OperatorLink{a.pageURL(path, code), e.At.Add(life)}
	err = a.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.LockUser(ctx, u.ID); err != nil {
			return err
		}
		if err := a.addEvent(ctx, tx, u, e, ""); err != nil || l == nil {
			return err
		}
		l.Link, l.EndsAt = out.URL, out.EndsAt
		return a.mail(ctx, tx, *l)
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return OperatorLink{}, ErrMissing
	case err != nil:
		return OperatorLink{}, broken(string(what), err)
	}
	a.notify(ctx, e)
	return out, nil
}

// openIssued opens a link of issue, whose user has not changed since.
func (a *Auth) openIssued(ctx context.Context, code string, want purpose) (ticket, User, error) {
	t, err := a.openLink(code, want)
	if err != nil {
		return ticket{}, User{}, err
	}
	u, err := a.linkUser(ctx, t)
	if err == nil && u.Epoch != t.Epoch {
		err = fail(CodeCeremonyInvalid, errors.New("link: the user has changed"))
	}
	return t, u, err
}

// BeginIssuedRecovery turns a link of IssueRecovery, once, into the ticket of a
// recovery that is ready. Errors: CodeCeremonyInvalid; CodeUnavailable.
func (a *Auth) BeginIssuedRecovery(ctx context.Context, c Client, code string) (RecoveryStep, error) {
	t, u, err := a.openIssued(ctx, code, purposeRecoverLink)
	if err != nil {
		return RecoveryStep{}, err
	}
	e := a.failure(c, EventRecoveryProof, u.ID, MethodLink, "")
	err = a.store.Update(ctx, func(tx Tx) error {
		if err := t.consume(ctx, tx); err != nil {
			return err
		}
		return a.addEvent(ctx, tx, u, e, "")
	})
	if err != nil {
		return RecoveryStep{}, answerOr("use up a link", err)
	}
	a.notify(ctx, e)
	next := ticket{Purpose: purposeRecoverReady, UserID: []byte(u.ID), Epoch: u.Epoch, Proofs: []MethodName{MethodLink}}.boundTo(c)
	text, err := a.sealTicket(next, ticketLife)
	return RecoveryStep{Ticket: text, Ready: true}, err
}

// SignInLink says whether a link of IssueSignIn can be used. It changes nothing.
// Errors: CodeCeremonyInvalid; CodeUnavailable.
func (a *Auth) SignInLink(ctx context.Context, code string) error {
	_, _, err := a.openIssued(ctx, code, purposeSignInLink)
	return err
}

// SignInByLink signs in by a link of IssueSignIn, once. Errors:
// CodeCeremonyInvalid; CodeForbidden a second factor is required and the user
// has none; CodeUnavailable.
func (a *Auth) SignInByLink(ctx context.Context, c Client, code string) (SignInStep, error) {
	t, u, err := a.openIssued(ctx, code, purposeSignInLink)
	if err != nil {
		return SignInStep{}, err
	}
	return a.admitFirst(ctx, c, u, Use{Method: MethodLink, At: a.now()}, t.consume)
}

// MailInvitation is Invite by mail: the invitation for that address goes to it,
// in that language (BCP 47, may be empty), and is returned too. Errors:
// CodeConflict there is no mail; CodeBadRequest with the field email or locale;
// CodeUnavailable.
func (a *Auth) MailInvitation(ctx context.Context, email, locale string, life time.Duration) (string, error) {
	if !a.mails() {
		return "", fail(CodeConflict, errors.New("there is no mail"))
	}
	if _, err := loginKey(email); err != nil {
		return "", badField("email", err)
	}
	if err := checkLocale(locale); err != nil {
		return "", badField("locale", err)
	}
	text, err := a.sealTicket(ticket{Purpose: purposeInvitation, Login: email}, life)
	if err != nil {
		return "", err
	}
	e := a.failure(Client{}, EventInvitationIssued, "", "", "")
	l := letter{Kind: MailInvitation, To: email, Locale: locale, EndsAt: e.At.Add(life),
		Link: a.pageURL("/sign-up", "") + "?invitation=" + url.QueryEscape(text)}
	err = a.store.Update(ctx, func(tx Tx) error {
		if err := tx.AddEvent(ctx, e); err != nil {
			return err
		}
		return a.mail(ctx, tx, l)
	})
	if err != nil {
		return "", broken("mail an invitation", err)
	}
	a.notify(ctx, e)
	return text, nil
}
