package mapae

import (
	"context"
	"errors"
	"unicode/utf8"
)

var errNotOffered = fail(CodeForbidden, errors.New("the method is not offered"))

// SignInPassword signs in with an e-mail address and a password. The answer is
// a session or, where the user has a second factor, the step to go on with.
//
// Whether the account exists is not told: the same answers, limits and work for
// an address that nobody has. Errors: CodeBadRequest with the field email or
// password; CodeForbidden passwords are not offered, or a second factor is
// required and the user has none; CodeRateLimited; CodeAuthenticationFailed;
// CodeUnavailable.
func (a *Auth) SignInPassword(ctx context.Context, c Client, email, password string) (SignInStep, error) {
	if !a.offers(MethodPassword) {
		return SignInStep{}, errNotOffered
	}
	key, err := loginKey(email)
	if err != nil {
		return SignInStep{}, badField("email", err)
	}
	if n := utf8.RuneCountInString(password); n > maxPassword {
		return SignInStep{}, badField("password", tooLong(n, maxPassword))
	}
	u, err := a.store.UserByLogin(ctx, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return SignInStep{}, broken("look up a login", err)
	}
	proven, err := a.provePassword(ctx, c, u, key, password, EventSignInFailed)
	if err != nil {
		return SignInStep{}, err
	}
	step, err := a.admitFirst(ctx, c, u, Use{Method: MethodPassword, At: a.now()}, proven)
	return step, a.spare(ctx, err, a.throttleKey(MethodPassword, u.ID, ""))
}

// provePassword counts a try for u, or for the login key where u is nobody, and
// looks at the password. It returns what clears the count and stores a hash of
// today's costs; or CodeRateLimited; or CodeAuthenticationFailed with an event
// of type failed.
func (a *Auth) provePassword(ctx context.Context, c Client, u User, login, password string, failed EventType) (consume, error) {
	key := a.throttleKey(MethodPassword, u.ID, login)
	if err := a.count(ctx, key, MethodPassword); err != nil {
		return nil, err
	}
	kept, err := a.store.Secrets(ctx, u.ID, SecretPassword)
	if err != nil {
		return nil, a.spare(ctx, broken("read a password", err), key)
	}
	var stored []byte
	if len(kept) > 0 {
		stored = kept[0].Data
	}
	match, outdated, err := a.checkPassword(ctx, password, stored)
	if err != nil {
		return nil, a.spare(ctx, err, key)
	}
	why := ""
	switch {
	case !match:
		why = reasonPassword
	case u.Disabled():
		why = reasonDisabled
	}
	if why != "" {
		wrong := fail(CodeAuthenticationFailed, errors.New(why))
		return nil, a.spare(ctx, a.record(ctx, a.failure(c, failed, u.ID, MethodPassword, why), wrong), key)
	}
	var rehashed Secret
	if outdated {
		rehashed = kept[0]
		if rehashed.Data, err = a.hashPassword(ctx, password); err != nil {
			return nil, a.spare(ctx, err, key)
		}
	}
	return func(ctx context.Context, tx Tx) error {
		if outdated {
			if _, err := tx.ReplaceSecret(ctx, rehashed, stored); err != nil {
				return err
			}
		}
		return tx.SetFailures(ctx, key, Failures{})
	}, nil
}

// admitFirst goes on after a good first step: a session, or the second step. In
// both cases the proof is used up now.
func (a *Auth) admitFirst(ctx context.Context, c Client, u User, use Use, proven consume) (SignInStep, error) {
	ways, err := a.waysIn(ctx, a.store, u)
	if err != nil {
		return SignInStep{}, broken("read the ways in", err)
	}
	second, err := a.secondStep(c, u, use, nil, ways)
	if err != nil {
		return SignInStep{}, a.record(ctx, a.failure(c, EventSignInFailed, u.ID, use.Method, reasonNoSecond), err)
	}
	if second == nil {
		in, err := a.admit(ctx, admission{client: c, user: u, uses: []Use{use}, event: EventSignIn, refused: EventSignInFailed, with: proven})
		return SignInStep{Admitted: in}, err
	}
	e := a.failure(c, EventFirstStep, u.ID, use.Method, "")
	err = a.store.Update(ctx, func(tx Tx) error {
		if err := proven(ctx, tx); err != nil {
			return err
		}
		return tx.AddEvent(ctx, e)
	})
	if err != nil {
		return SignInStep{}, answerOr("use up a proof", err)
	}
	a.notify(ctx, e)
	return SignInStep{Second: second}, nil
}
