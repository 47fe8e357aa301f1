package mapae

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// External lets the application that Mapae is part of prove who its users are,
// by passwords or whatever it has, and say so by Auth.SignInExternal. For those
// who have users, passwords and sessions already and add passkeys, as
// examples/existing-users does. It can't be offered on a page.
type External struct{}

// Name returns MethodExternal.
func (External) Name() MethodName { return MethodExternal }

func (External) check() error { return nil }

// maxExternalID bounds the application's ID of a user, in bytes.
const maxExternalID = 255

// ExternalUser is a user as the application knows them.
type ExternalUser struct {
	ID            string // the application's own, 1 to 255 bytes of UTF-8 without NUL; never another user's afterwards
	Login         string // e-mail address: what password managers show beside the passkey
	LoginVerified bool   // the application has proven that the address is theirs
	Name          string // how the person is called, 1 to 64 characters
	Locale        string // BCP 47 tag, may be empty
}

func (x ExternalUser) check() (key string, err error) {
	if x.ID == "" || len(x.ID) > maxExternalID || !utf8.ValidString(x.ID) || strings.ContainsRune(x.ID, 0) {
		return "", badField("id", errors.New("not 1 to 255 bytes of UTF-8"))
	}
	if key, err = loginKey(x.Login); err != nil {
		return "", badField("email", err)
	}
	if err := checkName(x.Name); err != nil {
		return "", badField("name", err)
	}
	if err := checkLocale(x.Locale); err != nil {
		return "", badField("locale", err)
	}
	return key, nil
}

// on returns u as the application has it now. An address that it does not
// vouch for stays proven here as long as it is the same.
func (x ExternalUser) on(u User, key string, now time.Time) User {
	if u.EmailKey != key {
		u.EmailKey, u.EmailVerifiedAt = "", User{}.EmailVerifiedAt
	}
	if x.LoginVerified && u.EmailKey == "" {
		u.EmailKey, u.EmailVerifiedAt = key, now
	}
	u.ExternalID, u.Login, u.LoginKey, u.Email, u.Name, u.Locale = x.ID, x.Login, key, x.Login, x.Name, or(x.Locale, u.Locale)
	return u
}

// SignInExternal signs in a user whom the application has just authenticated,
// as one factor: who has a second is asked for it. The user is found by the
// application's ID alone, is made on the first call, and is from then on called
// what the application says. An account that has the same address and not that
// ID is never taken for theirs; where the application has proven the address, an
// account that never did loses it.
//
// Errors: CodeForbidden Config.Methods has no External, the user is disabled, or
// a second factor is required and they have none; CodeBadRequest with the field
// id, email, name or locale; CodeLoginTaken another account has the address;
// CodeUnavailable.
func (a *Auth) SignInExternal(ctx context.Context, c Client, who ExternalUser) (SignInStep, error) {
	if !a.offers(MethodExternal) {
		return SignInStep{}, errNotOffered
	}
	key, err := who.check()
	if err != nil {
		return SignInStep{}, err
	}
	for again := true; ; again = false {
		u, at, err := a.attached(ctx, c, who, key)
		if err != nil {
			return SignInStep{}, err
		}
		step, err := a.admitFirst(ctx, c, u, Use{Method: MethodExternal, At: a.now()}, at.attach)
		switch {
		case err == nil:
			a.notify(ctx, at.added...)
			return step, nil
		case !errors.Is(err, ErrExists):
			return SignInStep{}, err
		case !again: // it was not this very user, made meanwhile
			return SignInStep{}, &Error{Code: CodeLoginTaken, Field: "email"}
		}
	}
}

// attachment writes into a user what the application says of them.
type attachment struct {
	attach consume
	added  []Event // by the last run of attach
}

// attached returns the user of who as they will be once the attachment has
// written that. Errors: CodeForbidden; CodeUnavailable.
func (a *Auth) attached(ctx context.Context, c Client, who ExternalUser, key string) (User, *attachment, error) {
	u, err := a.store.UserByExternalID(ctx, who.ID)
	now := a.now()
	switch {
	case errors.Is(err, ErrNotFound):
		handle := make([]byte, handleSize)
		a.random(handle)
		u = who.on(User{ID: UserID(handle), CreatedAt: now}, key, now)
		made := a.failure(c, EventSignUp, u.ID, MethodExternal, "")
		return u, a.attachment(c, who, u.ID, key, func(ctx context.Context, tx Tx) ([]Event, error) {
			if err := tx.AddUser(ctx, u); err != nil {
				return nil, err
			}
			return []Event{made}, tx.AddEvent(ctx, made)
		}), nil
	case err != nil:
		return User{}, nil, broken("look up an external ID", err)
	case u.Disabled():
		err := fail(CodeForbidden, errors.New("the user is disabled"))
		return User{}, nil, a.record(ctx, a.failure(c, EventSignInFailed, u.ID, MethodExternal, reasonDisabled), err)
	case who.on(u, key, now) == u:
		return u, &attachment{attach: func(context.Context, Tx) error { return nil }}, nil
	}
	return who.on(u, key, now), a.attachment(c, who, u.ID, key, func(ctx context.Context, tx Tx) ([]Event, error) {
		u, err := tx.LockUser(ctx, u.ID)
		if err != nil {
			return nil, err
		}
		return nil, tx.UpdateUser(ctx, who.on(u, key, now))
	}), nil
}

// attachment is what write writes of the user with that ID, after an address
// that the application has proven was taken from who never proved it.
func (a *Auth) attachment(c Client, who ExternalUser, id UserID, key string, write func(context.Context, Tx) ([]Event, error)) *attachment {
	at := &attachment{}
	at.attach = func(ctx context.Context, tx Tx) (err error) {
		at.added = nil
		if who.LoginVerified {
			if at.added, err = a.release(ctx, tx, c, id, key); err != nil {
				return err
			}
		}
		added, err := write(ctx, tx)
		at.added = append(at.added, added...)
		return err
	}
	return at
}

// RemoveExternal removes the user with the application's ID and all that is
// theirs but events, for an application that removes its own. Errors:
// CodeNotFound; CodeUnavailable.
func (a *Auth) RemoveExternal(ctx context.Context, id string) error {
	u, err := a.store.UserByExternalID(ctx, id)
	if err == nil {
		e := a.event(Client{}, EventAccountDeleted, u.ID)
		e.Method = ""
		err = a.store.Update(ctx, func(tx Tx) error {
			if err := tx.DeleteUser(ctx, u.ID); err != nil {
				return err
			}
			return tx.AddEvent(ctx, e)
		})
		if err == nil {
			a.notify(ctx, e)
			return nil
		}
	}
	if errors.Is(err, ErrNotFound) {
		return ErrMissing
	}
	return broken("remove a user", err)
}
