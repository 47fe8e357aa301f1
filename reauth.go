package mapae

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/mapae/mapae/webauthn"
)

// BeginReauth returns request options for a step-up by one of the user's own
// passkeys, for an action or in general. It writes nothing. CodeUnavailable is
// its only error.
func (a *Auth) BeginReauth(ctx context.Context, c Client, cur Current, action Action) (*webauthn.RequestOptions, error) {
	own, err := a.store.Credentials(ctx, cur.User.ID)
	if err != nil {
		return nil, broken("read credentials", err)
	}
	sealed, err := a.sealNew(challenge{purpose: purposeReauth, userID: cur.User.ID, binding: sessionBinding(cur.Session.ID),
		bound: true, extra: sha256.Sum256([]byte(action)), verify: a.passkey.ReauthVerification == webauthn.UserVerificationRequired}, c, challengeLife)
	if err != nil {
		return nil, err
	}
	return &webauthn.RequestOptions{RPID: a.cfg.RP.ID, Challenge: sealed, Timeout: challengeLife,
		UserVerification: a.passkey.ReauthVerification, Allow: a.descriptors(usable(own))}, nil
}

// FinishReauth verifies an answer to BeginReauth's options in the session cur:
// the session keeps its ID, gets a new token and counts as authenticated now.
// With an action, which must be that of the options, the answer has its ticket.
// Errors as FinishSignIn's; a session that ended meanwhile is
// CodeAuthenticationFailed.
func (a *Auth) FinishReauth(ctx context.Context, c Client, cur Current, credential []byte, action Action) (Admitted, error) {
	o, err := a.openAssertion(ctx, c, &cur, credential, purposeReauth, EventReauthFailed)
	if err != nil {
		return Admitted{}, err
	}
	if o.owner.ID != cur.User.ID || o.challenge.userID != cur.User.ID {
		refused := fail(CodeAuthenticationFailed, errors.New("the passkey is another user's"))
		return Admitted{}, a.refuseAssertion(ctx, &o, string(webauthn.CheckAllowList), refused)
	}
	if o.challenge.extra != sha256.Sum256([]byte(action)) {
		return Admitted{}, a.refuseAssertion(ctx, &o, "action", fail(CodeCeremonyInvalid, errors.New("the challenge was issued for another action")))
	}
	result, err := a.verifyAssertion(ctx, &o, true)
	if err != nil {
		return Admitted{}, err
	}
	in, err := a.admit(ctx, a.assertionStep(c, &o, result, EventReauth, &cur.Session))
	if err != nil {
		return Admitted{}, err
	}
	in.Credential = o.credential
	in.Ticket, err = a.actionTicket(c, cur, action)
	return in, err
}

// ReauthPassword is a step-up by the user's password. Errors: CodeForbidden
// passwords are not offered; CodeRateLimited; CodeAuthenticationFailed;
// CodeUnavailable.
func (a *Auth) ReauthPassword(ctx context.Context, c Client, cur Current, password string, action Action) (Admitted, error) {
	if !a.offers(MethodPassword) {
		return Admitted{}, errNotOffered
	}
	if n := utf8.RuneCountInString(password); n > maxPassword {
		return Admitted{}, badField("password", tooLong(n, maxPassword))
	}
	proven, err := a.provePassword(ctx, c, cur.User, cur.User.LoginKey, password, EventReauthFailed)
	if err != nil {
		return Admitted{}, err
	}
	in, err := a.admit(ctx, admission{client: c, user: cur.User, uses: []Use{{Method: MethodPassword, At: a.now()}},
		event: EventReauth, refused: EventReauthFailed, current: &cur.Session, with: proven})
	if err != nil {
		return Admitted{}, a.spare(ctx, err, a.throttleKey(MethodPassword, cur.User.ID, ""))
	}
	in.Ticket, err = a.actionTicket(c, cur, action)
	return in, err
}

// ReauthCode is a step-up by the user's authenticator app or a recovery code:
// method is MethodTOTP or MethodRecoveryCode. Errors: CodeForbidden another
// method; CodeRateLimited; CodeAuthenticationFailed; CodeUnavailable.
func (a *Auth) ReauthCode(ctx context.Context, c Client, cur Current, method MethodName, code string, action Action) (Admitted, error) {
	if method != MethodRecoveryCode && (method != MethodTOTP || !a.offers(MethodTOTP)) {
		return Admitted{}, errNotOffered
	}
	in, err := a.admitCode(ctx, admission{client: c, user: cur.User, event: EventReauth, refused: EventReauthFailed, current: &cur.Session}, method, code)
	if err != nil {
		return Admitted{}, err
	}
	in.Ticket, err = a.actionTicket(c, cur, action)
	return in, err
}

// usable returns the credentials that are not suspended.
func usable(own []Credential) []Credential {
	return slices.DeleteFunc(slices.Clone(own), func(c Credential) bool { return !c.SuspendedAt.IsZero() })
}

// descriptors names the credentials that were made for this RP.
func (a *Auth) descriptors(own []Credential) []webauthn.Descriptor {
	var out []webauthn.Descriptor
	for _, c := range own {
		if c.RPID == a.cfg.RP.ID {
			out = append(out, webauthn.Descriptor{ID: c.ID, Transports: c.Transports})
		}
	}
	return out
}
