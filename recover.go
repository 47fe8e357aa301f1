package mapae

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mapae/mapae/webauthn"
)

// claimLife is how long after its delay a waiting recovery can be finished.
const claimLife = 7 * 24 * time.Hour

// RecoveryStep is what a recovery goes on with after a proof.
type RecoveryStep struct {
	Ticket string
	Ready  bool // the ticket may bind a passkey now; else another proof, or the delay, is needed
}

// RecoveryWait is a recovery that waits. The claim is shown once and finishes
// it from ReadyAt on, on any browser.
type RecoveryWait struct {
	Claim   string
	ReadyAt time.Time
}

// RecoveryMethods are the proofs that a recovery takes, the same for everybody.
func (a *Auth) RecoveryMethods() []MethodName {
	methods := []MethodName{MethodRecoveryCode}
	if a.mails() {
		methods = append(methods, MethodEmailCode)
	}
	if a.offers(MethodTOTP) {
		methods = append(methods, MethodTOTP)
	}
	if a.offers(MethodFederated) {
		methods = append(methods, MethodFederated)
	}
	return methods
}

// BeginRecovery returns the ticket of a recovery of the account with that
// e-mail address. It looks nothing up and writes nothing, so it tells nothing
// about accounts. Errors: CodeBadRequest with the field email.
func (a *Auth) BeginRecovery(_ context.Context, c Client, email string) (string, error) {
	key, err := loginKey(email)
	if err != nil {
		return "", badField("email", err)
	}
	t := ticket{Purpose: purposeRecover, App: c.App, Login: key}
	if !c.App && len(c.Bindings) > 0 {
		t.Binding = c.Bindings[0]
	}
	return a.sealTicket(t, ticketLife)
}

// ProveRecovery takes a proof: a TOTP code, a recovery code, or the code that
// MailRecoveryCode mailed for the ticket, each method once. An account that can
// reach two factors needs two different proofs, any other needs one. Errors:
// CodeBadRequest with the field method; CodeCeremonyInvalid the ticket, or its
// sixth try; CodeRateLimited; CodeAuthenticationFailed, the same and at the same
// time for an account that nobody has; CodeUnavailable.
func (a *Auth) ProveRecovery(ctx context.Context, c Client, ticketText string, method MethodName, code string) (RecoveryStep, error) {
	if !slices.Contains(a.RecoveryMethods(), method) || method == MethodFederated { // which has no code: BeginRecoveryFederated
		return RecoveryStep{}, badField("method", fmt.Errorf("%q is none of %v", clip(string(method)), a.RecoveryMethods()))
	}
	t, err := a.openTicket(ticketText, purposeRecover, &c)
	if err != nil {
		return RecoveryStep{}, err
	}
	if slices.Contains(t.Proofs, method) {
		return RecoveryStep{}, badField("method", fmt.Errorf("%s was given", method))
	}
	if err := a.countTicket(ctx, t); err != nil {
		return RecoveryStep{}, err
	}
	start := time.Now()
	step, err := a.proveFor(ctx, c, t, method, code)
	if err != nil {
		waitForGrid(ctx, start)
	}
	return step, err
}

// proveFor is ProveRecovery of a ticket that is good and counted.
func (a *Auth) proveFor(ctx context.Context, c Client, t ticket, method MethodName, code string) (RecoveryStep, error) {
	u, err := a.store.UserByLogin(ctx, t.Login)
	if errors.Is(err, ErrNotFound) || err == nil && u.Disabled() {
		u = User{LoginKey: t.Login}
	} else if err != nil {
		return RecoveryStep{}, a.spare(ctx, broken("look up a login", err), a.ticketKey(t))
	}
	if method == MethodEmailCode {
		return a.proveMail(ctx, c, t, u, code)
	}
	proof, err := a.proveCode(ctx, c, u, method, code, EventRecoveryFailed)
	if err != nil {
		return RecoveryStep{}, a.spare(ctx, err, a.ticketKey(t))
	}
	step, err := a.proven(ctx, c, t, u, method, proof)
	return step, a.spare(ctx, err, a.throttleKey(recovering(method), u.ID, ""), a.ticketKey(t))
}

