package mapae

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/mapae/mapae/webauthn"
)

// SecondFactorPolicy says whose sign-in needs two factors. Whoever has a second
// factor is asked for it whatever the policy; a passkey with user verification
// is two factors by itself.
type SecondFactorPolicy struct {
	Required bool
	For      func(User) bool // whom Required concerns; nil: everybody
	From     time.Time       // until then those who have none may still sign in
}

func (p SecondFactorPolicy) requires(u User) bool {
	return p.Required && (p.For == nil || p.For(u))
}

// SecondFactorStep is what a sign-in goes on with whose first step was good.
type SecondFactorStep struct {
	Ticket  string
	Methods []MethodName             // what the user may go on with, the strongest first
	Options *webauthn.RequestOptions // for a passkey; nil where the user has none
}

// SignInStep is the answer to a good first step: a session, or what is missing.
type SignInStep struct {
	Admitted
	Second *SecondFactorStep // nil: signed in
}

// secondMethods are what a user may use after first, the strongest first.
// Recovery codes stand in for one of the others, so alone they are none.
func secondMethods(first MethodName, w waysIn) []MethodName {
	var methods []MethodName
	if first != MethodPasskey && len(w.credentials) > 0 {
		methods = append(methods, MethodPasskey)
	}
	if w.totp {
		methods = append(methods, MethodTOTP)
	}
	if (len(methods) > 0 || len(w.suspended) > 0) && w.recoveryCodes > 0 {
		methods = append(methods, MethodRecoveryCode)
	}
	return methods
}

// secondStep decides whether a user who proved use may come in: nil, or what
// to go on with, or CodeForbidden where a second factor is required and the
// user has none.
// assert is what a passkey of the first step changes once the second is good.
func (a *Auth) secondStep(c Client, u User, use Use, assert *CredentialUse, w waysIn) (*SecondFactorStep, error) {
	if (Session{Uses: []Use{use}}).AAL() == 2 {
		return nil, nil
	}
	methods := secondMethods(use.Method, w)
	if len(methods) == 0 {
		if p := a.cfg.SecondFactor; p.requires(u) && !a.now().Before(p.From) || len(w.suspended) > 0 {
			return nil, fail(CodeForbidden, errors.New("a second factor is required and the user has none that can be used"))
		}
		return nil, nil
	}
	t := ticket{Purpose: purposeSecondFactor, App: c.App, UserID: []byte(u.ID), Epoch: u.Epoch, First: &use, Assert: assert}
	if !c.App && len(c.Bindings) > 0 {
		t.Binding = c.Bindings[0]
	}
	text, err := a.sealTicket(t, ticketLife)
	if err != nil {
		return nil, err
	}
	step := &SecondFactorStep{Ticket: text, Methods: methods}
	if methods[0] == MethodPasskey {
		step.Options, err = a.secondFactorOptions(c, text, t, w.credentials)
	}
	return step, err
}

func (a *Auth) secondFactorOptions(c Client, text string, t ticket, own []Credential) (*webauthn.RequestOptions, error) {
	ch := challenge{purpose: purposeSecondFactor, userID: UserID(t.UserID), bound: true, extra: ticketHash(text), binding: t.Binding}
	sealed, err := a.sealNew(ch, c, challengeLife)
	if err != nil {
		return nil, err
	}
	return &webauthn.RequestOptions{RPID: a.cfg.RP.ID, Challenge: sealed, Timeout: challengeLife,
		UserVerification: webauthn.UserVerificationPreferred, Allow: a.descriptors(own)}, nil
}

// BeginSecondFactor returns new request options for the passkey step of a
// sign-in, with the passkeys of its user. It writes nothing. Errors:
// CodeCeremonyInvalid the ticket; CodeNotFound the user has no passkey;
// CodeUnavailable.
func (a *Auth) BeginSecondFactor(ctx context.Context, c Client, ticketText string) (*webauthn.RequestOptions, error) {
	t, u, err := a.openUserTicket(ctx, ticketText, purposeSecondFactor, c)
	if err != nil {
		return nil, err
	}
	own, err := a.store.Credentials(ctx, u.ID)
	if err != nil {
		return nil, broken("read credentials", err)
	}
	if own = usable(own); len(own) == 0 || t.First.Method == MethodPasskey {
		return nil, ErrMissing
	}
	return a.secondFactorOptions(c, ticketText, t, own)
}

// FinishSecondFactor completes a sign-in with a passkey of its user. Errors as
// FinishSignIn's, and CodeCeremonyInvalid for the ticket.
func (a *Auth) FinishSecondFactor(ctx context.Context, c Client, ticketText string, credential []byte) (Admitted, error) {
	t, u, err := a.openUserTicket(ctx, ticketText, purposeSecondFactor, c)
	if err != nil {
		return Admitted{}, err
	}
	o, err := a.openAssertion(ctx, c, nil, credential, purposeSecondFactor, EventSignInFailed)
	if err != nil {
		return Admitted{}, err
	}
	hash := ticketHash(ticketText)
	switch {
	case subtle.ConstantTimeCompare(o.challenge.extra[:], hash[:]) == 0 || o.challenge.userID != u.ID:
		return Admitted{}, a.refuseAssertion(ctx, &o, reasonTicket, fail(CodeCeremonyInvalid, errors.New("the challenge was issued with another ticket")))
	case o.owner.ID != u.ID:
		return Admitted{}, a.refuseAssertion(ctx, &o, string(webauthn.CheckAllowList), fail(CodeAuthenticationFailed, errors.New("the passkey is another user's")))
	}
	result, err := a.verifyAssertion(ctx, &o, true)
	if err != nil {
		return Admitted{}, err
	}
	step := a.assertionStep(c, &o, result, EventSignIn, nil)
	step.uses = []Use{*t.First, step.uses[0]}
	step.with = t.consume
	in, err := a.admit(ctx, step)
	in.Credential = o.credential
	if err == errTicketSpent {
		return Admitted{}, a.refuseAssertion(ctx, &o, reasonTicket, err)
	}
	return in, err
}

// SecondFactorTOTP completes a sign-in with the code of the user's
// authenticator app. Errors: CodeCeremonyInvalid the ticket, or its sixth try;
// CodeAuthenticationFailed the code is wrong or was used; CodeRateLimited;
// CodeUnavailable.
func (a *Auth) SecondFactorTOTP(ctx context.Context, c Client, ticketText, code string) (Admitted, error) {
	return a.secondFactorCode(ctx, c, ticketText, MethodTOTP, code)
}

// SecondFactorRecoveryCode completes a sign-in with a recovery code; errors as
// SecondFactorTOTP's.
func (a *Auth) SecondFactorRecoveryCode(ctx context.Context, c Client, ticketText, code string) (Admitted, error) {
	return a.secondFactorCode(ctx, c, ticketText, MethodRecoveryCode, code)
}

func (a *Auth) secondFactorCode(ctx context.Context, c Client, ticketText string, method MethodName, code string) (Admitted, error) {
	t, u, err := a.openUserTicket(ctx, ticketText, purposeSecondFactor, c)
	if err != nil {
		return Admitted{}, err
	}
	if err := a.countTicket(ctx, t); err != nil {
		return Admitted{}, err
	}
	in, err := a.admitCode(ctx, admission{client: c, user: u, uses: []Use{*t.First}, assert: t.Assert,
		event: EventSignIn, refused: EventSignInFailed, with: t.consume}, method, code)
	return in, a.spare(ctx, err, a.ticketKey(t))
}
