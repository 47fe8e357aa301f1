package mapae

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/mapae/mapae/internal/seal"
)

// keyring is the root keys in use, and what was made with them. It never
// changes: another one takes its place. A flow that needs it twice loads it
// once.
type keyring struct {
	*seal.Ring
	keys        []RootKey // newest first
	nobodysTOTP Secret    // stands in for who has no authenticator app, so that time does not tell
}

func newKeyring(rand io.Reader, keys []RootKey) (*keyring, error) {
	k := &keyring{keys: slices.Clone(keys)}
	derived := make([]seal.Key, len(keys))
	for i, key := range keys {
		derived[i] = seal.Key(key)
	}
	var err error
	if k.Ring, err = seal.NewRing(rand, derived, sealChallenge, sealTicket, sealSecret, sealLink, sealMail, sealState, sealDevice); err != nil {
		return nil, err
	}
	k.nobodysTOTP = Secret{Kind: SecretTOTP, Data: k.Seal(sealSecret, make([]byte, totpKey))}
	return k, nil
}

// throttleMAC names a count of tries. It is keyed by the oldest key, which stays
// the same while others are added and promoted, so that no node counts apart
// from the others and a promotion gives nobody new tries.
func (k *keyring) throttleMAC(what []byte) [32]byte {
	mac, _ := k.MAC(macThrottle, k.keys[len(k.keys)-1].ID(), what)
	return [32]byte(mac)
}

// Rotate puts keys, newest first, in the place of the root keys in use, without
// a pause: a call that is under way goes on with those that it began with, and
// what was sealed before opens as long as its key is among keys. The rules are
// those of New. Any error leaves the keys in use as they are; CodeUnavailable
// where the store could not be asked.
//
// A new key goes through three steps, each on every node before the next: it is
// added as RootKey.OpenOnly, it is promoted and seals, the old one is retired by
// RetireKey and left out.
func (a *Auth) Rotate(ctx context.Context, keys []RootKey) error {
	next, err := newKeyring(a.cfg.Rand, keys)
	if err != nil {
		return fmt.Errorf("mapae: root keys: %w", err)
	}
	if err := a.checkKeys(ctx, next); err != nil {
		return fmt.Errorf("mapae: %w", err)
	}
	a.ring.Store(next)
	return nil
}

// checkKeys compares the ring with the keys that the store lists, which are
// those that something was sealed under. All listed ones must be in the ring;
// the one that seals is listed, unless a newer one is: then it was retired.
func (a *Auth) checkKeys(ctx context.Context, k *keyring) error {
	listed, err := a.store.KeyChecks(ctx)
	if err != nil {
		return broken("read the store's list of root keys", err)
	}
	if err := MatchKeys(listed, k.keys); err != nil {
		return err
	}
	isListed := func(key RootKey) bool {
		return slices.ContainsFunc(listed, func(l KeyCheck) bool { return l.ID == key.ID() })
	}
	seals := slices.IndexFunc(k.keys, func(key RootKey) bool { return !key.OpenOnly })
	newest := slices.IndexFunc(k.keys, isListed)
	id, check := k.keys[seals].ID(), seal.Key(k.keys[seals]).Check()
	switch {
	case isListed(k.keys[seals]):
		return nil
	case newest >= 0 && newest < seals:
		return fmt.Errorf("root key %s would seal here, but it was retired, and the newer %s is in use: promote that one here too", id, k.keys[newest].ID())
	}
	err = a.store.Update(ctx, func(tx Tx) error { return tx.AddKeyCheck(ctx, KeyCheck{ID: id, Check: check}) })
	if err != nil {
		return broken("list the root key in the store", err)
	}
	return nil
}