// proven uses up a good proof of u and the ticket that it came with, and
// returns the next one.
func (a *Auth) proven(ctx context.Context, c Client, t ticket, u User, method MethodName, proof consume) (RecoveryStep, error) {
	if len(t.Proofs) > 0 && (UserID(t.UserID) != u.ID || t.Epoch != u.Epoch) {
		return RecoveryStep{}, fail(CodeCeremonyInvalid, errors.New("ticket: the user has changed"))
	}
	w, err := a.waysIn(ctx, a.store, u)
	if err != nil {
		return RecoveryStep{}, broken("read the ways in", err)
	}
	e := a.failure(c, EventRecoveryProof, u.ID, method, "")
	err = a.store.Update(ctx, func(tx Tx) error {
		if err := proof(ctx, tx); err != nil {
			return err
		}
		if err := t.consume(ctx, tx); err != nil {
			return err
		}
		return a.addEvent(ctx, tx, u, e, "")
	})
	switch {
	case err == errCodeUsed:
		return RecoveryStep{}, a.record(ctx, a.failure(c, EventRecoveryFailed, u.ID, method, reasonUsed), err)
	case err != nil:
		return RecoveryStep{}, answerOr("use up a proof", err)
	}
	a.notify(ctx, e)
	return a.afterProof(t, u, w, method)
}

// afterProof is the step after one more good proof of u, who has the ways w.
func (a *Auth) afterProof(t ticket, u User, w waysIn, method MethodName) (RecoveryStep, error) {
	t.UserID, t.Epoch, t.Key, t.Proofs = []byte(u.ID), u.Epoch, nil, append(t.Proofs, method)
	step := RecoveryStep{Ready: independent(t.Proofs) >= 2 || w.reach() == 1}
	if step.Ready {
		t.Purpose = purposeRecoverReady
	}
	var err error
	step.Ticket, err = a.sealTicket(t, ticketLife)
	return step, err
}

// independent is how many of proofs don't come of each other: who reads the
// mail of somebody's account at a provider can often sign in there, so a mailed
// code and a provider are one.
func independent(proofs []MethodName) int {
	n := len(proofs)
	if slices.Contains(proofs, MethodEmailCode) && slices.Contains(proofs, MethodFederated) {
		n--
	}
	return n
}

// WaitForRecovery makes a recovery with one proof wait for its delay, in the
// place of an earlier one of the same user. Errors: CodeCeremonyInvalid the
// ticket, or it has no proof; CodeUnavailable.
func (a *Auth) WaitForRecovery(ctx context.Context, c Client, ticketText string) (RecoveryWait, error) {
	t, u, err := a.openUserTicket(ctx, ticketText, purposeRecover, c)
	if err != nil {
		return RecoveryWait{}, err
	}
	if len(t.Proofs) == 0 {
		return RecoveryWait{}, fail(CodeCeremonyInvalid, errors.New("ticket: nothing was proven"))
	}
	raw := make([]byte, tokenSecret)
	a.random(raw)
	claim, at := encode64(raw), a.now()
	r := Recovery{UserID: u.ID, ClaimHash: sha256.Sum256([]byte(claim)), Proof: t.Proofs[0], CreatedAt: at, ReadyAt: at.Add(a.cfg.RecoveryDelay)}
	r.EndsAt = r.ReadyAt.Add(claimLife)
	e := a.failure(c, EventRecoveryStarted, u.ID, r.Proof, "")
	err = a.store.Update(ctx, func(tx Tx) error {
		if err := t.consume(ctx, tx); err != nil {
			return err
		}
		if locked, err := tx.LockUser(ctx, u.ID); err != nil || locked.Epoch != u.Epoch {
			return cmp.Or(err, errTicketSpent) // what the owner does meanwhile ends the ticket
		}
		if err := tx.SetRecovery(ctx, r); err != nil {
			return err
		}
		if err := tx.AddEvent(ctx, e); err != nil {
			return err
		}
		return a.mailWaiting(ctx, tx, u, r, claim)
	})
	if err != nil {
		return RecoveryWait{}, answerOr("let a recovery wait", err)
	}
	a.notify(ctx, e)
	return RecoveryWait{Claim: claim, ReadyAt: r.ReadyAt}, nil
}

