package mapae

import (
	"context"
	"crypto/subtle"
	"errors"
)

// Words that stand as an event's reason beside the checks of package webauthn.
const (
	reasonCode       = "code"
	reasonUsed       = "used"
	reasonPassword   = "password"
	reasonTicket     = "ticket"
	reasonDisabled   = "user_disabled"
	reasonIdentity   = "identity" // not linked, or not with that account
	reasonTaken      = "taken"    // somebody has it
	reasonPolicy     = "policy"
	reasonUnproven   = "unproven"
	reasonNoSecond   = "second_factor_missing"
	reasonKeyRetired = "root_key_retired"
)

// errCodeUsed undoes a transaction in which a code turned out to be used.
var errCodeUsed = fail(CodeAuthenticationFailed, errors.New("the code was used before"))

// admitCode ends step with a TOTP code or a recovery code: it counts the try,
// looks at the code, and uses it up in the transaction that admits.
func (a *Auth) admitCode(ctx context.Context, step admission, method MethodName, code string) (Admitted, error) {
	key := a.throttleKey(method, step.user.ID, "")
	proof, err := a.proveCode(ctx, step.client, step.user, method, code, step.refused)
	if err != nil {
		return Admitted{}, err
	}
	step.uses = append(step.uses, Use{Method: method, At: a.now()})
	also := step.with
	step.with = func(ctx context.Context, tx Tx) error {
		if err := proof(ctx, tx); err != nil || also == nil {
			return err
		}
		return also(ctx, tx)
	}
	in, err := a.admit(ctx, step)
	if err == errCodeUsed {
		err = a.record(ctx, a.failure(step.client, step.refused, step.user.ID, method, reasonUsed), err)
	}
	return in, a.spare(ctx, err, key)
}

// proveCode counts a try of u by method and looks at the code; u is nobody, and
// login the key that was asked for, where an account is not to be told. It
// returns what uses the code up and clears the count, or answers errCodeUsed;
// or CodeRateLimited; or CodeAuthenticationFailed with an event of type failed.
func (a *Auth) proveCode(ctx context.Context, c Client, u User, method MethodName, code string, failed EventType) (consume, error) {
	counted := method
	if failed == EventRecoveryFailed {
		counted = recovering(method)
	}
	key := a.throttleKey(counted, u.ID, u.LoginKey)
	if err := a.count(ctx, key, counted); err != nil {
		return nil, err
	}
	use, err := a.findCode(ctx, u, method, code, failed == EventRecoveryFailed)
	if err != nil {
		return nil, a.spare(ctx, err, key)
	}
	if use == nil {
		wrong := fail(CodeAuthenticationFailed, errors.New("wrong code"))
		return nil, a.spare(ctx, a.record(ctx, a.failure(c, failed, u.ID, method, reasonCode), wrong), key)
	}
	return func(ctx context.Context, tx Tx) error {
		if err := use(ctx, tx); err != nil {
			return err
		}
		return tx.SetFailures(ctx, key, Failures{})
	}, nil
}

// findCode returns what uses code up, or nil where it is none of the user's. A
// code that was used is left for the store to find: whoever comes second is
// told the same as whoever comes late. In a recovery of a frozen account what is
// doubted proves nothing.
func (a *Auth) findCode(ctx context.Context, u User, method MethodName, code string, recovering bool) (consume, error) {
	if method == MethodTOTP {
		return a.findTOTP(ctx, u, code, recovering)
	}
	s, ok, err := a.findRecoveryCode(ctx, u.ID, code)
	if err != nil || !ok || recovering && a.doubted(u, s.CreatedAt) {
		return nil, err
	}
	return func(ctx context.Context, tx Tx) error {
		return usedUnless(tx.UseSecret(ctx, u.ID, s.ID, a.now()))
	}, nil
}

// findTOTP is findCode for a code of an authenticator app. Who has none costs
// the same work.
func (a *Auth) findTOTP(ctx context.Context, u User, code string, recovering bool) (consume, error) {
	all, err := a.store.Secrets(ctx, u.ID, SecretTOTP)
	if err != nil {
		return nil, broken("read an authenticator app's key", err)
	}
	s := a.ring.Load().nobodysTOTP
	if len(all) > 0 {
		s = all[0]
	}
	key, err := a.openTOTP(s)
	if err != nil {
		return nil, err
	}
	step, ok := totpStep(key, code, a.now())
	if !ok || len(all) == 0 || recovering && a.doubted(u, s.CreatedAt) {
		return nil, nil
	}
	return func(ctx context.Context, tx Tx) error {
		return usedUnless(tx.StepSecret(ctx, u.ID, s.ID, step))
	}, nil
}

func usedUnless(first bool, err error) error {
	if err == nil && !first {
		return errCodeUsed
	}
	return err
}

// failure is the event of a proof by method that failed.
func (a *Auth) failure(c Client, t EventType, user UserID, method MethodName, why string) Event {
	e := a.event(c, t, user)
	e.Method, e.Reason = method, why
	return e
}

// equalText compares in constant time.
func equalText(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
