package mapae

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"github.com/mapae/mapae/webauthn"
)

// Imported is an account that another system made, as it kept it.
type Imported struct {
	// User has a user handle as ID, a Login, and what else is known: Email,
	// EmailVerifiedAt where the other system proved it, Name, Locale, ExternalID,
	// CreatedAt, DisabledAt. What is derived is left empty.
	User     User
	Passkeys []ImportedPasskey
}

// ImportedPasskey is a passkey or security key of it.
type ImportedPasskey struct {
	// Credential has the ID and what else is known. FirstFactor: it let its user
	// in without anything else. RPID may be empty: the other system did not keep
	// it. PublicKey is a COSE_Key in any form, and is not needed beside a
	// Registration.
	Credential
	// Registration is the response that the authenticator gave, if it was kept;
	// nil: it was not.
	Registration *webauthn.RegistrationResponse
}

// ImportVerdict says what became of something imported.
type ImportVerdict string

const (
	ImportAdded   ImportVerdict = "added"
	ImportThere   ImportVerdict = "there" // by an earlier import; left as it is
	ImportRefused ImportVerdict = "refused"
)

// ImportFinding is a verdict and, where there is something to say, why or what
// will be different, in English words for the operator.
type ImportFinding struct {
	Verdict ImportVerdict
	Note    string
}

// ImportResult has a finding for the account, and one for each passkey.
type ImportResult struct {
	User     ImportFinding
	Passkeys []ImportFinding
}

// errDryRun undoes what a dry run has done.
var errDryRun = errors.New("mapae: dry run")

// Import adds an account that another system made, in one transaction: user
// handle, credential IDs and keys are kept byte for byte. An account with the
// same user handle, and the same login, proven address or a passkey, is the
// same: what it lacks is added, and nothing else changes, so it can be imported
// again; what was removed or deleted here does not come back. With dry nothing
// is written, and the result is what it would be.
//
// What can't work here is refused with a note, and is no error: a passkey for
// another RP ID, of an algorithm or with a key that is not accepted, or with an
// ID that another account has; an account whose login, proven address or user
// handle another one has. Nobody is told by mail; the record of the account has each passkey
// as EventPasskeyAdded with the reason "import". Errors: CodeUnavailable.
func (a *Auth) Import(ctx context.Context, in Imported, dry bool) (ImportResult, error) {
	user, note, err := a.importedUser(in.User)
	if err != nil {
		return refusedImport(in, err.Error()), nil
	}
	var result ImportResult
	var events []Event
	err = a.store.Update(ctx, func(tx Tx) error {
		result, events = ImportResult{Passkeys: make([]ImportFinding, len(in.Passkeys))}, nil
		finding, u, err := a.importUser(ctx, tx, user, in.Passkeys)
		if err != nil {
			return err
		}
		if finding.Verdict == ImportRefused {
			result = refusedImport(in, finding.Note)
			return nil
		}
		result.User = finding
		if finding.Verdict == ImportAdded {
			result.User.Note = note
		}
		for i, p := range in.Passkeys {
			if result.Passkeys[i], err = a.importPasskey(ctx, tx, u, p, &events); err != nil {
				return err
			}
		}
		if dry {
			return errDryRun
		}
		return nil
	})
	switch {
	case err != nil && err != errDryRun:
		return ImportResult{}, broken("import an account", err)
	case err == nil:
		a.notify(ctx, events...)
	}
	return result, nil
}

func refusedImport(in Imported, why string) ImportResult {
	r := ImportResult{User: ImportFinding{ImportRefused, why}}
	for range in.Passkeys {
		r.Passkeys = append(r.Passkeys, ImportFinding{ImportRefused, "its account is refused"})
	}
	return r
}

// importUser adds u, or finds it where it was imported before.
func (a *Auth) importUser(ctx context.Context, tx Tx, u User, passkeys []ImportedPasskey) (ImportFinding, User, error) {
	own, err := tx.LockUser(ctx, u.ID)
	switch {
	case err == nil:
		finding, err := importedBefore(ctx, tx, own, u, passkeys)
		return finding, own, err
	case !errors.Is(err, ErrNotFound):
		return ImportFinding{}, User{}, err
	}
	gone, err := happened(ctx, tx, u.ID, func(e Event) bool { return e.Type == EventAccountDeleted })
	if err != nil || gone {
		return ImportFinding{ImportRefused, "it was deleted here"}, User{}, err
	}
	err = tx.AddUser(ctx, u)
	if !errors.Is(err, ErrExists) {
		return ImportFinding{Verdict: ImportAdded}, u, err
	}
	why := "another account has its external ID"
	if _, err := tx.UserByEmail(ctx, u.EmailKey); err == nil {
		why = "another account has proven its address"
	} else if !errors.Is(err, ErrNotFound) {
		return ImportFinding{}, User{}, err
	}
	if _, err := tx.UserByLogin(ctx, u.LoginKey); err == nil {
		why = "another account has its login"
	} else if !errors.Is(err, ErrNotFound) {
		return ImportFinding{}, User{}, err
	}
	return ImportFinding{ImportRefused, why}, User{}, nil
}

