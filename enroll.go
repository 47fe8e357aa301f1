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
	if err := a.demandFresh(cur); err != nil {
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
func (a *Auth) FinishAddPasskey(ctx context.Context, c Client, cur Current, credential []byte, name string) (Credential, error) {
	if name != "" {
		if err := checkName(name); err != nil {
			return Credential{}, badField("name", "%w", err)
		}
	}
	failed := a.event(c, EventPasskeyAddFailed, cur.User.ID)
	failed.SessionID = cur.Session.ID
	reg, err := a.openRegistration(ctx, c, &cur.Session, credential, failed, purposeRegister, purposeRegisterConditional)
	if err != nil {
		return Credential{}, err
	}
	if reg.challenge.userID != cur.User.ID || !reg.challenge.fresh {
		return Credential{}, a.refuseRegistration(ctx, reg, "user", fail(CodeCeremonyInvalid, errors.New("the challenge is another user's")))
	}
	made, err := a.verifyRegistration(ctx, reg)
	if err != nil {
		return Credential{}, err
	}
	return a.addPasskey(ctx, c, cur, reg, a.newCredential(cur.User.ID, made, name))
}

// addPasskey is the transaction of FinishAddPasskey.
func (a *Auth) addPasskey(ctx context.Context, c Client, cur Current, reg registration, cred Credential) (Credential, error) {
	e := a.event(c, EventPasskeyAdded, cur.User.ID)
	e.SessionID, e.Credential = cur.Session.ID, cred.ID
	var refused error
	named := cred
	err := a.store.Update(ctx, func(tx Tx) error {
		refused = nil
		own, err := a.lockOwn(ctx, tx, cur)
		if err != nil {
			return err
		}
		if len(own) >= maxPasskeys {
			refused = fail(CodeLimitReached, fmt.Errorf("%d passkeys", len(own)))
			return refused
		}
		ok, err := tx.Spend(ctx, *reg.challenge.spend())
		if err != nil {
			return err
		}
		if !ok {
			refused = errSpent
			return nil
		}
		cred.Name = a.freeName(named, own)
		if err := tx.AddCredential(ctx, cred); err != nil {
			return err
		}
		return tx.AddEvent(ctx, e)
	})
	switch {
	case errors.Is(err, ErrExists):
		return Credential{}, a.refuseRegistration(ctx, reg, string(CodeCredentialExists), ErrCredentialExists)
	case refused == errSpent:
		return Credential{}, refused
	case refused != nil:
		return Credential{}, a.refuseRegistration(ctx, reg, "limit", refused)
	case errors.Is(err, ErrUnauthenticated):
		return Credential{}, a.refuseRegistration(ctx, reg, "session", err)
	case err != nil:
		return Credential{}, broken("add a passkey", err)
	}
	a.notify(ctx, e)
	return cred, nil
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
