package mapae

import (
	"context"
	"time"
)

// EmailCode offers sign-in by a code that is mailed to a proven address. It is
// one factor. It needs Config.Mailer.
type EmailCode struct{}

// Name returns MethodEmailCode.
func (EmailCode) Name() MethodName { return MethodEmailCode }

func (EmailCode) check() error { return nil }

// BeginEmailCode mails a code to the user who has proven the address, and
// returns the ticket that takes it: for 10 minutes, for five tries, from this
// client. locale is that of the page, for who has chosen none.
//
// Whether somebody has the address is not told: the answer, the work and the time
// are the same. Errors: CodeForbidden codes are not offered; CodeBadRequest with the
// field email or locale; CodeUnavailable.
func (a *Auth) BeginEmailCode(ctx context.Context, c Client, email, locale string) (string, error) {
	if !a.offers(MethodEmailCode) {
		return "", errNotOffered
	}
	key, err := loginKey(email)
	if err != nil {
		return "", badField("email", err)
	}
	if err := checkLocale(locale); err != nil {
		return "", badField("locale", err)
	}
	defer waitForGrid(ctx, time.Now())
	u, err := a.provenUser(ctx, key)
	if err != nil {
		return "", err
	}
	l := letter{Kind: MailSignInCode, User: u, To: u.Email, Locale: or(u.Locale, locale)}
	if u.ID == "" {
		l.Kind, l.To = MailNobody, email
	}
	return a.mailCodeFor(ctx, ticket{Purpose: purposeEmailCode, Login: key}.boundTo(c), u, l)
}

// mailCodeFor mails a code in l for t, which u may use, and returns the ticket.
// A mail of a kind that has no code has none: then nothing opens the ticket.
func (a *Auth) mailCodeFor(ctx context.Context, t ticket, u User, l letter) (string, error) {
	letters := a.mailCode()
	t.Key = codeHash(t.Purpose, t.Login, u, letters)
	text, err := a.sealTicket(t, mailCodeLife)
	if err != nil {
		return "", err
	}
	l.EndsAt = a.now().Add(mailCodeLife)
	if l.Kind != MailSignUpTaken {
		l.Code = showMailCode(letters)
	}
	return text, a.post(ctx, l, nil)
}

// FinishEmailCode signs in by the code that was mailed for the ticket: a
// session or, where the user has a second factor, the step to go on with.
//
// Errors: CodeCeremonyInvalid the ticket, its sixth try, or it was used;
// CodeAuthenticationFailed the code is wrong, the same for an address that
// nobody has; CodeForbidden a second factor is required and the user has none;
// CodeUnavailable.
func (a *Auth) FinishEmailCode(ctx context.Context, c Client, ticketText, code string) (SignInStep, error) {
	t, err := a.openCodeTicket(ctx, ticketText, purposeEmailCode, c)
	switch {
	case err != nil:
		return SignInStep{}, err
	case !a.offers(MethodEmailCode):
		return SignInStep{}, errNotOffered
	}
	start := time.Now()
	u, err := a.provenUser(ctx, t.Login)
	if err != nil {
		return SignInStep{}, a.spare(ctx, err, a.ticketKey(t))
	}
	if !t.isCode(u, code) || u.ID == "" {
		defer waitForGrid(ctx, start)
		return SignInStep{}, a.wrongMailCode(ctx, c, t, u, EventSignInFailed)
	}
	step, err := a.admitFirst(ctx, c, u, Use{Method: MethodEmailCode, At: a.now()}, t.consume)
	return step, a.spare(ctx, err, a.ticketKey(t))
}

// BeginReauthEmailCode mails a code for a step-up to cur's user, who has proven
// their address, and returns the ticket that takes it in this session. Errors:
// CodeForbidden codes are not offered, or the address is not proven;
// CodeUnavailable.
func (a *Auth) BeginReauthEmailCode(ctx context.Context, c Client, cur Current, locale string) (string, error) {
	if !a.offers(MethodEmailCode) || !cur.User.proven() {
		return "", errNotOffered
	}
	t := ticket{Purpose: purposeReauthCode, App: c.App, Binding: sessionBinding(cur.Session.ID), UserID: []byte(cur.User.ID),
		Epoch: cur.User.Epoch, Login: cur.User.LoginKey}
	return a.mailCodeFor(ctx, t, cur.User, letter{Kind: MailReauthCode, User: cur.User, To: cur.User.Email, Locale: or(cur.User.Locale, locale)})
}

// ReauthEmailCode is a step-up by the code that was mailed for the ticket.
// Errors: CodeCeremonyInvalid the ticket, its sixth try, or it was used;
// CodeAuthenticationFailed; CodeUnavailable.
func (a *Auth) ReauthEmailCode(ctx context.Context, c Client, cur Current, ticketText, code string, action Action) (Admitted, error) {
	t, err := a.openSessionTicket(ticketText, purposeReauthCode, c, cur)
	if err != nil {
		return Admitted{}, err
	}
	if err := a.countTicket(ctx, t); err != nil {
		return Admitted{}, err
	}
	if !t.isCode(cur.User, code) || t.Login != cur.User.LoginKey {
		return Admitted{}, a.wrongMailCode(ctx, c, t, cur.User, EventReauthFailed)
	}
	in, err := a.admit(ctx, admission{client: c, user: cur.User, uses: []Use{{Method: MethodEmailCode, At: a.now()}},
		event: EventReauth, refused: EventReauthFailed, current: &cur.Session, with: t.consume})
	if err != nil {
		return Admitted{}, a.spare(ctx, err, a.ticketKey(t))
	}
	in.Ticket, err = a.actionTicket(c, cur, action)
	return in, err
}