// importedBefore says whether own, who has the user handle of u, is u. Handles
// of other systems may be as short as the number of a row, and those of two
// systems the same: who has another login is u only by a passkey or a proven
// address of theirs. A stranger's passkeys would open the account.
func importedBefore(ctx context.Context, tx Tx, own, u User, passkeys []ImportedPasskey) (ImportFinding, error) {
	if own.LoginKey == u.LoginKey {
		return ImportFinding{Verdict: ImportThere}, nil
	}
	is := "its login is " + own.Login + " here"
	theirs, err := tx.Credentials(ctx, own.ID)
	if err != nil {
		return ImportFinding{}, err
	}
	known := slices.ContainsFunc(theirs, func(c Credential) bool {
		return slices.ContainsFunc(passkeys, func(p ImportedPasskey) bool { return bytes.Equal(p.ID, c.ID) })
	})
	if !known && (u.EmailKey == "" || own.EmailKey != u.EmailKey) {
		return ImportFinding{ImportRefused, is + ", and none of its passkeys is there: it may be another's with the same user handle"}, nil
	}
	return ImportFinding{ImportThere, is}, nil
}

// importPasskey adds p to u, who is locked.
func (a *Auth) importPasskey(ctx context.Context, tx Tx, u User, p ImportedPasskey, events *[]Event) (ImportFinding, error) {
	c, note, err := a.importedPasskey(u.ID, p)
	if err != nil {
		return ImportFinding{ImportRefused, err.Error()}, nil
	}
	own, err := tx.Credentials(ctx, u.ID)
	if err != nil {
		return ImportFinding{}, err
	}
	if slices.ContainsFunc(own, func(o Credential) bool { return bytes.Equal(o.ID, c.ID) }) {
		return ImportFinding{Verdict: ImportThere}, nil
	}
	if len(own) >= maxPasskeys {
		return ImportFinding{ImportRefused, fmt.Sprintf("its account has %d passkeys", len(own))}, nil
	}
	removed, err := happened(ctx, tx, u.ID, func(e Event) bool { return e.Type == EventPasskeyRemoved && bytes.Equal(e.Credential, c.ID) })
	if err != nil || removed {
		return ImportFinding{ImportRefused, "it was removed here"}, err
	}
	c.Name = a.freeName(c, own)
	err = tx.AddCredential(ctx, c)
	if errors.Is(err, ErrExists) {
		return ImportFinding{ImportRefused, "another account has a passkey with its ID"}, nil
	}
	if err != nil {
		return ImportFinding{}, err
	}
	e := a.event(Client{}, EventPasskeyAdded, u.ID)
	e.Credential, e.Reason = c.ID, "import"
	*events = append(*events, e)
	return ImportFinding{ImportAdded, note}, tx.AddEvent(ctx, e)
}

// happened reports whether one of a user's events was what is asked for: what
// was taken away here must not come back by an import.
func happened(ctx context.Context, tx Tx, user UserID, what func(Event) bool) (bool, error) {
	const page = 1000
	for before := EventID(""); ; {
		events, err := tx.Events(ctx, user, before, page)
		if err != nil || slices.ContainsFunc(events, what) {
			return err == nil, err
		}
		if len(events) < page {
			return false, nil
		}
		before = events[page-1].ID
	}
}

// importedUser is u as it will be stored, and what is to be said of it. The
// error says why it can't be.
func (a *Auth) importedUser(u User) (_ User, note string, err error) {
	out := User{ID: u.ID, Login: u.Login, Email: u.Email, ExternalID: u.ExternalID, Locale: u.Locale, CreatedAt: past(u.CreatedAt, a.now()), DisabledAt: u.DisabledAt}
	if len(u.ID) < 1 || len(u.ID) > 64 {
		return User{}, "", fmt.Errorf("its user handle has %d bytes, and not 1 to 64", len(u.ID))
	}
	var notes []string
	if out.LoginKey, err = importedKey(u.Login); err != nil {
		return User{}, "", fmt.Errorf("its login is neither an address nor a name: %w", err)
	}
	if checkEmail(u.Login) != nil && u.Email == "" {
		notes = append(notes, "its login is no e-mail address: nothing can be mailed to it")
	}
	if key, err := loginKey(u.Email); err != nil {
		if out.Email = ""; u.Email != "" {
			notes = append(notes, "its e-mail address can't be read, and is left out")
		}
	} else if !u.EmailVerifiedAt.IsZero() {
		out.EmailKey, out.EmailVerifiedAt = key, past(u.EmailVerifiedAt, a.now())
	}
	if checkLocale(u.Locale) != nil {
		out.Locale = ""
	}
	if len(u.ExternalID) > maxExternalID || !utf8.ValidString(u.ExternalID) || strings.Contains(u.ExternalID, "\x00") {
		return User{}, "", errors.New("its external ID can't be kept")
	}
	out.Name = fitName(u.Name)
	if out.Name == "" {
		out.Name = fitName(u.Login)
	}
	if out.Disabled() {
		notes = append(notes, "it is disabled")
	}
	return out, strings.Join(notes, "; "), nil
}

// importedKey is loginKey for a login that need not be an address.
func importedKey(login string) (string, error) {
	if key, err := loginKey(login); err == nil {
		return key, nil
	}
	if err := checkName(login); err != nil {
		return "", err
	}
	return precis.UsernameCaseMapped.String(login)
}

// fitName is name without what checkName refuses, cut at its limit.
func fitName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || invisible(r) {
			return -1
		}
		return r
	}, name)
	runes := []rune(strings.TrimSpace(name))
	return strings.TrimSpace(string(runes[:min(len(runes), maxName)]))
}

// past is at, or now where that is unknown or to come.
func past(at, now time.Time) time.Time {
	if at.IsZero() || at.After(now) {
		return now
	}
	return at
}
