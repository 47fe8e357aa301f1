package mapae

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mapae/mapae/webauthn"
)

// admission is what a flow hands to admit once its proof is good.
type admission struct {
	client  Client
	user    User
	uses    []Use
	spend   *Spend         // the challenge; nil: there was none
	assert  *CredentialUse // the stored credential to update, nil: none is
	event   EventType
	note    string    // reason on the event of a success, empty: nothing to note
	refused EventType // type of the event where the store finds otherwise
	current *Session  // step-up of that session; nil: a new one
	about   string    // name of the passkey, for a mail about it
	suspect bool      // the passkey's counter did not rise

	elsewhere bool // the passkey used lies on another device
	single    bool // it is the only one, and lost with its device

	// with writes what else belongs to the success, in the same transaction;
	// an error undoes all of it. nil: nothing.
	with consume
}

// consume uses up a one-time thing, or writes what belongs to it, in the
// transaction of its effect. It may run more than once.
type consume func(ctx context.Context, tx Tx) error

// admit is the one place where a session is born or strengthened. It builds
// the session and token of step, and writes them in one transaction.
func (a *Auth) admit(ctx context.Context, step admission) (Admitted, error) {
	ad, token := a.newSession(&step)
	tells, err := a.tells(ctx, &step)
	if err != nil {
		return Admitted{}, err
	}
	var verdict Verdict
	if step.with == nil && !tells {
		verdict, err = a.store.Admit(ctx, ad)
	} else {
		verdict, err = a.admitWith(ctx, step, ad, tells)
	}
	if err := a.settle(ctx, &ad, verdict, err); err != nil {
		return Admitted{}, err
	}
	return Admitted{User: step.user, Session: ad.Session, Token: token, Suggest: a.suggest(&step), Device: a.keep(step.client, step.user.ID)}, nil
}

// admitWith writes ad, what else belongs to step and, where it tells, the mail,
// in one transaction.
func (a *Auth) admitWith(ctx context.Context, step admission, ad Admission, tells bool) (verdict Verdict, err error) {
	ad.Spend = nil
	err = a.store.Update(ctx, func(tx Tx) error {
		verdict = VerdictSpent
		if step.spend != nil {
			if ok, err := tx.Spend(ctx, *step.spend); err != nil || !ok {
				return err
			}
		}
		if step.with != nil {
			if err := step.with(ctx, tx); err != nil {
				return err
			}
		}
		var err error
		if verdict, err = tx.Admit(ctx, ad); err != nil || !tells {
			return err
		}
		e, told := ad.EventFor(verdict)
		if told = told && (verdict.Admitted() || noticed(e)); !told {
			return nil
		}
		return a.tell(ctx, tx, step.user, e, step.about)
	})
	return verdict, err
}

// tells reports whether step's user is to be told by mail of how it ends, which
// takes more than the one statement that sign-ins are made of: the browser is
// not known, the method is one to be told of, or the passkey's counter went
// back.
func (a *Auth) tells(ctx context.Context, step *admission) (bool, error) {
	if step.suspect || noticed(Event{Type: step.event, Method: step.uses[len(step.uses)-1].Method}) {
		return true, nil
	}
	if step.event != EventSignIn {
		return false, nil
	}
	return a.unfamiliar(ctx, step.client, step.user)
}

// newSession builds what a store is to write for the session that step makes,
// or renews, and returns the session's token.
func (a *Auth) newSession(step *admission) (ad Admission, token string) {
	use := step.uses[len(step.uses)-1]
	s := Session{UserID: step.user.ID, Epoch: step.user.Epoch, App: step.client.App, Address: step.client.Address,
		UserAgent: clip(step.client.UserAgent), CreatedAt: use.At, EndsAt: use.At.Add(a.cfg.Sessions.Absolute)}
	var rotate *[32]byte
	if step.current != nil {
		s = *step.current
		rotate = &step.current.TokenHash
	} else {
		s.ID = SessionID(a.orderedID(use.At))
	}
	for _, u := range step.uses {
		s.Uses = s.withUse(u)
	}
	s.SeenAt = use.At
	s.IdleEndsAt = a.idleEnd(s)
	token, s.TokenHash = a.newToken(s.ID)

	e := a.event(step.client, step.event, step.user.ID)
	e.SessionID, e.Method, e.Credential = s.ID, use.Method, use.Credential
	ad = Admission{Spend: step.spend, Use: step.assert, Session: s, Rotate: rotate, Event: e}
	for v := range Verdict(verdicts) {
		ad.Outcomes[v] = Outcome{Type: step.refused, Reason: v.String()}
	}
	ad.Outcomes[VerdictAdmitted] = Outcome{Type: step.event, Reason: step.note}
	ad.Outcomes[VerdictAdmittedRegressed] = Outcome{Type: step.event, Reason: VerdictAdmittedRegressed.String()}
	ad.Outcomes[VerdictCounterRegressed] = Outcome{Type: EventCounterRegressed, Reason: VerdictCounterRegressed.String()}
	ad.Outcomes[VerdictSpent] = Outcome{}
	return ad, token
}

// idleEnd is SeenAt and the idle time, never after the session's end.
func (a *Auth) idleEnd(s Session) time.Time {
	end := s.SeenAt.Add(a.cfg.Sessions.Idle)
	if end.After(s.EndsAt) {
		return s.EndsAt
	}
	return end
}

