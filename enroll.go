package mapae

import (
	"context"
	"errors"
	"fmt"

	"github.com/mapae/mapae/webauthn"
)

// maxPasskeys is how many passkeys a user may have.
const maxPasskeys = 100

// BeginAddPasskey returns the options of a further passkey, in a session that
// is fresh; so no device makes a passkey that is then refused. With
// conditional the options are for a silent upgrade (conditional create), whose
// answer may lack user presence and verification. It writes nothing.
//
// Errors: CodeStepUpRequired; CodeLimitReached at 100 passkeys; CodeUnavailable.
func (a *Auth) BeginAddPasskey(ctx context.Context, c Client, cur Current, conditional bool) (*webauthn.CreationOptions, error) {
	if err := a.mayChange(cur); err != nil {
		return nil, err
	}
	own, err := a.store.Credentials(ctx, cur.User.ID)
	if err != nil {
		return nil, broken("read credentials", err)
	}
	if len(own) >= maxPasskeys {
		return nil, fail(CodeLimitReached, fmt.Errorf("%d passkeys", len(own)))
	}
	ch := challenge{purpose: purposeRegister, userID: cur.User.ID, fresh: true, binding: sessionBinding(cur.Session.ID)}
	verification := a.passkey.AddVerification
	if conditional {
		ch.purpose, verification = purposeRegisterConditional, webauthn.UserVerificationPreferred
	}
	ch.verify = verification == webauthn.UserVerificationRequired
	sealed, err := a.sealNew(ch, c, challengeLife)
	if err != nil {
		return nil, err
	}
	return a.creationOptions(cur.User, sealed, verification, own), nil
}

// FinishAddPasskey verifies a RegistrationResponseJSON that answers
// BeginAddPasskey's options in the same session, and stores the passkey. An
// empty name becomes that of the authenticator's model, or "Passkey" where that
// is not known, with " 2" and so on where it is taken.
//
// Errors: CodeBadRequest can't be read, or the name (field name);
// CodeCeremonyInvalid; CodeRegistrationRejected; CodeCredentialExists;
// CodeLimitReached; CodeUnauthenticated the session ended meanwhile;
// CodeUnavailable.
//
// The second value are recovery codes, which are made with the first passkey
// that the person sees being made.
func (a *Auth) FinishAddPasskey(ctx context.Context, c Client, cur Current, credential []byte, name string) (Credential, []string, error) {
	return a.finishAddPasskey(ctx, c, cur, credential, name, true)
}

// FinishAddPasskeySilently is FinishAddPasskey for a client that can't show
// recovery codes: they wait for the next passkey that is added otherwise.
func (a *Auth) FinishAddPasskeySilently(ctx context.Context, c Client, cur Current, credential []byte, name string) (Credential, error) {
	made, _, err := a.finishAddPasskey(ctx, c, cur, credential, name, false)
	return made, err
}

func (a *Auth) finishAddPasskey(ctx context.Context, c Client, cur Current, credential []byte, name string, shows bool) (Credential, []string, error) {
	if name != "" {
		if err := checkName(name); err != nil {
			return Credential{}, nil, badField("name", err)
		}
	}
	failed := a.event(c, EventPasskeyAddFailed, cur.User.ID)
	failed.SessionID = cur.Session.ID
	reg, err := a.openRegistration(ctx, c, &cur.Session, credential, failed, purposeRegister, purposeRegisterConditional)
	if err != nil {
		return Credential{}, nil, err
	}
	if reg.challenge.userID != cur.User.ID || !reg.challenge.fresh {
		return Credential{}, nil, a.refuseRegistration(ctx, reg, "user", fail(CodeCeremonyInvalid, errors.New("the challenge is another user's")))
	}
	made, err := a.verifyRegistration(ctx, reg)
	if err != nil {
		return Credential{}, nil, err
	}
	seen := shows && reg.challenge.purpose == purposeRegister
	return a.addPasskey(ctx, c, cur, reg, a.newCredential(cur.User.ID, made, name), seen)
}

