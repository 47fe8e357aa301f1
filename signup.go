package mapae

import (
	"context"
	"crypto/subtle"
	"errors"

	"github.com/mapae/mapae/webauthn"
)

// handleSize is the size in bytes of a new user handle.
const handleSize = 32

// SignUpRequest asks for an account.
type SignUpRequest struct {
	Login      string // an e-mail address
	Name       string // 1 to 64 characters
	Locale     string // BCP 47 tag of the page, may be empty
	Invitation string // what Auth.Invite gave, where sign-up is by invitation
}

// SignUpStep is what a sign-up goes on with: the ticket comes back with the
// answer to the options.
type SignUpStep struct {
	Ticket  string
	Options *webauthn.CreationOptions
}

// BeginSignUp returns a ticket and the options of the account's first passkey.
// It writes nothing: until FinishSignUp there is no account and the login is
// free for others.
//
// Errors: CodeBadRequest with the field email or name; CodeForbidden sign-up is
// closed or the invitation is missing, used, ended or for another address;
// CodeLoginTaken; CodeUnavailable.
func (a *Auth) BeginSignUp(ctx context.Context, c Client, req SignUpRequest) (SignUpStep, error) {
	key, err := loginKey(req.Login)
	if err != nil {
		return SignUpStep{}, badField("email", "%w", err)
	}
	if err := checkName(req.Name); err != nil {
		return SignUpStep{}, badField("name", "%w", err)
	}
	invited, err := a.mayRequestSignUp(req.Invitation, key)
	if err != nil {
		return SignUpStep{}, err
	}
	switch _, err := a.store.UserByLogin(ctx, key); {
	case err == nil:
		return SignUpStep{}, &Error{Code: CodeLoginTaken, Field: "email"}
	case !errors.Is(err, ErrNotFound):
		return SignUpStep{}, broken("look up a login", err)
	}
	return a.offerSignUp(c, req, invited)
}

// offerSignUp issues the ticket and the options: the ticket seals who the
// account will be, the challenge seals its handle and the ticket's hash.
func (a *Auth) offerSignUp(c Client, req SignUpRequest, invited *grant) (SignUpStep, error) {
	handle := make([]byte, handleSize)
	a.random(handle)
	t := ticket{Purpose: purposeSignUp, App: c.App, UserID: handle, Login: req.Login, Name: req.Name, Locale: req.Locale, Grant: invited}
	if len(c.Bindings) > 0 && !c.App {
		t.Binding = c.Bindings[0]
	}
	text, err := a.sealTicket(t, ticketLife)
	if err != nil {
		return SignUpStep{}, err
	}
	sealed, err := a.sealNew(challenge{purpose: purposeSignUp, userID: UserID(handle), bound: true, extra: ticketHash(text),
		verify: a.passkey.SignUpVerification == webauthn.UserVerificationRequired}, c, challengeLife)
	if err != nil {
		return SignUpStep{}, err
	}
	user := User{ID: UserID(handle), Login: req.Login, Name: req.Name}
	return SignUpStep{Ticket: text, Options: a.creationOptions(user, sealed, a.passkey.SignUpVerification, nil)}, nil
}

// creationOptions asks for a discoverable credential of user.
func (a *Auth) creationOptions(user User, sealed []byte, verification webauthn.UserVerification, own []Credential) *webauthn.CreationOptions {
	return &webauthn.CreationOptions{
		RP:        webauthn.RPEntity{ID: a.cfg.RP.ID, Name: a.cfg.RP.Name},
		User:      webauthn.UserEntity{ID: []byte(user.ID), Name: user.Login, DisplayName: user.Name},
		Challenge: sealed, Timeout: challengeLife, Algorithms: a.passkey.Algorithms, Verifiers: a.passkey.Verifiers,
		Exclude: a.descriptors(own), ResidentKey: webauthn.ResidentKeyRequired, UserVerification: verification,
		Attestation: a.passkey.Attestation, AttestationFormats: a.passkey.AttestationFormats, Extensions: map[string]any{"credProps": true},
	}
}

