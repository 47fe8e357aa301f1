package mapae

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"

	"github.com/mapae/mapae/webauthn"
)

// SignInRequest asks for the options of a passwordless sign-in.
type SignInRequest struct {
	Login    string // as typed; empty: whoever answers. The answer must come from that account
	Autofill bool   // for conditional mediation: the challenge lives 15 minutes instead of 5
}

// BeginSignIn returns request options with an empty allow list, whoever is
// asked for: it looks nothing up and writes nothing, so it tells nothing about
// accounts and costs no storage.
func (a *Auth) BeginSignIn(_ context.Context, c Client, req SignInRequest) (*webauthn.RequestOptions, error) {
	ch := challenge{purpose: purposeSignIn, autofill: req.Autofill, verify: a.passkey.SignInVerification == webauthn.UserVerificationRequired}
	if req.Login != "" {
		key, err := loginKey(req.Login)
		if err != nil {
			return nil, badField("email", err)
		}
		ch.bound, ch.extra = true, sha256.Sum256([]byte(key))
	}
	life := challengeLife
	if req.Autofill {
		life = autofillLife
	}
	sealed, err := a.sealNew(ch, c, life)
	if err != nil {
		return nil, err
	}
	return &webauthn.RequestOptions{RPID: a.cfg.RP.ID, Challenge: sealed, Timeout: life, UserVerification: a.passkey.SignInVerification}, nil
}

// FinishSignIn verifies an AuthenticationResponseJSON and makes a session. A
// passkey whose user verification can't be relied on is one factor: a user who
// has another method for the second step gets that step instead.
//
// Errors: CodeBadRequest can't be read; CodeCeremonyInvalid the challenge is
// not ours, ended, of another purpose or browser, or used; CodePasskeyUnknown
// no such credential; CodeAuthenticationFailed everything else that is wrong
// with the answer; CodeUnavailable. All but the first and the last leave an
// event with the true reason.
func (a *Auth) FinishSignIn(ctx context.Context, c Client, credential []byte) (SignInStep, error) {
	o, err := a.openAssertion(ctx, c, nil, credential, purposeSignIn, EventSignInFailed)
	if err != nil {
		return SignInStep{}, err
	}
	result, err := a.verifyAssertion(ctx, &o, false)
	if err != nil {
		return SignInStep{}, err
	}
	if why := signInRule(&o); why != "" {
		return SignInStep{}, a.refuseAssertion(ctx, &o, why, fail(CodeAuthenticationFailed, errors.New(why)))
	}
	step := a.assertionStep(c, &o, result, EventSignIn, nil)
	if !step.uses[0].UserVerified {
		if second, err := a.afterPasskey(ctx, c, &o, step); second != nil || err != nil {
			return SignInStep{Second: second}, err
		}
	}
	if step.single, err = a.single(ctx, &o, result); err != nil {
		return SignInStep{}, err
	}
	in, err := a.admit(ctx, step)
	in.Credential = o.credential
	return SignInStep{Admitted: in}, err
}

// afterPasskey decides on a second step after a passkey that is one factor.
// Where there is one, or the policy refuses, the challenge is spent now.
func (a *Auth) afterPasskey(ctx context.Context, c Client, o *opened, step admission) (*SecondFactorStep, error) {
	ways, err := a.waysIn(ctx, a.store, o.owner)
	if err != nil {
		return nil, broken("read the ways in", err)
	}
	second, err := a.secondStep(c, o.owner, step.uses[0], step.assert, ways)
	if err != nil {
		return nil, a.refuseAssertion(ctx, o, reasonNoSecond, err)
	}
	if second == nil {
		return nil, nil
	}
	e := a.event(c, EventFirstStep, o.owner.ID)
	e.Credential = o.credential.ID
	if err := a.refuse(ctx, step.spend, e, nil); err != nil {
		return nil, err
	}
	return second, nil
}

// signInRule returns why a verified credential may not sign in on its own, or
// nothing.
func signInRule(o *opened) string {
	typed := sha256.Sum256([]byte(o.owner.LoginKey))
	switch {
	case !o.credential.FirstFactor:
		return "second_factor_only"
	case o.challenge.bound && subtle.ConstantTimeCompare(typed[:], o.challenge.extra[:]) == 0:
		return "login"
	}
	return ""
}
