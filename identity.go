package mapae

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"
)

// Identity is an account elsewhere that its user can sign in with. Provider and
// Subject name it for good; an e-mail address never does.
type Identity struct {
	Provider   string // the issuer of the provider, which stays when it is named anew
	Subject    string // the provider's own ID of the account, which it never gives to another
	UserID     UserID
	Email      string // as the provider told it when it was linked, shown to its user; proves nothing
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
}

// identitySize is the length of an Identity's ID in bytes.
const identitySize = 16

// ID names i in routes, in 16 bytes that tell nothing of the subject.
func (i Identity) ID() []byte {
	sum := sha256.Sum256([]byte(i.Provider + "\x00" + i.Subject))
	return sum[:identitySize]
}

// linkage is what a ticket keeps of an identity that is to be linked.
type linkage struct {
	Issuer  string `json:"i"`
	Subject string `json:"s"`
}

// Identities returns what cur's user has linked, ordered by provider and
// subject. Those of a provider that is configured no more can't be signed in
// with.
func (a *Auth) Identities(ctx context.Context, cur Current) ([]Identity, error) {
	own, err := a.store.Identities(ctx, cur.User.ID)
	if err != nil {
		return nil, broken("read identities", err)
	}
	return own, nil
}

// link links the identity of w with cur's user, in a session that is fresh.
func (a *Auth) link(ctx context.Context, w federatedWay, cur Current) error {
	if err := a.mayChange(cur); err != nil {
		return err
	}
	err := a.change(ctx, w.client, cur, changed{what: EventIdentityLinked, method: MethodFederated}, func(tx Tx) error {
		if err := w.trip.consume(ctx, tx); err != nil {
			return err
		}
		err := tx.AddIdentity(ctx, w.identity(cur.User.ID, a.now()))
		if errors.Is(err, ErrExists) {
			return errLinked
		}
		return err
	})
	if err == errLinked {
		return a.refuseTrip(ctx, w, cur.User.ID, reasonTaken, err)
	}
	return err
}

// errLinked undoes the link of an identity that somebody has.
var errLinked = &Error{Code: CodeConflict, Field: "provider", Err: errors.New("the identity is linked already")}

// Unlink takes an identity of cur's user away, in a session that is fresh. id is
// its Identity.ID. Errors: CodeStepUpRequired; CodeNotFound, also for another
// user's; CodeLastFactor without it the user could not sign in;
// CodeUnauthenticated; CodeUnavailable.
func (a *Auth) Unlink(ctx context.Context, c Client, cur Current, id []byte) error {
	if err := a.mayChange(cur); err != nil {
		return err
	}
	return a.change(ctx, c, cur, changed{what: EventIdentityUnlinked, method: MethodFederated}, func(tx Tx) error {
		own, err := tx.Identities(ctx, cur.User.ID)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(own, func(i Identity) bool { return slices.Equal(i.ID(), id) })
		if at < 0 {
			return ErrNotFound
		}
		return a.takeTo(ctx, tx, cur, func(w waysIn) waysIn { return w.unlinked(own[at]) }, func() error {
			return tx.RemoveIdentity(ctx, cur.User.ID, own[at].Provider, own[at].Subject)
		})
	})
}

// unlinked returns w less an identity.
func (w waysIn) unlinked(i Identity) waysIn {
	w.identities = slices.DeleteFunc(slices.Clone(w.identities), func(own Identity) bool {
		return own.Provider == i.Provider && own.Subject == i.Subject
	})
	return w
}
