package mapae

import (
	"context"
	"errors"
	"fmt"
)

// Account is what a user is shown about how they can sign in.
type Account struct {
	User              User
	Passkeys          []Credential // newest first
	Password          bool
	EmailCode         bool // codes are mailed to the address, which is proven
	External          bool // the application proves by its own means who they are
	TOTP              bool
	Identities        []Identity // of providers that are configured, ordered by issuer and subject
	RecoveryCodesLeft int
	Recovery          *Recovery // a recovery that waits, and can be cancelled; nil: none
}

// Account returns the account of cur's user.
func (a *Auth) Account(ctx context.Context, cur Current) (Account, error) {
	w, err := a.waysIn(ctx, a.store, cur.User)
	if err != nil {
		return Account{}, broken("read the ways in", err)
	}
	own, err := a.Passkeys(ctx, cur)
	if err != nil {
		return Account{}, err
	}
	out := Account{User: cur.User, Passkeys: own, Password: w.password, EmailCode: w.emailCode, External: w.external, TOTP: w.totp, Identities: w.identities, RecoveryCodesLeft: w.recoveryCodes}
	switch waiting, err := a.store.RecoveryOf(ctx, cur.User.ID); {
	case err == nil && waiting.EndsAt.After(a.now()):
		out.Recovery = &waiting
	case err != nil && !errors.Is(err, ErrNotFound):
		return Account{}, broken("read a waiting recovery", err)
	}
	return out, nil
}

// Events returns at most limit events of the user, newest first, before the
// given one where it is not empty.
func (a *Auth) Events(ctx context.Context, cur Current, before EventID, limit int) ([]Event, error) {
	list, err := a.store.Events(ctx, cur.User.ID, before, limit)
	if err != nil {
		return nil, broken("read events", err)
	}
	return list, nil
}

// AccountChange is what a person may change about an account without a
// step-up. A nil member stays as it is.
type AccountChange struct {
	Name   *string // 1 to 64 characters
	Locale *string // BCP 47 tag, at most 35 bytes; empty: not chosen
}

