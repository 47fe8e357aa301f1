package mapae

import (
	"context"
	"errors"
)

// sweepBatch is how many rows of a kind Sweep removes in one transaction, so
// that sign-ins hardly wait for it.
const sweepBatch = 500

// Sweep removes what has outlived its use: spent challenges and tickets ten
// minutes past their end, ended sessions, and events older than
// Config.KeepEvents. It returns how many rows it removed. Run it every few
// minutes, on any node.
func (a *Auth) Sweep(ctx context.Context) (int, error) {
	now := a.now()
	plan := SweepPlan{SpentBefore: now.Add(-spentKept), SessionsBefore: now, EventsBefore: now.Add(-a.cfg.KeepEvents),
		FailuresBefore: now.Add(-failuresKept), RecoveryBefore: now, Limit: sweepBatch}
	total := 0
	for {
		n, err := a.store.Sweep(ctx, plan)
		total += n
		if err != nil {
			return total, broken("sweep", err)
		}
		if n == 0 {
			return total, nil
		}
	}
}

// UserByLogin returns the user with that login, disabled or not: an e-mail
// address, or a name that was imported. Errors: CodeBadRequest with the field
// login; CodeNotFound; CodeUnavailable.
func (a *Auth) UserByLogin(ctx context.Context, login string) (User, error) {
	key, err := importedKey(login)
	if err != nil {
		return User{}, badField("login", err)
	}
	u, err := a.store.UserByLogin(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return User{}, ErrMissing
	case err != nil:
		return User{}, broken("look up a login", err)
	}
	return u, nil
}

// AddUser makes an account that nobody can sign in to yet, whatever the sign-up
// policy says: IssueRecovery returns a link by which its owner makes a passkey.
// Login is an e-mail address, which counts as not proven; name is 1 to 64
// characters. Errors: CodeBadRequest with the field login or name;
// CodeLoginTaken; CodeUnavailable.
func (a *Auth) AddUser(ctx context.Context, login, name string) (User, error) {
	key, err := loginKey(login)
	if err != nil {
		return User{}, badField("login", err)
	}
	if err := checkName(name); err != nil {
		return User{}, badField("name", err)
	}
	handle := make([]byte, handleSize)
	a.random(handle)
	u := User{ID: UserID(handle), Login: login, LoginKey: key, Email: login, Name: name, CreatedAt: a.now()}
	e := a.failure(Client{}, EventUserAdded, u.ID, "", "")
	err = a.store.Update(ctx, func(tx Tx) error {
		if err := tx.AddUser(ctx, u); err != nil {
			return err
		}
		return tx.AddEvent(ctx, e)
	})
	switch {
	case errors.Is(err, ErrExists):
		return User{}, &Error{Code: CodeLoginTaken, Field: "login"}
	case err != nil:
		return User{}, broken("add a user", err)
	}
	a.notify(ctx, e)
	return u, nil
}

// DisableUser ends all sessions of a user and refuses every further sign-in.
// Errors: CodeNotFound; CodeUnavailable.
func (a *Auth) DisableUser(ctx context.Context, id UserID) error {
	now := a.now()
	return a.operate(ctx, a.operation(EventUserDisabled, id), func(u *User) { u.DisabledAt = now }, nil)
}

// EnableUser undoes DisableUser. Errors: CodeNotFound; CodeUnavailable.
func (a *Auth) EnableUser(ctx context.Context, id UserID) error {
	return a.operate(ctx, a.operation(EventUserEnabled, id), func(u *User) { u.DisabledAt = User{}.DisabledAt }, nil)
}

// EndSessionsOf ends all sessions of a user, and sign-ins that are under way.
// Errors: CodeNotFound; CodeUnavailable.
func (a *Auth) EndSessionsOf(ctx context.Context, id UserID) error {
	return a.operate(ctx, a.operation(EventSessionsEnded, id), nil, nil)
}

// RemovePasskeyOf removes the passkey of a user who has lost it, and ends all of
// their sessions; they get a notice of it. Errors: CodeNotFound, also for
// another user's passkey; CodeLastFactor without it they could not sign in;
// CodeUnavailable.
func (a *Auth) RemovePasskeyOf(ctx context.Context, id UserID, credential []byte) error {
	e := a.operation(EventPasskeyRemoved, id)
	e.Method, e.Credential = MethodPasskey, credential
	return a.operate(ctx, e, nil, func(tx Tx, u User) error {
		return a.take(ctx, tx, Current{User: u}, credential, "", func() error { return tx.RemoveCredential(ctx, id, credential) })
	})
}

// operation is an event that the operator causes.
func (a *Auth) operation(what EventType, id UserID) Event {
	return a.failure(Client{}, what, id, "", "")
}

// operate raises the epoch of a user and ends all sessions, applies change and
// then does what with says, where there are such, and records e.
func (a *Auth) operate(ctx context.Context, e Event, change func(*User), with func(Tx, User) error) error {
	err := a.store.Update(ctx, func(tx Tx) error {
		u, err := raiseEpoch(ctx, tx, e.UserID, change)
		if err != nil {
			return err
		}
		if _, err := tx.EndSessions(ctx, u.ID, ""); err != nil {
			return err
		}
		if with != nil {
			if err := with(tx, u); err != nil {
				return err
			}
		}
		return a.addEvent(ctx, tx, u, e, "")
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return ErrMissing
	case err != nil:
		return answerOr(string(e.Type), err)
	}
	a.notify(ctx, e)
	return nil
}
