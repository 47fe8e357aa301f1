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
	use     Use
	spend   *Spend // nil: spent already in the transaction
	event   EventType
	refused EventType      // type of the event where the store finds otherwise
	assert  *CredentialUse // the stored credential to update, nil: it is new
	note    string         // reason on the event of a success, empty: nothing to note
	current *Session       // step-up of that session; nil: a new one
}

// admit is the one place where a session is born or strengthened. It builds
// the session and token of ad, and the Admission that writes them.
func (a *Auth) admit(ad admission) (Admitted, Admission) {
	s := Session{UserID: ad.user.ID, Epoch: ad.user.Epoch, App: ad.client.App, Address: ad.client.Address,
		UserAgent: clip(ad.client.UserAgent), CreatedAt: ad.use.At, EndsAt: ad.use.At.Add(a.cfg.Sessions.Absolute)}
	var rotate *[32]byte
	if ad.current != nil {
		s = *ad.current
		rotate = &ad.current.TokenHash
	} else {
		s.ID = SessionID(a.orderedID(ad.use.At))
	}
	s.Uses = s.withUse(ad.use)
	s.SeenAt = ad.use.At
	s.IdleEndsAt = a.idleEnd(s)
	token, hash := a.newToken(s.ID)
	s.TokenHash = hash

	e := a.event(ad.client, ad.event, ad.user.ID)
	e.SessionID, e.Method, e.Credential = s.ID, ad.use.Method, ad.use.Credential
	out := Admission{Spend: ad.spend, Use: ad.assert, Session: s, Rotate: rotate, Event: e}
	for v := range Verdict(verdicts) {
		out.Outcomes[v] = Outcome{Type: ad.refused, Reason: v.String()}
	}
	out.Outcomes[VerdictAdmitted] = Outcome{Type: ad.event, Reason: ad.note}
	out.Outcomes[VerdictAdmittedRegressed] = Outcome{Type: ad.event, Reason: VerdictAdmittedRegressed.String()}
	out.Outcomes[VerdictCounterRegressed] = Outcome{Type: EventCounterRegressed, Reason: VerdictCounterRegressed.String()}
	out.Outcomes[VerdictSpent] = Outcome{}
	return Admitted{User: ad.user, Session: s, Token: token}, out
}

// idleEnd is SeenAt and the idle time, never after the session's end.
func (a *Auth) idleEnd(s Session) time.Time {
	end := s.SeenAt.Add(a.cfg.Sessions.Idle)
	if end.After(s.EndsAt) {
		return s.EndsAt
	}
	return end
}

// settle turns what the store answered to ad into the flow's answer: in, or an
// error and nothing of in. It tells of the event.
func (a *Auth) settle(ctx context.Context, in Admitted, ad *Admission, v Verdict, err error) (Admitted, error) {
	if err != nil {
		return Admitted{}, broken("admit", err)
	}
	if e, ok := ad.EventFor(v); ok {
		a.notify(ctx, e)
	}
	switch {
	case v.Admitted():
		return in, nil
	case v == VerdictSpent:
		return Admitted{}, errSpent
	}
	return Admitted{}, fail(CodeAuthenticationFailed, errors.New(v.String()))
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
func (a *Auth) openAssertion(ctx context.Context, c Client, cur *Current, body []byte, want purpose, failed EventType) (opened, error) {
	o := opened{failed: a.event(c, failed, "")}
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
		return opened{}, a.refuseAssertion(ctx, o, "credential_unknown", fail(CodePasskeyUnknown, nil))
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
func (a *Auth) refuseAssertion(ctx context.Context, o opened, why string, refused error) error {
	o.failed.Reason = why
	return a.refuse(ctx, o.challenge.spend(), o.failed, refused)
}

// verifyAssertion verifies o (Level 3 §7.2) and that its owner may use it
// here. Where that fails the challenge is spent, and the answer to the client
// is the same whatever the reason.
func (a *Auth) verifyAssertion(ctx context.Context, o opened, identified bool) (*webauthn.Assertion, error) {
	result, err := webauthn.VerifyAssertion(o.response, &o.credential.Credential, webauthn.AssertionWant{
		RelyingParty: a.rp, Challenge: o.sealed, UserVerification: o.challenge.verification(),
		UserID: []byte(o.owner.ID), Identified: identified, StrictBackup: a.passkey.StrictBackupEligible, Verifiers: a.passkey.Verifiers,
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
	}
	if why != "" {
		return nil, a.refuseAssertion(ctx, o, why, fail(CodeAuthenticationFailed, fmt.Errorf("credential of user %v: %s", o.owner.ID, why)))
	}
	return result, nil
}

// admitAssertion ends a flow with a verified assertion: one transaction that
// spends the challenge, updates the credential, and makes or, where current is
// set, strengthens the session.
func (a *Auth) admitAssertion(ctx context.Context, c Client, o opened, result *webauthn.Assertion, event EventType, current *Session) (Admitted, error) {
	at := a.now()
	step := admission{client: c, user: o.owner, spend: o.challenge.spend(), event: event, refused: o.failed.Type, current: current}
	step.use = Use{Method: MethodPasskey, At: at, Credential: o.credential.ID, UserVerified: result.UserVerificationReliable}
	step.assert = &CredentialUse{ID: o.credential.ID, UserID: o.owner.ID, SignCount: result.SignCount,
		BackupEligible: result.BackupEligible, BackupState: result.BackupState, At: at, Agent: clip(c.UserAgent)}
	if result.BackupEligibleChanged {
		step.note = string(webauthn.CheckBackupFlags)
	}
	in, ad := a.admit(step)
	in.Credential = o.credential
	verdict, err := a.store.Admit(ctx, ad)
	return a.settle(ctx, in, &ad, verdict, err)
}
