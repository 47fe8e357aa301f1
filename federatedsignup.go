package mapae

import (
	"context"
	"errors"
	"strings"
	"time"
)

// signInFederated signs in whoever the identity of w is linked with, or begins
// an account for somebody new.
func (a *Auth) signInFederated(ctx context.Context, w federatedWay, step *FederatedStep) error {
	_, u, err := a.store.Identity(ctx, w.provider.Issuer(), w.profile.Subject)
	switch {
	case errors.Is(err, ErrNotFound):
		return a.welcome(ctx, w, step)
	case err != nil:
		return broken("look up an identity", err)
	case u.Disabled():
		return a.refuseTrip(ctx, w, u.ID, reasonDisabled, fail(CodeAuthenticationFailed, errors.New(reasonDisabled)))
	}
	step.SignInStep, err = a.admitFirst(ctx, w.client, u, Use{Method: MethodFederated, At: a.now()}, a.useTrip(w, u))
	return err
}

// welcome is for somebody whose identity nobody has linked.
func (a *Auth) welcome(ctx context.Context, w federatedWay, step *FederatedStep) error {
	if !w.profile.EmailVerified {
		return a.askForAddress(ctx, w, step)
	}
	key, err := loginKey(w.profile.Email)
	if err != nil {
		return broken("read an address that was read before", err)
	}
	holder, err := a.provenUser(ctx, key)
	if err != nil {
		return err
	}
	if holder.ID != "" {
		step.Taken = w.profile.Email
		return a.refuseTrip(ctx, w, holder.ID, reasonTaken, nil)
	}
	invited, err := a.mayRequestSignUp(w.trip.Invitation, key)
	if err != nil {
		return a.refuseTrip(ctx, w, "", reasonPolicy, err)
	}
	req := SignUpRequest{Login: w.profile.Email, Name: nameOf(w.profile.Name, w.profile.Email), Locale: w.trip.Locale}
	t := a.signUpTicket(req, invited)
	t.Purpose, t.nonce, t.Ends = purposeSignUpProven, w.trip.nonce, w.trip.Ends
	step.Admitted, err = a.signUpFederated(ctx, w.client, t, w.identity(UserID(t.UserID), a.now()))
	if errors.Is(err, ErrLoginTaken) { // by a user who is disabled, or who was faster
		step.Taken, err = w.profile.Email, nil
	}
	return err
}

// signUpFederated makes the account that t stands for, whose way in is the
// identity, and signs in to it.
func (a *Auth) signUpFederated(ctx context.Context, c Client, t ticket, i Identity) (Admitted, error) {
	refuse := func(why string, refused error) error {
		e := a.failure(c, EventSignUpFailed, "", MethodFederated, why)
		if errors.Is(refused, errSpent) {
			return a.record(ctx, e, refused)
		}
		s := t.spend()
		return a.refuse(ctx, &s, e, refused)
	}
	user, err := t.user(a)
	if err != nil {
		return Admitted{}, err
	}
	if p := a.cfg.SecondFactor; p.requires(user) && !a.now().Before(p.From) {
		return Admitted{}, refuse(reasonNoSecond, fail(CodeForbidden, errors.New("a second factor is required: sign up with a passkey")))
	}
	step := admission{client: c, user: user, uses: []Use{{Method: MethodFederated, At: user.CreatedAt}}, event: EventSignUp, refused: EventSignUpFailed}
	return a.addAccount(ctx, t, step, func(ctx context.Context, tx Tx) error { return tx.AddIdentity(ctx, i) }, refuse)
}

// askForAddress goes on with somebody new whose provider vouches for no
// address: we prove it ourselves, by a code. Without a mailer that can't be.
func (a *Auth) askForAddress(ctx context.Context, w federatedWay, step *FederatedStep) error {
	switch {
	case a.cfg.SignUp == SignUpClosed:
		return a.refuseTrip(ctx, w, "", reasonPolicy, fail(CodeForbidden, errors.New("sign-up is closed")))
	case !a.mails():
		return a.refuseTrip(ctx, w, "", reasonUnproven, &Error{Code: CodeForbidden, Field: "provider",
			Err: errors.New("the provider vouches for no address, and there is no mailer to prove one")})
	}
	t := ticket{Purpose: purposeFederatedEmail, Identity: &linkage{w.provider.Issuer(), w.profile.Subject}, Name: w.profile.Name,
		Locale: w.trip.Locale, Invitation: w.trip.Invitation}.boundTo(w.client)
	text, err := a.sealTicket(t, ticketLife)
	if err != nil {
		return err
	}
	if err := a.store.Update(ctx, func(tx Tx) error { return w.trip.consume(ctx, tx) }); err != nil {
		return answerOr("spend a state", err)
	}
	step.Unproven = &UnprovenStep{text, w.profile.Email}
	return nil
}

