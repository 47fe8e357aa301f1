package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// readSpring reads the JDBC tables of Spring Security's webAuthn(): IDs as
// base64url, public keys as COSE_Key, transports joined by commas. Where its
// table of users is there too, passwords and disabled accounts are seen.
func readSpring(ctx context.Context, d *database, _ Options, each func(Account) error) error {
	users, userColumns, err := d.table(ctx, "user_entities")
	if err != nil {
		return fmt.Errorf("%w: is this the database of an application with Spring Security's webAuthn()?", err)
	}
	passkeys, columns, err := d.table(ctx, "user_credentials")
	if err != nil {
		return err
	}
	query := "SELECT " + pick("u", userColumns, "id", "name", "display_name") + ", " +
		pick("c", columns, "credential_id", "public_key", "signature_count", "uv_initialized", "backup_eligible", "backup_state",
			"authenticator_transports", "attestation_object", "created", "last_used", "label")
	from := " FROM " + users + " u LEFT JOIN " + passkeys + " c ON c.user_entity_user_id = u.id"
	switch logins, loginColumns, err := d.table(ctx, "users"); {
	case err == nil:
		query += ", " + pick("l", loginColumns, "password", "enabled")
		from += " LEFT JOIN " + logins + " l ON l.username = u.name"
	case !errors.Is(err, errNoTable): // or who is disabled there would not be here
		return err
	}
	return d.accounts(ctx, query+from+" ORDER BY u.id, c.credential_id", "u_id", springUser, springPasskey, each)
}

func springUser(r *row) Account {
	a := Account{Label: r.text("u_name")}
	id, err := decode64(r.text("u_id"))
	if err != nil {
		a.Err = fmt.Errorf("user_entities.id: %w", err)
	}
	a.User = mapae.User{ID: mapae.UserID(id), Login: r.text("u_name"), Email: mailOf(r.text("u_name")), Name: r.text("u_display_name"), ExternalID: r.text("u_name")}
	if !r.null("l_enabled") && !r.flag("l_enabled") {
		a.User.DisabledAt = time.Now()
	}
	a.lostPassword(r.text("l_password"))
	return a
}

func springPasskey(a *Account, r *row) {
	if r.null("c_credential_id") {
		return
	}
	id, err := decode64(r.text("c_credential_id"))
	p := mapae.ImportedPasskey{Credential: mapae.Credential{
		Credential: webauthn.Credential{ID: id, PublicKey: r.bytes("c_public_key"), SignCount: r.count("c_signature_count"),
			UVInitialized: r.flag("c_uv_initialized"), BackupEligible: r.flag("c_backup_eligible"), BackupState: r.flag("c_backup_state"),
			Transports: splitList(r.text("c_authenticator_transports"))},
		Name: r.text("c_label"), CreatedAt: r.time("c_created"), LastUsedAt: r.time("c_last_used"), FirstFactor: true,
	}}
	if object := r.bytes("c_attestation_object"); len(object) > 0 { // tells the RP ID and the model
		p.Registration = &webauthn.RegistrationResponse{ID: id, AttestationObject: object}
	}
	a.take(p, r, r.text("c_credential_id"), err)
}
