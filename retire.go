package mapae

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mapae/mapae/internal/seal"
)

const (
	retireBatch  = 200 // secrets or mails that are read, and at most sealed anew in one transaction
	retirePasses = 3
)

// KeyUse is what in the store depends on a root key.
type KeyUse struct {
	Listed        bool     // the store lists the key: something was sealed under it once
	TOTP          int      // keys of authenticator apps, which RetireKey seals anew
	Mails         int      // mails that wait to be sent, which RetireKey seals anew
	RecoveryCodes int      // unused recovery codes, which end with the key
	Owners        []UserID // whose codes these are, each once
}

// KeyUse returns what in the store depends on the root key with that ID
// (RootKey.ID). What people hold can't be counted: challenges (at most 15
// minutes), tickets (10), links and invitations (as long as they were made for),
// those in mails that wait to be sent among them. It reads all secrets and the
// whole outbox, some hundred at a time. Error: CodeUnavailable.
func (a *Auth) KeyUse(ctx context.Context, id string) (KeyUse, error) {
	listed, err := a.store.KeyChecks(ctx)
	if err != nil {
		return KeyUse{}, broken("read the store's list of root keys", err)
	}
	use := KeyUse{Listed: slices.ContainsFunc(listed, func(l KeyCheck) bool { return l.ID == id })}
	seen := map[UserID]bool{}
	err = a.eachUnder(ctx, id, func(page []Secret) error {
		for _, s := range page {
			if s.Kind == SecretTOTP {
				use.TOTP++
			}
		}
		for _, s := range unused(page) {
			use.RecoveryCodes++
			if !seen[s.UserID] {
				seen[s.UserID], use.Owners = true, append(use.Owners, s.UserID)
			}
		}
		return nil
	})
	if err != nil {
		return use, err
	}
	return use, a.eachMailUnder(ctx, id, func(page []Mail) error { use.Mails += len(page); return nil })
}

// RetireKey ends the root key with that ID, which seals on no node any more: it
// seals the keys of authenticator apps and the mails that wait to be sent anew,
// removes the recovery codes that were made under it, with an event for each of
// their owners, sees that nothing is left, and takes the key off the store's
// list. Leave it out of every node's keys then. It may be called again after any
// error.
//
// What was counted of wrong tries begins anew where the key was the oldest.
//
// Errors: CodeNotFound it is not among the keys in use; CodeConflict it seals
// here, or a secret or mail was made under it meanwhile, so that it seals on
// another node; CodeUnavailable; another, where a secret or a mail can't be opened.
func (a *Auth) RetireKey(ctx context.Context, id string) error {
	ring := a.ring.Load()
	i := slices.IndexFunc(ring.keys, func(k RootKey) bool { return k.ID() == id })
	switch {
	case i < 0:
		return fail(CodeNotFound, fmt.Errorf("root key %s is not among those in use (%s)", id, strings.Join(ring.KeyIDs(), ", ")))
	case id == ring.KeyID():
		return fail(CodeConflict, fmt.Errorf("root key %s seals: promote another one first", id))
	}
	if err := a.freeAll(ctx, ring, id); err != nil {
		return err
	}
	err := a.store.Update(ctx, func(tx Tx) error {
		if err := tx.RemoveKeyCheck(ctx, id); !errors.Is(err, ErrNotFound) {
			return err
		}
		return nil // never listed, or retired before
	})
	if err != nil {
		return broken("take a root key off the list", err)
	}
	// Whoever added a secret or a mail while the last pass ran is seen now.
	late, err := a.free(ctx, ring, id)
	if err == nil && late > 0 {
		err = errStillSeals(id)
	}
	if err == nil {
		return nil
	}
	check := KeyCheck{ID: id, Check: seal.Key(ring.keys[i]).Check()}
	if listed := a.store.Update(ctx, func(tx Tx) error { return tx.AddKeyCheck(ctx, check) }); listed != nil {
		return errors.Join(err, broken("list a root key", listed))
	}
	return err
}

func errStillSeals(id string) error {
	return fail(CodeConflict, fmt.Errorf("secrets or mails are still made under root key %s: on some node it seals; promote the new key there first", id))
}

// freeAll frees the key until there is nothing left to free.
func (a *Auth) freeAll(ctx context.Context, ring *keyring, id string) error {
	for range retirePasses {
		if n, err := a.free(ctx, ring, id); err != nil || n == 0 {
			return err
		}
	}
	return errStillSeals(id)
}

