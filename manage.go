package mapae

import (
	"context"
	"errors"
	"slices"
)

// Passkeys returns the user's passkeys, newest first.
func (a *Auth) Passkeys(ctx context.Context, cur Current) ([]Credential, error) {
	own, err := a.store.Credentials(ctx, cur.User.ID)
	if err != nil {
		return nil, broken("read credentials", err)
	}
	return own, nil
}

// RenamePasskey gives the user's passkey id another name, of 1 to 64
// characters. Errors: CodeBadRequest with the field name; CodeNotFound;
// CodeUnauthenticated; CodeUnavailable.
func (a *Auth) RenamePasskey(ctx context.Context, c Client, cur Current, id []byte, name string) (Credential, error) {
	if err := checkName(name); err != nil {
		return Credential{}, badField("name", err)
	}
	var renamed Credential
	err := a.change(ctx, c, cur, changed{what: EventPasskeyRenamed, method: MethodPasskey, credential: id}, func(tx Tx) error {
		if err := tx.RenameCredential(ctx, cur.User.ID, id, name); err != nil {
			return err
		}
		var err error
		renamed, _, err = tx.Credential(ctx, id)
		return err
	})
	return renamed, err
}

// RemovePasskey removes the user's passkey id, in a session that is fresh.
// Errors: CodeStepUpRequired; CodeNotFound; CodeLastFactor without it the user
// could not sign in; CodeUnauthenticated; CodeUnavailable.
func (a *Auth) RemovePasskey(ctx context.Context, c Client, cur Current, id []byte) error {
	if err := a.mayChange(cur); err != nil {
		return err
	}
	name, err := a.passkeyName(ctx, cur, id)
	if err != nil {
		return err
	}
	return a.change(ctx, c, cur, changed{what: EventPasskeyRemoved, method: MethodPasskey, credential: id, about: name}, func(tx Tx) error {
		return a.take(ctx, tx, cur, id, "", func() error { return tx.RemoveCredential(ctx, cur.User.ID, id) })
	})
}

// passkeyName is what the user calls their passkey id, for a mail about it.
func (a *Auth) passkeyName(ctx context.Context, cur Current, id []byte) (string, error) {
	if a.cfg.Mailer == nil {
		return "", nil
	}
	own, err := a.Passkeys(ctx, cur)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(own, func(c Credential) bool { return slices.Equal(c.ID, id) })
	if i < 0 {
		return "", ErrMissing
	}
	return own[i].Name, nil
}

// removeSecret removes the user's secrets of a kind, in a session that is fresh.
func (a *Auth) removeSecret(ctx context.Context, c Client, cur Current, kind SecretKind, what changed) error {
	if err := a.mayChange(cur); err != nil {
		return err
	}
	return a.change(ctx, c, cur, what, func(tx Tx) error {
		return a.take(ctx, tx, cur, nil, kind, func() error {
			n, err := tx.RemoveSecrets(ctx, cur.User.ID, kind)
			if err == nil && n == 0 {
				return ErrNotFound
			}
			return err
		})
	})
}

// changed is the event of a change in an account.
type changed struct {
	what       EventType
	method     MethodName
	credential []byte
	about      string // how people call what it is about, for a mail; empty: nothing of it
	user       *User  // as the change leaves them, where a mail has to know; nil: as they were
}

// change runs f with the user of cur locked, and records what it did. What f
// returns as *Error is the answer; ErrNotFound becomes CodeNotFound.
func (a *Auth) change(ctx context.Context, c Client, cur Current, ch changed, f func(Tx) error) error {
	e := a.event(c, ch.what, cur.User.ID)
	e.SessionID, e.Method, e.Credential = cur.Session.ID, ch.method, ch.credential
	err := a.store.Update(ctx, func(tx Tx) error {
		if err := a.lock(ctx, tx, cur); err != nil {
			return err
		}
		if err := f(tx); err != nil {
			return err
		}
		u := cur.User
		if ch.user != nil {
			u = *ch.user
		}
		return a.addEvent(ctx, tx, u, e, ch.about)
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return ErrMissing
	case err != nil:
		return answerOr(string(ch.what), err)
	}
	a.notify(ctx, e)
	return nil
}

// Sessions returns the user's live sessions, newest first.
func (a *Auth) Sessions(ctx context.Context, cur Current) ([]Session, error) {
	all, err := a.store.Sessions(ctx, cur.User.ID, a.now())
	if err != nil {
		return nil, broken("read sessions", err)
	}
	return all, nil
}

// EndSession ends one of the user's sessions. Errors: CodeNotFound, also for
// another user's session; CodeUnauthenticated; CodeUnavailable.
func (a *Auth) EndSession(ctx context.Context, c Client, cur Current, id SessionID) error {
	return a.change(ctx, c, cur, changed{what: EventSignOut}, func(tx Tx) error {
		return tx.EndSession(ctx, cur.User.ID, id)
	})
}

// SignOut ends the session cur. A session that ended already is no error.
func (a *Auth) SignOut(ctx context.Context, c Client, cur Current) error {
	err := a.EndSession(ctx, c, cur, cur.Session.ID)
	if errors.Is(err, ErrMissing) || errors.Is(err, ErrUnauthenticated) {
		return nil
	}
	return err
}

// EndOtherSessions ends all sessions of the user but cur, sign-ins that are
// under way too: it raises the user's epoch. The session cur goes on under a
// new token. Errors: CodeUnauthenticated; CodeUnavailable.
func (a *Auth) EndOtherSessions(ctx context.Context, c Client, cur Current) (Admitted, error) {
	return a.renew(ctx, c, cur, changed{what: EventSessionsEnded}, nil)
}

// renew raises the epoch of cur's user, ends all sessions but cur, gives cur a
// new token, and runs f where there is one, in one transaction.
func (a *Auth) renew(ctx context.Context, c Client, cur Current, ch changed, f func(Tx) error) (Admitted, error) {
	in := Admitted{Session: cur.Session}
	in.Token, in.Session.TokenHash = a.newToken(cur.Session.ID)
	err := a.change(ctx, c, cur, ch, func(tx Tx) error {
		user, err := raiseEpoch(ctx, tx, cur.User.ID, nil)
		if err != nil {
			return err
		}
		if _, err := tx.EndSessions(ctx, user.ID, cur.Session.ID); err != nil {
			return err
		}
		in.User, in.Session.Epoch = user, user.Epoch
		verdict, err := tx.Admit(ctx, Admission{Session: in.Session, Rotate: &cur.Session.TokenHash})
		switch {
		case err != nil:
			return err
		case !verdict.Admitted():
			return ErrUnauthenticated
		case f != nil:
			return f(tx)
		}
		return nil
	})
	if err != nil {
		return Admitted{}, err
	}
	return in, nil
}

// raiseEpoch locks the user, raises the epoch, which ends every session and
// ticket made under the old one, and applies change.
func raiseEpoch(ctx context.Context, tx Tx, id UserID, change func(*User)) (User, error) {
	user, err := tx.LockUser(ctx, id)
	if err != nil {
		return User{}, err
	}
	user.Epoch++
	if change != nil {
		change(&user)
	}
	return user, tx.UpdateUser(ctx, user)
}