// addPasskey is the transaction of FinishAddPasskey: with the first recovery
// codes where they will be seen. What it finds undoes it; then only the
// challenge is spent.
func (a *Auth) addPasskey(ctx context.Context, c Client, cur Current, reg registration, cred Credential, seen bool) (Credential, []string, error) {
	e := a.event(c, EventPasskeyAdded, cur.User.ID)
	e.SessionID, e.Credential = cur.Session.ID, cred.ID
	named := cred
	var codes []string
	err := a.store.Update(ctx, func(tx Tx) error {
		own, err := a.lockOwn(ctx, tx, cur)
		if err != nil {
			return err
		}
		if len(own) >= maxPasskeys {
			return fail(CodeLimitReached, fmt.Errorf("%d passkeys", len(own)))
		}
		if ok, err := tx.Spend(ctx, *reg.challenge.spend()); err != nil || !ok {
			return spentOr(err)
		}
		cred.Name = a.freeName(named, own)
		if err := tx.AddCredential(ctx, cred); err != nil {
			return err
		}
		if seen {
			if codes, err = a.firstRecoveryCodes(ctx, tx, cur.User.ID); err != nil {
				return err
			}
		}
		return a.addEvent(ctx, tx, cur.User, e, cred.Name)
	})
	if err != nil {
		return Credential{}, nil, a.refuseAddition(ctx, reg, err)
	}
	a.notify(ctx, e)
	return cred, codes, nil
}

// spentOr returns err, or errSpent where the store is well.
func spentOr(err error) error {
	if err != nil {
		return err
	}
	return errSpent
}

// refuseAddition answers for a passkey that was verified and could not be
// stored, and spends its challenge unless the store is broken.
func (a *Auth) refuseAddition(ctx context.Context, reg registration, err error) error {
	if errors.Is(err, ErrExists) {
		err = &Error{Code: CodeCredentialExists}
	}
	var refused *Error
	switch {
	case !errors.As(err, &refused):
		return broken("add a passkey", err)
	case refused.Code == CodeCeremonyInvalid:
		return refused
	}
	return a.refuseRegistration(ctx, reg, string(refused.Code), refused)
}

// registration is a registration response whose challenge was opened, before
// it is verified.
type registration struct {
	response  *webauthn.RegistrationResponse
	sealed    []byte // the challenge as it came back
	challenge challenge
	failed    Event // what to record where it fails from here on, without its reason
}

// openRegistration reads a RegistrationResponseJSON and opens its challenge
// for want. Nothing is spent yet; from here on the challenge is spent by every
// outcome, which refuseRegistration does.
func (a *Auth) openRegistration(ctx context.Context, c Client, session *Session, body []byte, failed Event, want ...purpose) (registration, error) {
	response, err := webauthn.ParseRegistration(body)
	if err != nil {
		return registration{}, fail(CodeBadRequest, err)
	}
	reg := registration{response: response, failed: failed}
	reg.failed.Credential = response.ID
	reg.sealed, err = response.Challenge()
	if err != nil {
		err = fail(CodeCeremonyInvalid, err)
	} else {
		reg.challenge, err = a.openChallenge(reg.sealed, c, session, want...)
	}
	if err != nil {
		reg.failed.Reason = string(webauthn.CheckChallenge)
		return registration{}, a.record(ctx, reg.failed, err)
	}
	return reg, nil
}

// refuseRegistration spends the challenge of reg with an event that says why,
// and returns refused.
func (a *Auth) refuseRegistration(ctx context.Context, reg registration, why string, refused error) error {
	reg.failed.Reason = why
	return a.refuse(ctx, reg.challenge.spend(), reg.failed, refused)
}

// verifyRegistration verifies reg (Level 3 §7.1); where that fails the
// challenge is spent.
func (a *Auth) verifyRegistration(ctx context.Context, reg registration) (*webauthn.Registration, error) {
	made, err := webauthn.VerifyRegistration(reg.response, webauthn.RegistrationWant{
		RelyingParty: a.rp, Challenge: reg.sealed, UserVerification: reg.challenge.verification(),
		Conditional: reg.challenge.purpose == purposeRegisterConditional, Algorithms: a.passkey.Algorithms,
		Verifiers: a.passkey.Verifiers, Attestation: a.passkey.AttestationVerifier,
	})
	if err != nil {
		return nil, a.refuseRegistration(ctx, reg, reason(err), fail(CodeRegistrationRejected, err))
	}
	return made, nil
}

// newCredential is the record of a verified registration. It may sign in on
// its own if it is discoverable, as far as the client said, and its user
// verification can be relied on: it was made with user verification, or is
// backup eligible (DESIGN "methods, factors, assurance").
func (a *Auth) newCredential(user UserID, made *webauthn.Registration, name string) Credential {
	discoverable := made.Discoverable == nil || *made.Discoverable
	return Credential{
		Credential: made.Credential, UserID: user, RPID: a.cfg.RP.ID, Name: name, CreatedAt: a.now(),
		FirstFactor: discoverable && (made.UserVerified || made.Credential.BackupEligible),
	}
}
