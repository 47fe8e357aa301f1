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
// answer to the options, or with the code.
type SignUpStep struct {
	Ticket       string
	Options      *webauthn.CreationOptions // of the first passkey; nil where a code is due, or passkeys are not offered
	CodeRequired bool                      // a code was mailed: ProveSignUp takes it
}

// BeginSignUp begins a sign-up. Until it is finished there is no account and
// the login is free for others.
//
// Where a mailer proves addresses it mails a code, for ProveSignUp; somebody who
// has an account gets another mail, and whoever asked the same answer. Without
// one it writes nothing, and returns a ticket and the options of the account's
// first passkey.
//
// Errors: CodeBadRequest with the field email or name; CodeForbidden sign-up is
// closed or the invitation is missing, used, ended or for another address;
// CodeLoginTaken without a mailer; CodeUnavailable.
func (a *Auth) BeginSignUp(ctx context.Context, c Client, req SignUpRequest) (SignUpStep, error) {
	key, invited, err := a.checkSignUp(req)
	if err != nil {
		return SignUpStep{}, err
	}
	if a.mails() {
		return a.mailSignUp(ctx, c, key, req, invited)
	}
	if !a.offers(MethodPasskey) {
		return SignUpStep{}, errNotOffered
	}
	if err := a.checkFree(ctx, key); err != nil {
		return SignUpStep{}, err
	}
	t := a.signUpTicket(req, invited).boundTo(c)
	text, err := a.sealTicket(t, ticketLife)
	if err != nil {
		return SignUpStep{}, err
	}
	return a.offerSignUp(c, t, text)
}

// checkSignUp checks what was typed, and the policy. It returns the key of the
// address, and what the sign-up spends of an invitation.
func (a *Auth) checkSignUp(req SignUpRequest) (string, *grant, error) {
	key, err := loginKey(req.Login)
	if err != nil {
		return "", nil, badField("email", err)
	}
	if err := checkName(req.Name); err != nil {
		return "", nil, badField("name", err)
	}
	if err := checkLocale(req.Locale); err != nil {
		return "", nil, badField("locale", err)
	}
	invited, err := a.mayRequestSignUp(req.Invitation, key)
	return key, invited, err
}

// checkFree answers CodeLoginTaken where somebody has the login.
func (a *Auth) checkFree(ctx context.Context, key string) error {
	switch _, err := a.store.UserByLogin(ctx, key); {
	case err == nil:
		return &Error{Code: CodeLoginTaken, Field: "email"}
	case !errors.Is(err, ErrNotFound):
		return broken("look up a login", err)
	}
	return nil
}

// signUpTicket seals who the account will be, under a new handle.
func (a *Auth) signUpTicket(req SignUpRequest, invited *grant) ticket {
	handle := make([]byte, handleSize)
	a.random(handle)
	return ticket{Purpose: purposeSignUp, UserID: handle, Login: req.Login, Name: req.Name, Locale: req.Locale, Grant: invited}
}

// offerSignUp returns the options for the ticket t, whose text is text: their
// challenge seals its handle and its hash.
func (a *Auth) offerSignUp(c Client, t ticket, text string) (SignUpStep, error) {
	if !a.offers(MethodPasskey) {
		return SignUpStep{Ticket: text}, nil
	}
	user := User{ID: UserID(t.UserID), Login: t.Login, Name: t.Name}
	sealed, err := a.sealNew(challenge{purpose: purposeSignUp, userID: user.ID, bound: true, extra: ticketHash(text),
		verify: a.passkey.SignUpVerification == webauthn.UserVerificationRequired}, c, challengeLife)
	if err != nil {
		return SignUpStep{}, err
	}
	return SignUpStep{Ticket: text, Options: a.creationOptions(user, sealed, a.passkey.SignUpVerification, nil)}, nil
}