// ClaimRecovery returns the ticket of a recovery whose delay is over. Errors:
// CodeCeremonyInvalid there is none, it has ended or was cancelled;
// CodeConflict it is not time yet, with RetryAfter; CodeUnavailable.
func (a *Auth) ClaimRecovery(ctx context.Context, c Client, claim string) (RecoveryStep, error) {
	hash := sha256.Sum256([]byte(claim))
	r, err := a.store.Recovery(ctx, hash)
	now := a.now()
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return RecoveryStep{}, broken("read a waiting recovery", err)
	case err != nil || !now.Before(r.EndsAt):
		return RecoveryStep{}, fail(CodeCeremonyInvalid, errors.New("no recovery waits with this claim"))
	case now.Before(r.ReadyAt):
		return RecoveryStep{}, &Error{Code: CodeConflict, RetryAfter: r.ReadyAt.Sub(now), Err: fmt.Errorf("the recovery is ready at %v", r.ReadyAt)}
	}
	u, err := a.store.User(ctx, r.UserID)
	if err != nil {
		return RecoveryStep{}, broken("read a user", err)
	}
	t := ticket{Purpose: purposeRecoverReady, App: c.App, UserID: []byte(u.ID), Epoch: u.Epoch, Proofs: []MethodName{r.Proof}, Key: hash[:]}
	if !c.App && len(c.Bindings) > 0 {
		t.Binding = c.Bindings[0]
	}
	text, err := a.sealTicket(t, ticketLife)
	return RecoveryStep{Ticket: text, Ready: true}, err
}

// BeginRecoveryPasskey returns the options of the passkey that a recovery
// binds, with the ticket of a step that is ready. It writes nothing. Errors:
// CodeCeremonyInvalid; CodeUnavailable.
func (a *Auth) BeginRecoveryPasskey(ctx context.Context, c Client, ticketText string) (*webauthn.CreationOptions, error) {
	t, u, err := a.openUserTicket(ctx, ticketText, purposeRecoverReady, c)
	if err != nil {
		return nil, err
	}
	own, err := a.store.Credentials(ctx, u.ID)
	if err != nil {
		return nil, broken("read credentials", err)
	}
	sealed, err := a.sealNew(challenge{purpose: purposeRecover, userID: u.ID, bound: true, extra: ticketHash(ticketText), binding: t.Binding,
		verify: a.passkey.SignUpVerification == webauthn.UserVerificationRequired}, c, challengeLife)
	if err != nil {
		return nil, err
	}
	return a.creationOptions(u, sealed, a.passkey.SignUpVerification, own), nil
}

// FinishRecoveryPasskey verifies a RegistrationResponseJSON that answers
// BeginRecoveryPasskey's options, binds the passkey, ends every session of the
// user, and signs in. Errors: as FinishSignUp's but CodeLoginTaken.
func (a *Auth) FinishRecoveryPasskey(ctx context.Context, c Client, ticketText string, credential []byte) (Admitted, error) {
	t, u, err := a.openUserTicket(ctx, ticketText, purposeRecoverReady, c)
	if err != nil {
		return Admitted{}, err
	}
	reg, err := a.openRegistration(ctx, c, nil, credential, a.event(c, EventRecoveryFailed, u.ID), purposeRecover)
	if err != nil {
		return Admitted{}, err
	}
	hash := ticketHash(ticketText)
	if subtle.ConstantTimeCompare(reg.challenge.extra[:], hash[:]) == 0 || reg.challenge.userID != u.ID {
		return Admitted{}, a.refuseRegistration(ctx, reg, reasonTicket, fail(CodeCeremonyInvalid, errors.New("the challenge was issued with another ticket")))
	}
	made, err := a.verifyRegistration(ctx, reg)
	if err != nil {
		return Admitted{}, err
	}
	own, err := a.store.Credentials(ctx, u.ID)
	if err != nil {
		return Admitted{}, broken("read credentials", err)
	}
	cred := a.newCredential(u.ID, made, "")
	cred.Name = a.freeName(cred, own)
	if !cred.FirstFactor {
		refused := fail(CodeRegistrationRejected, errors.New("the passkey could not sign in on its own"))
		return Admitted{}, a.refuseRegistration(ctx, reg, "second_factor_only", refused)
	}
	return a.recover(ctx, c, t, u, reg, cred, made.UserVerified)
}