// settle turns what the store answered to ad into the flow's answer: nil, or
// why there is no session. It tells of the event.
func (a *Auth) settle(ctx context.Context, ad *Admission, v Verdict, err error) error {
	if err != nil {
		return answerOr("admit", err)
	}
	if e, ok := ad.EventFor(v); ok {
		a.notify(ctx, e)
	}
	switch {
	case v.Admitted():
		return nil
	case v == VerdictSpent:
		return errSpent
	}
	return fail(CodeAuthenticationFailed, errors.New(v.String()))
}

// opened is an assertion whose challenge was opened and whose credential was
// found, before it is verified.
type opened struct {
	response   *webauthn.AssertionResponse
	sealed     []byte // the challenge as it came back
	challenge  challenge
	credential Credential
	owner      User
	failed     Event // what to record where it fails from here on, without its reason
}

// openAssertion reads an AuthenticationResponseJSON and opens its challenge
// for want. Nothing is spent yet; from here on the challenge is spent by every
// outcome, which refuseAssertion does.
func (a *Auth) openAssertion(ctx context.Context, c Client, cur *Current, body []byte, want purpose, failed EventType) (o opened, err error) {
	o.failed = a.event(c, failed, "")
	var session *Session
	if cur != nil {
		session, o.failed.UserID, o.failed.SessionID = &cur.Session, cur.User.ID, cur.Session.ID
	}
	response, err := webauthn.ParseAssertion(body)
	if err != nil {
		return opened{}, fail(CodeBadRequest, err)
	}
	o.response, o.failed.Credential = response, response.ID
	o.sealed, err = response.Challenge()
	if err != nil {
		err = fail(CodeCeremonyInvalid, err)
	} else {
		o.challenge, err = a.openChallenge(o.sealed, c, session, want)
	}
	if err != nil {
		o.failed.Reason = string(webauthn.CheckChallenge)
		return opened{}, a.record(ctx, o.failed, err)
	}
	o.credential, o.owner, err = a.store.Credential(ctx, response.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		return opened{}, a.refuseAssertion(ctx, &o, "credential_unknown", fail(CodePasskeyUnknown, nil))
	case err != nil:
		return opened{}, broken("read a credential", err)
	}
	if o.failed.UserID == "" {
		o.failed.UserID = o.owner.ID
	}
	return o, nil
}

// refuseAssertion spends the challenge of o with an event that says why, and
// returns refused.
func (a *Auth) refuseAssertion(ctx context.Context, o *opened, why string, refused error) error {
	o.failed.Reason = why
	return a.refuse(ctx, o.challenge.spend(), o.failed, refused)
}

// verifyAssertion verifies o (Level 3 §7.2) and that its owner may use it
// here. Where that fails the challenge is spent, and the answer to the client
// is the same whatever the reason.
func (a *Auth) verifyAssertion(ctx context.Context, o *opened, identified bool) (*webauthn.Assertion, error) {
	handle := []byte(o.owner.ID)
	if o.credential.ForeignHandle { // the system that made it has not told which
		handle, identified = o.response.UserHandle, true
	}
	result, err := webauthn.VerifyAssertion(o.response, &o.credential.Credential, webauthn.AssertionWant{
		RelyingParty: a.rp, Challenge: o.sealed, UserVerification: o.challenge.verification(),
		UserID: handle, Identified: identified, StrictBackup: a.passkey.StrictBackupEligible, Verifiers: a.passkey.Verifiers,
	})
	if err != nil {
		return nil, a.refuseAssertion(ctx, o, reason(err), fail(CodeAuthenticationFailed, err))
	}
	why := ""
	switch {
	case o.credential.RPID != a.cfg.RP.ID:
		why = "rp_id"
	case o.owner.Disabled():
		why = "user_disabled"
	case !o.credential.SuspendedAt.IsZero():
		why = "suspended"
	}
	if why != "" {
		return nil, a.refuseAssertion(ctx, o, why, fail(CodeAuthenticationFailed, fmt.Errorf("credential of user %v: %s", o.owner.ID, why)))
	}
	return result, nil
}

// assertionStep is the admission of a verified assertion: it spends the
// challenge, updates the credential, and makes or, where current is set,
// strengthens the session.
func (a *Auth) assertionStep(c Client, o *opened, result *webauthn.Assertion, event EventType, current *Session) admission {
	at := a.now()
	step := admission{client: c, user: o.owner, spend: o.challenge.spend(), event: event, refused: o.failed.Type, current: current}
	step.uses = []Use{{Method: MethodPasskey, At: at, Credential: o.credential.ID, UserVerified: result.UserVerificationReliable}}
	step.assert = &CredentialUse{ID: o.credential.ID, UserID: o.owner.ID, SignCount: result.SignCount,
		BackupEligible: result.BackupEligible, BackupState: result.BackupState, At: at, Agent: clip(c.UserAgent)}
	step.elsewhere = elsewhere(o)
	step.about = o.credential.Name
	step.suspect = result.SignCount <= o.credential.SignCount && result.SignCount|o.credential.SignCount != 0
	if result.BackupEligibleChanged {
		step.note = string(webauthn.CheckBackupFlags)
	}
	return step
}
