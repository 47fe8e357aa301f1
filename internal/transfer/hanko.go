package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// readHanko reads the tables of Hanko: the user handle is the 16 bytes of the
// user's UUID, but for passkeys that Hanko itself has imported.
func readHanko(ctx context.Context, d *database, _ Options, each func(Account) error) error {
	users, userColumns, err := d.table(ctx, "users")
	if err != nil {
		return err
	}
	passkeys, columns, err := d.table(ctx, "webauthn_credentials")
	if err != nil {
		return fmt.Errorf("%w: is this the database of Hanko?", err)
	}
	query := "SELECT " + pick("u", userColumns, "id", "created_at") + ", " +
		pick("c", columns, "id", "name", "public_key", "aaguid", "sign_count", "backup_eligible", "backup_state", "mfa_only", "user_handle_id", "created_at", "last_used_at")
	from := " FROM " + users + " u LEFT JOIN " + passkeys + " c ON c.user_id = u.id"
	for _, also := range []struct{ alias, table, join, column string }{
		{"p", "primary_emails", "p.user_id = u.id", "email_id"},
		{"e", "emails", "e.id = p.email_id", "address"},
		{"n", "usernames", "n.user_id = u.id", "username"},
		{"w", "password_credentials", "w.user_id = u.id", "password"},
		{"o", "otp_secrets", "o.user_id = u.id", "id"},
		{"t", "webauthn_credential_transports", "t.webauthn_credential_id = c.id", "name"},
	} {
		table, columns, err := d.table(ctx, also.table)
		needed := also.table == "emails" || also.table == "primary_emails"
		if err != nil && (needed || !errors.Is(err, errNoTable)) {
			return err
		}
		if err == nil {
			query += ", " + pick(also.alias, columns, also.column, "verified")
			from += " LEFT JOIN " + table + " " + also.alias + " ON " + also.join
		}
	}
	return d.accounts(ctx, query+from+" ORDER BY u.id, c.id", "u_id", hankoUser, hankoPasskey, each)
}

func hankoUser(r *row) Account {
	id, err := decodeUUID(r.text("u_id"))
	u := mapae.User{ID: mapae.UserID(id[:]), ExternalID: r.text("u_id"), Email: r.text("e_address"), CreatedAt: r.time("u_created_at")}
	if u.Email != "" && r.flag("e_verified") {
		u.EmailVerifiedAt = time.Now()
	}
	if u.Login = u.Email; u.Login == "" {
		u.Login = r.text("n_username")
	}
	a := Account{Imported: mapae.Imported{User: u}, Label: u.Login, Err: err}
	a.lostPassword(r.text("w_password"))
	if !r.null("o_id") {
		a.lost(lostTOTP)
	}
	return a
}

// hankoPasskey takes a row for a passkey and one of its transports.
func hankoPasskey(a *Account, r *row) {
	if r.null("c_id") {
		return
	}
	id, err := decode64(r.text("c_id"))
	if n := len(a.Passkeys); err == nil && n > 0 && bytes.Equal(a.Passkeys[n-1].ID, id) {
		if name := r.text("t_name"); name != "" && r.err == nil {
			a.Passkeys[n-1].Transports = append(a.Passkeys[n-1].Transports, name)
		}
		return
	}
	key, keyErr := decode64(r.text("c_public_key"))
	if err == nil && keyErr != nil {
		err = fmt.Errorf("public_key: %w", keyErr)
	}
	aaguid, _ := decodeUUID(r.text("c_aaguid")) // zeros: not told
	p := mapae.ImportedPasskey{Credential: mapae.Credential{
		Credential: webauthn.Credential{ID: id, PublicKey: key, SignCount: r.count("c_sign_count"), BackupEligible: r.flag("c_backup_eligible"),
			BackupState: r.flag("c_backup_state"), AAGUID: aaguid},
		Name: r.text("c_name"), CreatedAt: r.time("c_created_at"), LastUsedAt: r.time("c_last_used_at"),
		FirstFactor: !r.flag("c_mfa_only"), ForeignHandle: !r.null("c_user_handle_id"),
	}}
	if name := r.text("t_name"); name != "" {
		p.Transports = []string{name}
	}
	a.take(p, r, r.text("c_id"), err)
}