// finishingSignUp is the purpose of the tickets that make an account.
func (a *Auth) finishingSignUp() purpose {
	if a.mails() {
		return purposeSignUpProven
	}
	return purposeSignUp
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

// FinishSignUp verifies a RegistrationResponseJSON that answers the options of
// BeginSignUp or, where a mailer proves addresses, ProveSignUp, and makes account, passkey and session in one transaction.
//
// Errors: CodeBadRequest can't be read; CodeCeremonyInvalid ticket or challenge
// are not ours, ended, of another purpose or browser, or used;
// CodeRegistrationRejected the passkey failed verification; CodeLoginTaken
// somebody was faster; CodeCredentialExists; CodeUnavailable.
func (a *Auth) FinishSignUp(ctx context.Context, c Client, ticketText string, credential []byte) (Admitted, error) {
	failed := a.event(c, EventSignUpFailed, "")
	t, err := a.openTicket(ticketText, a.finishingSignUp(), &c)
	if err != nil {
		failed.Reason = reasonTicket
		return Admitted{}, a.record(ctx, failed, err)
	}
	reg, err := a.openRegistration(ctx, c, nil, credential, failed, purposeSignUp)
	if err != nil {
		return Admitted{}, err
	}
	hash := ticketHash(ticketText)
	if subtle.ConstantTimeCompare(reg.challenge.extra[:], hash[:]) == 0 || reg.challenge.userID != UserID(t.UserID) {
		return Admitted{}, a.refuseRegistration(ctx, reg, reasonTicket, fail(CodeCeremonyInvalid, errors.New("the challenge was issued with another ticket")))
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
	if !a.remain(user, waysIn{credentials: []Credential{cred}}) {
		refused := fail(CodeRegistrationRejected, errors.New("the passkey could not sign in on its own"))
		return Admitted{}, a.refuseRegistration(ctx, reg, "second_factor_only", refused)
	}
	var codes []string
	use := Use{Method: MethodPasskey, At: user.CreatedAt, Credential: cred.ID, UserVerified: made.UserVerified}
	step := admission{client: c, user: user, uses: []Use{use}, spend: reg.challenge.spend(), event: EventSignUp, refused: EventSignUpFailed}
	in, err := a.addAccount(ctx, t, step, func(ctx context.Context, tx Tx) (err error) {
		if err = tx.AddCredential(ctx, cred); err == nil {
			codes, err = a.firstRecoveryCodes(ctx, tx, user.ID)
		}
		return err
	}, func(why string, refused error) error { return a.refuseRegistration(ctx, reg, why, refused) })
	if err != nil {
		return Admitted{}, err
	}
	in.Credential, in.RecoveryCodes = cred, codes
	return in, nil
}

// user is the account that a sign-up's ticket stands for.
func (t ticket) user(a *Auth) (User, error) {
	key, err := loginKey(t.Login)
	if err != nil {
		return User{}, badField("email", err)
	}
	u := User{ID: UserID(t.UserID), Login: t.Login, LoginKey: key, Email: t.Login, Name: t.Name, Locale: t.Locale, CreatedAt: a.now()}
	if t.Purpose == purposeSignUpProven {
		u.EmailKey, u.EmailVerifiedAt = key, u.CreatedAt
	}
	return u, nil
}

// addAccount is the transaction of a sign-up: step admits the user, whose first
// way in add stores. What is unique decides there: where a row exists already
// everything is undone, and only the challenge is spent, which refuse does.
func (a *Auth) addAccount(ctx context.Context, t ticket, step admission, add consume, refuse func(why string, refused error) error) (Admitted, error) {
	exists := &Error{Code: CodeLoginTaken, Field: "email"}
	var released []Event
	step.with = func(ctx context.Context, tx Tx) (err error) {
		exists = &Error{Code: CodeLoginTaken, Field: "email"}
		for _, s := range t.spends() {
			if ok, err := tx.Spend(ctx, s); err != nil || !ok {
				return spentOr(err)
			}
		}
		if step.user.proven() {
			if released, err = a.release(ctx, tx, step.client, step.user.ID, step.user.LoginKey); err != nil {
				return err
			}
		}
		if err := tx.AddUser(ctx, step.user); err != nil {
			return err
		}
		exists = &Error{Code: CodeCredentialExists}
		return add(ctx, tx)
	}
	in, err := a.admit(ctx, step)
	switch {
	case errors.Is(err, ErrExists):
		return Admitted{}, refuse(string(exists.Code), exists)
	case err == errSpent:
		return Admitted{}, refuse(reasonTicket, err)
	case err == nil:
		a.notify(ctx, released...)
	}
	return in, err
}

// spends are the one-time things that the success of t spends.
func (t ticket) spends() []Spend {
	var all []Spend
	if t.nonce != nil {
		all = append(all, t.spend())
	}
	if t.Grant != nil {
		all = append(all, Spend{Kind: SpendTicket, ID: t.Grant.Nonce, Until: t.Grant.EndsAt})
	}
	return all
}

// SignUpPassword makes an account with a password and signs in to it, where no
// mailer proves addresses; where one does, FinishSignUpPassword does. Errors: as
// BeginSignUp's; CodeBadRequest with the field password; CodeForbidden also
// where passwords are not offered or the policy demands a second factor;
// CodeCeremonyInvalid the address has to be proven first.
func (a *Auth) SignUpPassword(ctx context.Context, c Client, req SignUpRequest, password string) (Admitted, error) {
	if !a.offers(MethodPassword) {
		return Admitted{}, errNotOffered
	}
	key, invited, err := a.checkSignUp(req)
	if err != nil {
		return Admitted{}, err
	}
	if a.mails() {
		return Admitted{}, fail(CodeCeremonyInvalid, errors.New("the address has to be proven first"))
	}
	if err := a.checkFree(ctx, key); err != nil {
		return Admitted{}, err
	}
	return a.signUpPassword(ctx, c, a.signUpTicket(req, invited), password)
}

// signUpPassword makes the account that t stands for, with a password.
func (a *Auth) signUpPassword(ctx context.Context, c Client, t ticket, password string) (Admitted, error) {
	user, err := t.user(a)
	if err != nil {
		return Admitted{}, err
	}
	if p := a.cfg.SecondFactor; p.requires(user) && !a.now().Before(p.From) {
		return Admitted{}, fail(CodeForbidden, errors.New("a second factor is required: sign up with a passkey"))
	}
	secret, err := a.newPassword(ctx, user, password, false)
	if err != nil {
		return Admitted{}, err
	}
	step := admission{client: c, user: user, uses: []Use{{Method: MethodPassword, At: user.CreatedAt}}, event: EventSignUp, refused: EventSignUpFailed}
	return a.addAccount(ctx, t, step, func(ctx context.Context, tx Tx) error { return tx.AddSecret(ctx, secret) },
		func(why string, refused error) error {
			return a.record(ctx, a.failure(c, EventSignUpFailed, "", MethodPassword, why), refused)
		})
}