// ChangeAccount changes name and language. Errors: CodeBadRequest with the
// field; CodeUnauthenticated; CodeUnavailable.
func (a *Auth) ChangeAccount(ctx context.Context, c Client, cur Current, to AccountChange) (User, error) {
	if to.Name != nil {
		if err := checkName(*to.Name); err != nil {
			return User{}, badField("name", err)
		}
	}
	if to.Locale != nil {
		if err := checkLocale(*to.Locale); err != nil {
			return User{}, badField("locale", err)
		}
	}
	var u User
	err := a.change(ctx, c, cur, changed{what: EventAccountChanged}, func(tx Tx) (err error) {
		if u, err = tx.LockUser(ctx, cur.User.ID); err != nil {
			return err
		}
		if to.Name != nil {
			u.Name = *to.Name
		}
		if to.Locale != nil {
			u.Locale = *to.Locale
		}
		return tx.UpdateUser(ctx, u)
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// SetPassword sets or changes the user's password, in a session that is fresh.
// It ends all other sessions; this one goes on under a new token. Errors:
// CodeForbidden passwords are not offered; CodeStepUpRequired; CodeBadRequest
// with the field password; CodeUnauthenticated; CodeUnavailable.
func (a *Auth) SetPassword(ctx context.Context, c Client, cur Current, password string) (Admitted, error) {
	if !a.offers(MethodPassword) {
		return Admitted{}, errNotOffered
	}
	if err := a.mayChange(cur); err != nil {
		return Admitted{}, err
	}
	w, err := a.waysIn(ctx, a.store, cur.User)
	if err != nil {
		return Admitted{}, broken("read the ways in", err)
	}
	secret, err := a.newPassword(ctx, cur.User, password, w.second())
	if err != nil {
		return Admitted{}, err
	}
	return a.renew(ctx, c, cur, changed{what: EventPasswordSet, method: MethodPassword}, func(tx Tx) error {
		if _, err := tx.RemoveSecrets(ctx, cur.User.ID, SecretPassword); err != nil {
			return err
		}
		if err := a.unbar(ctx, tx, cur.User.ID, MethodPassword); err != nil {
			return err
		}
		return tx.AddSecret(ctx, secret)
	})
}

// newPassword returns the secret of a password of u that keeps the rules, or
// CodeBadRequest with the field password. second says that u has a second
// factor.
func (a *Auth) newPassword(ctx context.Context, u User, password string, second bool) (Secret, error) {
	if err := a.password.rule(password, u, second); err != nil {
		return Secret{}, badField("password", err)
	}
	hash, err := a.hashPassword(ctx, password)
	if err != nil {
		return Secret{}, err
	}
	at := a.now()
	return Secret{ID: a.orderedID(at), UserID: u.ID, Kind: SecretPassword, Data: hash, CreatedAt: at}, nil
}

// RemovePassword removes the user's password, in a session that is fresh.
// Errors: CodeStepUpRequired; CodeNotFound; CodeLastFactor; CodeUnauthenticated;
// CodeUnavailable.
func (a *Auth) RemovePassword(ctx context.Context, c Client, cur Current) error {
	return a.removeSecret(ctx, c, cur, SecretPassword, changed{what: EventPasswordRemoved, method: MethodPassword})
}

// Action is something that a step-up is made for and nothing else: its ticket
// allows that action once.
type Action string

const (
	ActionNone          Action = ""
	ActionDeleteAccount Action = "delete_account"
	ActionChangeEmail   Action = "change_email"
)

// ParseAction returns the action of that name; CodeBadRequest: there is none.
func ParseAction(name string) (Action, error) {
	switch a := Action(name); a {
	case ActionNone, ActionDeleteAccount, ActionChangeEmail:
		return a, nil
	}
	return ActionNone, badField("action", fmt.Errorf("%q is none of %s, %s", clip(name), ActionDeleteAccount, ActionChangeEmail))
}

// actionTicket seals that cur has authenticated for action.
func (a *Auth) actionTicket(c Client, cur Current, action Action) (string, error) {
	if action == ActionNone {
		return "", nil
	}
	return a.sealTicket(ticket{Purpose: purposeAction, App: c.App, Binding: sessionBinding(cur.Session.ID), UserID: []byte(cur.User.ID),
		Epoch: cur.User.Epoch, Name: string(action)}, ticketLife)
}

// openAction opens the ticket of a step-up for action, which nothing that is
// frozen allows.
func (a *Auth) openAction(text string, c Client, cur Current, action Action) (ticket, error) {
	if a.Frozen(cur.User) {
		return ticket{}, a.mayChange(cur)
	}
	if text == "" {
		return ticket{}, fail(CodeStepUpRequired, fmt.Errorf("a ticket for %s is needed", action))
	}
	t, err := a.openSessionTicket(text, purposeAction, c, cur)
	if err == nil && t.Name != string(action) {
		err = fail(CodeCeremonyInvalid, fmt.Errorf("ticket: for %s, want %s", t.Name, action))
	}
	return t, err
}

// DeleteAccount removes the user and all that is theirs but events, with the
// ticket of a step-up for ActionDeleteAccount. Errors: CodeFrozen; CodeStepUpRequired
// without a ticket; CodeCeremonyInvalid; CodeUnauthenticated; CodeUnavailable.
func (a *Auth) DeleteAccount(ctx context.Context, c Client, cur Current, ticketText string) error {
	t, err := a.openAction(ticketText, c, cur, ActionDeleteAccount)
	if err != nil {
		return err
	}
	return a.change(ctx, c, cur, changed{what: EventAccountDeleted}, func(tx Tx) error {
		if err := t.consume(ctx, tx); err != nil {
			return err
		}
		return tx.DeleteUser(ctx, cur.User.ID)
	})
}