// RequestFederatedCode mails a code to the address that somebody new gives, and
// returns the ticket that takes it: for 10 minutes, for five tries, from this
// client. ticketText is an UnprovenStep's, and can be used again for another
// address. Where an account has proven the address, its owner gets another mail
// and whoever asked the same answer.
//
// Errors: CodeCeremonyInvalid the ticket; CodeBadRequest with the field email;
// CodeForbidden sign-up is not open to that address; CodeUnavailable.
func (a *Auth) RequestFederatedCode(ctx context.Context, c Client, ticketText, email string) (string, error) {
	defer waitForGrid(ctx, time.Now())
	t, err := a.openTicket(ticketText, purposeFederatedEmail, &c)
	if err != nil {
		return "", err
	}
	key, err := loginKey(email)
	if err != nil {
		return "", badField("email", err)
	}
	invited, err := a.mayRequestSignUp(t.Invitation, key)
	if err != nil {
		return "", err
	}
	req := SignUpRequest{Login: email, Name: nameOf(t.Name, email), Locale: t.Locale}
	st := a.signUpTicket(req, invited).boundTo(c)
	st.Purpose, st.Identity = purposeFederatedCode, t.Identity
	holder, err := a.provenUser(ctx, key)
	if err != nil {
		return "", err
	}
	l := letter{Kind: MailSignUpCode, To: email, Locale: t.Locale}
	if holder.ID != "" {
		l = letter{Kind: MailSignUpTaken, User: holder, To: holder.Email, Locale: or(holder.Locale, t.Locale), Link: a.pageURL("/sign-in", "")}
	}
	return a.mailCodeFor(ctx, st, User{ID: UserID(st.UserID)}, l)
}

// FinishFederatedSignUp makes an account by the code that was mailed for the
// ticket of RequestFederatedCode, with the identity as its way in, and signs in
// to it. Errors: CodeCeremonyInvalid the ticket, its sixth try, or it was used;
// CodeAuthenticationFailed the code is wrong; CodeForbidden a second factor is
// required; CodeLoginTaken; CodeCredentialExists the identity was linked
// meanwhile; CodeUnavailable.
func (a *Auth) FinishFederatedSignUp(ctx context.Context, c Client, ticketText, code string) (Admitted, error) {
	t, err := a.openCodeTicket(ctx, ticketText, purposeFederatedCode, c)
	if err != nil {
		return Admitted{}, err
	}
	if !t.isCode(User{ID: UserID(t.UserID)}, code) {
		return Admitted{}, a.wrongMailCode(ctx, c, t, User{}, EventSignUpFailed)
	}
	at := a.now()
	i := Identity{Provider: t.Identity.Issuer, Subject: t.Identity.Subject, UserID: UserID(t.UserID), Email: t.Login, CreatedAt: at, LastUsedAt: at}
	t.Purpose = purposeSignUpProven
	in, err := a.signUpFederated(ctx, c, t, i)
	return in, a.spare(ctx, err, a.ticketKey(t))
}

// nameOf is what somebody is called at first: as their provider says, or as
// their address does, cut to what a name may be.
func nameOf(told, email string) string {
	local, _, _ := strings.Cut(email, "@")
	for _, name := range []string{told, local} {
		name = strings.ToValidUTF8(name, "")
		name = strings.TrimSpace(strings.Map(func(r rune) rune {
			if invisible(r) {
				return -1
			}
			return r
		}, name))
		if runes := []rune(name); len(runes) > maxName {
			name = strings.TrimSpace(string(runes[:maxName]))
		}
		if checkName(name) == nil {
			return name
		}
	}
	return "?"
}
