package mapae

import (
	"context"
	"errors"
	"slices"
)

// waysIn is all that a user can sign in with, or would be able to after a
// change.
type waysIn struct {
	credentials   []Credential
	suspended     []Credential // can't be used, and can't be done without either: see reach
	password      bool
	emailCode     bool       // a code to a proven address
	external      bool       // what the application has
	identities    []Identity // of providers that are configured
	totp          bool
	recoveryCodes int // unused
}

// waysIn reads the ways in of u.
func (a *Auth) waysIn(ctx context.Context, r Reader, u User) (waysIn, error) {
	own, err := r.Credentials(ctx, u.ID)
	if err != nil {
		return waysIn{}, err
	}
	secrets, err := r.Secrets(ctx, u.ID, "")
	if err != nil {
		return waysIn{}, err
	}
	w := waysIn{emailCode: a.offers(MethodEmailCode) && u.proven(), external: a.offers(MethodExternal) && u.ExternalID != "", recoveryCodes: len(unused(secrets))}
	linked, err := r.Identities(ctx, u.ID)
	if err != nil {
		return waysIn{}, err
	}
	for _, i := range linked {
		if a.federated.issuing(i.Provider) != nil {
			w.identities = append(w.identities, i)
		}
	}
	for _, c := range own {
		switch here := a.offers(MethodPasskey) && c.RPID == a.cfg.RP.ID; {
		case here && c.SuspendedAt.IsZero():
			w.credentials = append(w.credentials, c)
		case here:
			w.suspended = append(w.suspended, c)
		}
	}
	for _, s := range secrets {
		w.password = w.password || s.Kind == SecretPassword && a.offers(MethodPassword)
		w.totp = w.totp || s.Kind == SecretTOTP && a.offers(MethodTOTP)
	}
	return w, nil
}

// without returns w less what is taken away.
func (w waysIn) without(credential []byte, kind SecretKind) waysIn {
	w.credentials = slices.DeleteFunc(slices.Clone(w.credentials), func(c Credential) bool {
		return credential != nil && slices.Equal(c.ID, credential)
	})
	w.password = w.password && kind != SecretPassword
	w.totp = w.totp && kind != SecretTOTP
	return w
}

// firstPasskey reports whether a passkey of w may sign in on its own.
func (w waysIn) firstPasskey() bool {
	return slices.ContainsFunc(w.credentials, func(c Credential) bool { return c.FirstFactor })
}

// second reports whether w has a method for a second step.
func (w waysIn) second() bool { return len(w.credentials) > 0 || w.totp }

// single reports whether w has a way in that is one factor.
func (w waysIn) single() bool {
	return w.password || w.emailCode || w.external || len(w.identities) > 0
}

// level is the assurance level that a sign-in with w can reach; 0: none can be
// made.
func (w waysIn) level() int {
	switch {
	case w.firstPasskey(), w.single() && w.second():
		return 2
	case w.single():
		return 1
	}
	return 0
}

// reach is the level with the passkeys that are suspended: what a recovery has
// to make up for. Else whoever can suspend one would weaken the account.
func (w waysIn) reach() int {
	w.credentials = slices.Concat(w.credentials, w.suspended)
	return w.level()
}

// withoutMail reports whether w has a way back in that whoever reads the user's
// mail can neither use nor close: a passkey, or two proofs of a recovery.
func (w waysIn) withoutMail() bool { return w.firstPasskey() || w.totp && w.recoveryCodes > 0 }

// remain is the last-way-in rule, the only one: it reports whether u with the
// ways w can still sign in, with two factors where the policy demands them of
// u. Every change that takes a way in away asks it, with the user's row locked.
func (a *Auth) remain(u User, w waysIn) bool {
	if a.cfg.SecondFactor.requires(u) {
		return w.level() == 2
	}
	return w.level() > 0
}

// take takes a way in of cur's user away, which f writes, unless it is the
// last: CodeLastFactor. The user is locked.
func (a *Auth) take(ctx context.Context, tx Tx, cur Current, credential []byte, kind SecretKind, f func() error) error {
	return a.takeTo(ctx, tx, cur, func(w waysIn) waysIn { return w.without(credential, kind) }, f)
}

// takeTo is take for whatever less leaves away.
func (a *Auth) takeTo(ctx context.Context, tx Tx, cur Current, less func(waysIn) waysIn, f func() error) error {
	now, err := a.waysIn(ctx, tx, cur.User)
	if err != nil {
		return err
	}
	if left := less(now); !a.remain(cur.User, left) && left.level() < now.level() {
		return ErrLastFactor
	}
	return f()
}

// offers reports whether the configuration has the method.
func (a *Auth) offers(name MethodName) bool {
	return slices.ContainsFunc(a.cfg.Methods, func(m Method) bool { return m.Name() == name })
}

// lockOwn locks the user of cur and returns the user's credentials; or
// ErrUnauthenticated where the session has ended since it was read.
func (a *Auth) lockOwn(ctx context.Context, tx Tx, cur Current) ([]Credential, error) {
	if err := a.lock(ctx, tx, cur); err != nil {
		return nil, err
	}
	return tx.Credentials(ctx, cur.User.ID)
}

// lock locks the user of cur, and answers ErrUnauthenticated where user or
// session are no longer what they were.
func (a *Auth) lock(ctx context.Context, tx Tx, cur Current) error {
	_, err := tx.LockUser(ctx, cur.User.ID)
	if err == nil {
		_, _, err = tx.Session(ctx, cur.Session.ID, cur.Session.TokenHash, a.now())
	}
	if errors.Is(err, ErrNotFound) {
		return ErrUnauthenticated
	}
	return err
}