// recover is the transaction of FinishRecoveryPasskey.
func (a *Auth) recover(ctx context.Context, c Client, t ticket, u User, reg registration, cred Credential, verified bool) (Admitted, error) {
	u.Epoch++
	step := admission{client: c, user: u, spend: reg.challenge.spend(), event: EventRecovered, refused: EventRecoveryFailed,
		uses: []Use{{Method: MethodPasskey, At: a.now(), Credential: cred.ID, UserVerified: verified}}}
	step.with = func(ctx context.Context, tx Tx) error {
		if err := a.recoverUser(ctx, tx, t); err != nil {
			return err
		}
		return tx.AddCredential(ctx, cred)
	}
	in, err := a.admit(ctx, step)
	switch {
	case errors.Is(err, ErrExists):
		return Admitted{}, a.refuseRegistration(ctx, reg, string(CodeCredentialExists), &Error{Code: CodeCredentialExists})
	case err == errTicketSpent:
		return Admitted{}, a.refuseRegistration(ctx, reg, reasonTicket, err)
	case err != nil:
		return Admitted{}, err
	}
	in.Credential = cred
	return in, nil
}

// RecoverPassword sets a new password with the ticket of a step that is ready,
// where the user has a password, and ends every session. The person then signs
// in. Errors: CodeForbidden the user has none, or passwords are not offered;
// CodeBadRequest with the field password; CodeCeremonyInvalid; CodeUnavailable.
func (a *Auth) RecoverPassword(ctx context.Context, c Client, ticketText, password string) error {
	t, u, err := a.openUserTicket(ctx, ticketText, purposeRecoverReady, c)
	if err != nil {
		return err
	}
	w, err := a.waysIn(ctx, a.store, u)
	switch {
	case err != nil:
		return broken("read the ways in", err)
	case !w.password:
		return errNotOffered
	}
	secret, err := a.newPassword(ctx, u, password, w.second())
	if err != nil {
		return err
	}
	e := a.failure(c, EventRecovered, u.ID, MethodPassword, "")
	err = a.store.Update(ctx, func(tx Tx) error {
		if err := a.recoverUser(ctx, tx, t); err != nil {
			return err
		}
		if _, err := tx.RemoveSecrets(ctx, u.ID, SecretPassword); err != nil {
			return err
		}
		if err := a.unbar(ctx, tx, u.ID, MethodPassword); err != nil {
			return err
		}
		if err := tx.AddSecret(ctx, secret); err != nil {
			return err
		}
		return a.addEvent(ctx, tx, u, e, "")
	})
	if err != nil {
		return answerOr("recover a password", err)
	}
	a.notify(ctx, e)
	return nil
}

// recoverUser spends the ticket of a recovery, and the waiting recovery that it
// came from, and ends every session of its user under a new epoch.
func (a *Auth) recoverUser(ctx context.Context, tx Tx, t ticket) error {
	if err := t.consume(ctx, tx); err != nil {
		return err
	}
	u, err := raiseEpoch(ctx, tx, UserID(t.UserID), func(u *User) { u.FrozenUntil = time.Time{} })
	if errors.Is(err, ErrNotFound) || err == nil && u.Epoch != t.Epoch+1 {
		return errTicketSpent
	}
	if err != nil {
		return err
	}
	waiting, err := tx.RecoveryOf(ctx, u.ID)
	claimed := err == nil && slices.Equal(waiting.ClaimHash[:], t.Key)
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	case t.Key != nil && !claimed:
		return errTicketSpent // cancelled, or another has begun
	case err == nil:
		if err := tx.RemoveRecovery(ctx, u.ID); err != nil {
			return err
		}
	}
	if err := removeSuspended(ctx, tx, u.ID); err != nil {
		return err
	}
	_, err = tx.EndSessions(ctx, u.ID, "")
	return err
}

// removeSuspended removes the passkeys that the user has disowned: who recovers
// has shown more than who disowned them.
func removeSuspended(ctx context.Context, tx Tx, user UserID) error {
	own, err := tx.Credentials(ctx, user)
	if err != nil {
		return err
	}
	for _, c := range own {
		if c.SuspendedAt.IsZero() {
			continue
		}
		if err := tx.RemoveCredential(ctx, user, c.ID); err != nil {
			return err
		}
	}
	return nil
}