// free seals anew, or removes, what depends on the root key, and returns how
// many secrets and mails that were.
func (a *Auth) free(ctx context.Context, ring *keyring, id string) (n int, err error) {
	err = a.eachUnder(ctx, id, func(page []Secret) error {
		n += len(page)
		var apps []Secret
		owners := map[UserID]bool{}
		for _, s := range page {
			switch s.Kind {
			case SecretTOTP:
				apps = append(apps, s)
			case SecretRecoveryCode:
				owners[s.UserID] = true
			default:
				return fmt.Errorf("mapae: a secret of kind %q depends on root key %s", s.Kind, id)
			}
		}
		if err := a.reseal(ctx, ring, apps); err != nil {
			return err
		}
		for owner := range owners {
			if err := a.endRecoveryCodes(ctx, owner, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return n, err
	}
	return n, a.eachMailUnder(ctx, id, func(page []Mail) error {
		n += len(page)
		return a.resealMails(ctx, ring, page)
	})
}

// reseal seals the keys of authenticator apps under the key that seals now. One
// that was replaced or removed meanwhile is left alone.
func (a *Auth) reseal(ctx context.Context, ring *keyring, apps []Secret) error {
	next := slices.Clone(apps)
	for i, s := range apps {
		key, _, err := ring.Open(sealSecret, s.Data)
		if err != nil {
			return fmt.Errorf("mapae: the authenticator app of user %s: %w", s.UserID, err)
		}
		next[i].Data, next[i].KeyID = ring.Seal(sealSecret, key), ring.KeyID()
	}
	err := a.store.Update(ctx, func(tx Tx) error {
		for i, s := range next {
			if _, err := tx.ReplaceSecret(ctx, s, apps[i].Data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return broken("seal authenticator apps anew", err)
	}
	return nil
}

// endRecoveryCodes removes the recovery codes of a user, if one depends on the
// root key: they were made together. The next passkey or authenticator app
// makes new ones.
func (a *Auth) endRecoveryCodes(ctx context.Context, user UserID, keyID string) error {
	e := a.event(Client{}, EventRecoveryCodesRemoved, user)
	e.Method, e.Reason = MethodRecoveryCode, reasonKeyRetired
	removed := false
	err := a.store.Update(ctx, func(tx Tx) error {
		removed = false
		if _, err := tx.LockUser(ctx, user); err != nil {
			return err
		}
		codes, err := tx.Secrets(ctx, user, SecretRecoveryCode)
		if err != nil || !slices.ContainsFunc(codes, func(s Secret) bool { return s.KeyID == keyID }) {
			return err
		}
		if _, err := tx.RemoveSecrets(ctx, user, SecretRecoveryCode); err != nil {
			return err
		}
		removed = true
		return tx.AddEvent(ctx, e)
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return nil // the account is gone, and its codes with it
	case err != nil:
		return broken("remove recovery codes", err)
	case removed:
		a.notify(ctx, e)
	}
	return nil
}

// eachUnder calls f with all secrets that depend on the root key, a page at a
// time.
func (a *Auth) eachUnder(ctx context.Context, id string, f func([]Secret) error) error {
	for after := ""; ; {
		page, err := a.store.SecretsUnder(ctx, id, after, retireBatch)
		switch {
		case err != nil:
			return broken("read secrets", err)
		case len(page) == 0:
			return nil
		}
		if err := f(page); err != nil {
			return err
		}
		after = page[len(page)-1].ID
	}
}

// resealMails seals mails that wait under the key that seals now. One that was
// sent meanwhile is left alone.
func (a *Auth) resealMails(ctx context.Context, ring *keyring, page []Mail) error {
	next := make([][]byte, len(page))
	for i, m := range page {
		plain, _, err := ring.Open(sealMail, m.Data)
		if err != nil {
			return fmt.Errorf("mapae: mail %s in the outbox: %w", m.ID, err)
		}
		next[i] = ring.Seal(sealMail, plain)
	}
	err := a.store.Update(ctx, func(tx Tx) error {
		for i, m := range page {
			if _, err := tx.ReplaceMail(ctx, m.ID, next[i], m.Data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return broken("seal mails anew", err)
	}
	return nil
}

// eachMailUnder calls f with all mails that wait and were sealed under the root
// key, some at a time.
func (a *Auth) eachMailUnder(ctx context.Context, id string, f func([]Mail) error) error {
	for after := MailID(""); ; {
		page, err := a.store.Mails(ctx, after, retireBatch)
		switch {
		case err != nil:
			return broken("read the outbox", err)
		case len(page) == 0:
			return nil
		}
		after = page[len(page)-1].ID
		under := slices.DeleteFunc(page, func(m Mail) bool { return seal.KeyOf(m.Data) != id })
		if len(under) == 0 {
			continue
		}
		if err := f(under); err != nil {
			return err
		}
	}
}
