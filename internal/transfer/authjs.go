package transfer

import (
	"context"
	"fmt"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// readAuthJS reads the tables of Auth.js, as Prisma or Drizzle name them. It
// made each passkey under a random user handle and kept none of them, so that
// all have foreign ones; whether a user was verified it did not keep either.
func readAuthJS(ctx context.Context, d *database, _ Options, each func(Account) error) error {
	users, userColumns, err := d.table(ctx, "User", "user", "users")
	if err != nil {
		return err
	}
	passkeys, columns, err := d.table(ctx, "Authenticator", "authenticator", "authenticators")
	if err != nil {
		return fmt.Errorf("%w: is this the database of an application with passkeys of Auth.js?", err)
	}
	query := "SELECT " + pick("u", userColumns, "id", "name", "email", "emailVerified", "createdAt", "password") + ", " +
		pick("c", columns, "credentialID", "credentialPublicKey", "counter", "credentialDeviceType", "credentialBackedUp", "transports") +
		" FROM " + users + " u LEFT JOIN " + passkeys + ` c ON c."userId" = u.id ORDER BY u.id, c."credentialID"`
	return d.accounts(ctx, query, "u_id", authJSUser, authJSPasskey, each)
}

func authJSUser(r *row) Account {
	id := r.text("u_id")
	u := mapae.User{ID: mapae.UserID(id), ExternalID: id, Login: r.text("u_email"), Email: r.text("u_email"), EmailVerifiedAt: r.time("u_emailVerified"),
		Name: r.text("u_name"), CreatedAt: r.time("u_createdAt")}
	if u.Login == "" {
		u.Login = u.Name
	}
	a := Account{Imported: mapae.Imported{User: u}, Label: u.Login}
	a.lostPassword(r.text("u_password"))
	return a
}

func authJSPasskey(a *Account, r *row) {
	if r.null("c_credentialID") {
		return
	}
	id, err := decode64(r.text("c_credentialID"))
	key, keyErr := decode64(r.text("c_credentialPublicKey"))
	if err == nil && keyErr != nil {
		err = fmt.Errorf("credentialPublicKey: %w", keyErr)
	}
	kind := r.text("c_credentialDeviceType")
	if err == nil && kind != "multiDevice" && kind != "singleDevice" {
		err = fmt.Errorf("credentialDeviceType is %.20q", kind)
	}
	a.take(mapae.ImportedPasskey{Credential: mapae.Credential{
		Credential: webauthn.Credential{ID: id, PublicKey: key, SignCount: r.count("c_counter"), BackupEligible: kind == "multiDevice",
			BackupState: r.flag("c_credentialBackedUp"), Transports: splitList(r.text("c_transports"))},
		FirstFactor: true, ForeignHandle: true,
	}}, r, r.text("c_credentialID"), err)
}
