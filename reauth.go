package mapae

import (
	"context"
	"errors"

	"github.com/mapae/mapae/webauthn"
)

// BeginReauth returns request options for a step-up by one of the user's own
// passkeys. It writes nothing. CodeUnavailable is its only error.
func (a *Auth) BeginReauth(ctx context.Context, c Client, cur Current) (*webauthn.RequestOptions, error) {
	own, err := a.store.Credentials(ctx, cur.User.ID)
	if err != nil {
		return nil, broken("read credentials", err)
	}
	sealed, err := a.sealNew(challenge{purpose: purposeReauth, userID: cur.User.ID, binding: sessionBinding(cur.Session.ID),
		verify: a.passkey.ReauthVerification == webauthn.UserVerificationRequired}, c, challengeLife)
	if err != nil {
		return nil, err
	}
	return &webauthn.RequestOptions{RPID: a.cfg.RP.ID, Challenge: sealed, Timeout: challengeLife,
		UserVerification: a.passkey.ReauthVerification, Allow: a.descriptors(own)}, nil
}

// FinishReauth verifies an answer to BeginReauth's options in the session cur:
// the session keeps its ID, gets a new token and counts as authenticated now.
// Errors as FinishSignIn's; a session that ended meanwhile is
// CodeAuthenticationFailed.
func (a *Auth) FinishReauth(ctx context.Context, c Client, cur Current, credential []byte) (Admitted, error) {
	o, err := a.openAssertion(ctx, c, &cur, credential, purposeReauth, EventReauthFailed)
	if err != nil {
		return Admitted{}, err
	}
	if o.owner.ID != cur.User.ID || o.challenge.userID != cur.User.ID {
		refused := fail(CodeAuthenticationFailed, errors.New("the passkey is another user's"))
		return Admitted{}, a.refuseAssertion(ctx, o, string(webauthn.CheckAllowList), refused)
	}
	result, err := a.verifyAssertion(ctx, o, true)
	if err != nil {
		return Admitted{}, err
	}
	return a.admitAssertion(ctx, c, o, result, EventReauth, &cur.Session)
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