// FinishSignUp verifies a RegistrationResponseJSON that answers BeginSignUp's
// options, and makes account, passkey and session in one transaction.
//
// Errors: CodeBadRequest can't be read; CodeCeremonyInvalid ticket or challenge
// are not ours, ended, of another purpose or browser, or used;
// CodeRegistrationRejected the passkey failed verification; CodeLoginTaken
// somebody was faster; CodeCredentialExists; CodeUnavailable.
func (a *Auth) FinishSignUp(ctx context.Context, c Client, ticketText string, credential []byte) (Admitted, error) {
	failed := a.event(c, EventSignUpFailed, "")
	t, err := a.openTicket(ticketText, purposeSignUp, &c)
	if err != nil {
		failed.Reason = "ticket"
		return Admitted{}, a.record(ctx, failed, err)
	}
	reg, err := a.openRegistration(ctx, c, nil, credential, failed, purposeSignUp)
	if err != nil {
		return Admitted{}, err
	}
	hash := ticketHash(ticketText)
	if subtle.ConstantTimeCompare(reg.challenge.extra[:], hash[:]) == 0 || reg.challenge.userID != UserID(t.UserID) {
		return Admitted{}, a.refuseRegistration(ctx, reg, "ticket", fail(CodeCeremonyInvalid, errors.New("the challenge was issued with another ticket")))
	}
	made, err := a.verifyRegistration(ctx, reg)
	if err != nil {
		return Admitted{}, err
	}
	user, err := t.user(a)
	if err != nil {
		return Admitted{}, err
	}
	cred := a.newCredential(user.ID, made, "")
	cred.Name = a.freeName(cred, nil)
	if !a.remain(waysIn{credentials: []Credential{cred}}) {
		refused := fail(CodeRegistrationRejected, errors.New("the passkey could not sign in on its own"))
		return Admitted{}, a.refuseRegistration(ctx, reg, "second_factor_only", refused)
	}
	return a.addAccount(ctx, c, t, user, reg, cred, made.UserVerified)
}

// user is the account that a sign-up's ticket stands for.
func (t ticket) user(a *Auth) (User, error) {
	key, err := loginKey(t.Login)
	if err != nil {
		return User{}, badField("email", "%w", err)
	}
	return User{ID: UserID(t.UserID), Login: t.Login, LoginKey: key, Email: t.Login, Name: t.Name, Locale: t.Locale, CreatedAt: a.now()}, nil
}

// addAccount is the transaction of FinishSignUp. What is unique decides there:
// where a row exists already everything is undone, and only the challenge is
// spent.
func (a *Auth) addAccount(ctx context.Context, c Client, t ticket, user User, reg registration, cred Credential, verified bool) (Admitted, error) {
	in, ad := a.admit(admission{client: c, user: user, event: EventSignUp, refused: EventSignUpFailed,
		use: Use{Method: MethodPasskey, At: user.CreatedAt, Credential: cred.ID, UserVerified: verified}})
	in.Credential = cred
	var verdict Verdict
	var taken *Error
	err := a.store.Update(ctx, func(tx Tx) (err error) {
		verdict, taken = VerdictSpent, nil
		if ok, err := spendAll(ctx, tx, reg.challenge.spend(), t.spends()); err != nil || !ok {
			return err
		}
		if err = tx.AddUser(ctx, user); errors.Is(err, ErrExists) {
			taken = &Error{Code: CodeLoginTaken, Field: "email"}
		} else if err == nil {
			if err = tx.AddCredential(ctx, cred); errors.Is(err, ErrExists) {
				taken = &Error{Code: CodeCredentialExists}
			}
		}
		if err == nil {
			verdict, err = tx.Admit(ctx, ad)
		}
		return err
	})
	if taken != nil && errors.Is(err, ErrExists) {
		return Admitted{}, a.refuseRegistration(ctx, reg, string(taken.Code), taken)
	}
	return a.settle(ctx, in, &ad, verdict, err)
}

// spends are the one-time things that the success of t spends.
func (t ticket) spends() []Spend {
	all := []Spend{t.spend()}
	if t.Grant != nil {
		all = append(all, Spend{Kind: SpendTicket, ID: t.Grant.Nonce, Until: t.Grant.EndsAt})
	}
	return all
}

// spendAll spends the challenge and then the others. Where the challenge was
// used it answers false; where one of the others was, the challenge stays
// spent and it answers false too.
func spendAll(ctx context.Context, tx Tx, challenge *Spend, others []Spend) (bool, error) {
	for _, s := range append([]Spend{*challenge}, others...) {
		if ok, err := tx.Spend(ctx, s); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}
