package transfer

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mapae/mapae"
)

// Account is what another system kept of one.
type Account struct {
	mapae.Imported
	Label  string   // how its operator finds it: its login, or where it stands
	Notes  []string // what there was that can't be taken over
	Unread []string // passkeys that can't be read, and why
	Err    error    // the account can't be read, and nothing else is told
}

// Options are what a source can't tell by itself.
type Options struct {
	UserTable string // of Django's users; empty: auth_user
}

// Systems are the names that Read knows.
func Systems() []string {
	return []string{"allauth", "authjs", "go-webauthn", "hanko", "mapae", "spring"}
}

// Read calls each with every account that a system kept in from, one after the
// other: a SQLite file or the URL of a PostgreSQL database ("postgres://…"); for
// go-webauthn and mapae a file of lines of JSON, "-" for standard input. It
// stops at the first error of each, which it returns. What is wrong with one
// account is in its Err; an error of Read is of all.
func Read(ctx context.Context, system, from string, o Options, each func(Account) error) error {
	switch system {
	case "go-webauthn":
		return readLines(from, goWebAuthnLine, each)
	case "mapae":
		return readLines(from, ownLine, each)
	}
	read, ok := map[string]func(context.Context, *database, Options, func(Account) error) error{
		"spring": readSpring, "allauth": readAllauth, "hanko": readHanko, "authjs": readAuthJS,
	}[system]
	if !ok {
		return fmt.Errorf("%q is none of %s", system, strings.Join(Systems(), ", "))
	}
	d, err := open(ctx, from)
	if err != nil {
		return err
	}
	return errors.Join(read(ctx, d, o, each), d.Close())
}

// take adds a passkey, unless err or r says that it can't be read.
func (a *Account) take(p mapae.ImportedPasskey, r *row, label string, err error) {
	if err = cmp.Or(err, r.err); err != nil {
		a.unread(label, err)
		return
	}
	a.Passkeys = append(a.Passkeys, p)
}

// unread notes a passkey that can't be read.
func (a *Account) unread(id any, err error) {
	a.Unread = append(a.Unread, fmt.Sprintf("%.60v: %v", id, err))
}

// lost notes what can't be taken over, once.
func (a *Account) lost(what string) {
	if !slices.Contains(a.Notes, what) {
		a.Notes = append(a.Notes, what)
	}
}

// lostPassword notes a password by its hash: "{bcrypt}$2a$…", "argon2$…".
func (a *Account) lostPassword(hash string) {
	if hash == "" || strings.HasPrefix(hash, "!") { // Django: none that can be used
		return
	}
	kind, _, _ := strings.Cut(strings.TrimLeft(hash, "{$"), "$")
	kind, _, _ = strings.Cut(kind, "}")
	if strings.HasPrefix(kind, "2") {
		kind = "bcrypt"
	}
	a.lost(fmt.Sprintf("its password (%.20s) can't be taken over", kind))
}

const lostTOTP = "its authenticator app (TOTP) is not taken over: until it is added anew the account has one factor less"

// decode64 reads base64 of either alphabet, with padding or without it, as the
// systems write it.
func decode64(text string) ([]byte, error) {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) == 0 || strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("it is not base64")
	}
	return raw, nil
}

// decodeUUID reads a UUID, with hyphens or without them.
func decodeUUID(text string) (id [16]byte, err error) {
	raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(raw) != len(id) {
		return id, fmt.Errorf("%.60q is not a UUID", text)
	}
	return [16]byte(raw), nil
}

// mailOf returns a login that may be an e-mail address, or nothing.
func mailOf(login string) string {
	if !strings.Contains(login, "@") {
		return ""
	}
	return login
}

// splitList reads "usb,nfc".
func splitList(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}
