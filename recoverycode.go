package mapae

import (
	"context"
	"errors"
	"strings"
)

// Recovery codes: ten of 80 random bits, in Crockford's alphabet, which has no
// letters that look alike, in groups of four.
const (
	recoveryCodes   = 10
	recoveryLetters = 16
	crockford       = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// RecoveryCodesLeft returns how many of the user's recovery codes are unused.
func (a *Auth) RecoveryCodesLeft(ctx context.Context, cur Current) (int, error) {
	all, err := a.store.Secrets(ctx, cur.User.ID, SecretRecoveryCode)
	if err != nil {
		return 0, broken("read recovery codes", err)
	}
	return len(unused(all)), nil
}

// NewRecoveryCodes replaces all recovery codes of the user by ten new ones, in
// a session that is fresh. They are shown once: only their HMACs are kept.
// Errors: CodeStepUpRequired; CodeUnauthenticated; CodeUnavailable.
func (a *Auth) NewRecoveryCodes(ctx context.Context, c Client, cur Current) ([]string, error) {
	if err := a.mayChange(cur); err != nil {
		return nil, err
	}
	var codes []string
	err := a.change(ctx, c, cur, changed{what: EventRecoveryCodesMade, method: MethodRecoveryCode}, func(tx Tx) (err error) {
		if _, err := tx.RemoveSecrets(ctx, cur.User.ID, SecretRecoveryCode); err != nil {
			return err
		}
		if err := a.unbar(ctx, tx, cur.User.ID, MethodRecoveryCode); err != nil {
			return err
		}
		codes, err = a.addRecoveryCodes(ctx, tx, cur.User.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// firstRecoveryCodes makes recovery codes for a user who never had any. The
// user's row is locked, so two first passkeys make one set.
func (a *Auth) firstRecoveryCodes(ctx context.Context, tx Tx, user UserID) ([]string, error) {
	all, err := tx.Secrets(ctx, user, SecretRecoveryCode)
	if err != nil || len(all) > 0 {
		return nil, err
	}
	return a.addRecoveryCodes(ctx, tx, user)
}

func (a *Auth) addRecoveryCodes(ctx context.Context, tx Tx, user UserID) ([]string, error) {
	codes, ring := make([]string, recoveryCodes), a.ring.Load()
	for i := range codes {
		letters := a.letters(recoveryLetters)
		s := Secret{ID: a.orderedID(a.now()), UserID: user, Kind: SecretRecoveryCode, KeyID: ring.KeyID(), CreatedAt: a.now()}
		s.Data, _ = ring.MAC(macRecoveryCode, s.KeyID, recoveryMessage(user, letters))
		if err := tx.AddSecret(ctx, s); err != nil {
			return nil, err
		}
		codes[i] = letters[:4] + "-" + letters[4:8] + "-" + letters[8:12] + "-" + letters[12:]
	}
	return codes, nil
}

// letters returns n random letters of Crockford's alphabet, 5 bits each.
func (a *Auth) letters(n int) string {
	raw := make([]byte, n)
	a.random(raw)
	for i, b := range raw {
		raw[i] = crockford[b%32] // 256 is a multiple of 32: no letter is likelier
	}
	return string(raw)
}

// recoveryMessage is what is authenticated for a code: it is one user's.
func recoveryMessage(user UserID, letters string) []byte { return []byte(letters + string(user)) }

// readLetters returns the n letters of a code as a person may type it: any
// case, with spaces and dashes, O for 0, I and L for 1. Empty: it is none.
func readLetters(typed string, n int) string {
	if len(typed) > 4*n {
		return ""
	}
	letters := strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(typed))
	if len(letters) != n || strings.Trim(letters, crockford) != "" {
		return ""
	}
	return letters
}

// findRecoveryCode returns the secret of user that typed is the code of, used
// or not; false: there is none. It is looked up by its MAC under each root key
// in turn, so that who has no codes, or is nobody, costs the same.
func (a *Auth) findRecoveryCode(ctx context.Context, user UserID, typed string) (found Secret, ok bool, err error) {
	letters, ring := readLetters(typed, recoveryLetters), a.ring.Load()
	if letters == "" {
		return Secret{}, false, nil
	}
	for _, keyID := range ring.KeyIDs() {
		mac, _ := ring.MAC(macRecoveryCode, keyID, recoveryMessage(user, letters))
		s, err := a.store.SecretByData(ctx, user, SecretRecoveryCode, mac)
		switch {
		case err == nil:
			found, ok = s, true
		case !errors.Is(err, ErrNotFound):
			return Secret{}, false, broken("look up a recovery code", err)
		}
	}
	return found, ok, nil
}

// unused returns the recovery codes in all that were not used.
func unused(all []Secret) []Secret {
	var left []Secret
	for _, s := range all {
		if s.Kind == SecretRecoveryCode && s.UsedAt.IsZero() {
			left = append(left, s)
		}
	}
	return left
}
