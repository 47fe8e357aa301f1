package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// readAllauth reads the tables of django-allauth: mfa_authenticator, in whose
// JSON the response of each registration was kept, the table of Django's users,
// and account_emailaddress where it is there.
func readAllauth(ctx context.Context, d *database, o Options, each func(Account) error) error {
	name := o.UserTable
	if name == "" {
		name = "auth_user"
	}
	if !simpleName.MatchString(name) {
		return fmt.Errorf("%q is not the name of a table", name)
	}
	users, userColumns, err := d.table(ctx, name)
	if err != nil {
		return fmt.Errorf("%w: name that of the project's user model", err)
	}
	devices, columns, err := d.table(ctx, "mfa_authenticator")
	if err != nil {
		return fmt.Errorf("%w: is this the database of a project with allauth.mfa?", err)
	}
	query := "SELECT " + pick("u", userColumns, "id", "username", "email", "first_name", "last_name", "password", "is_active", "date_joined") + ", " +
		pick("a", columns, "id", "type", "data", "created_at", "last_used_at")
	from := " FROM " + users + " u LEFT JOIN " + devices + " a ON a.user_id = u.id"
	switch mails, mailColumns, err := d.table(ctx, "account_emailaddress"); {
	case err == nil:
		query += ", " + pick("e", mailColumns, "email", "verified")
		from += " LEFT JOIN " + mails + ` e ON e.user_id = u.id AND e."primary"`
	case !errors.Is(err, errNoTable):
		return err
	}
	return d.accounts(ctx, query+from+" ORDER BY u.id, a.id", "u_id", allauthUser, allauthDevice, each)
}

// allauthUser makes the user handle as allauth does: an ID that is a number in
// base 36, a UUID without hyphens, another as it is.
func allauthUser(r *row) Account {
	id := r.text("u_id")
	handle := strings.ToLower(id)
	if _, err := decodeUUID(id); err == nil {
		handle = strings.ReplaceAll(handle, "-", "")
	} else {
		handle = id
	}
	if n, ok := r.values["u_id"].(int64); ok {
		handle = strconv.FormatInt(n, 36)
	}
	u := mapae.User{ID: mapae.UserID(handle), ExternalID: id, Email: r.text("u_email"), CreatedAt: r.time("u_date_joined"),
		Name: strings.TrimSpace(r.text("u_first_name") + " " + r.text("u_last_name"))}
	if address := r.text("e_email"); address != "" {
		u.Email = address
		if r.flag("e_verified") {
			u.EmailVerifiedAt = time.Now()
		}
	}
	if u.Login = u.Email; u.Login == "" {
		u.Login = r.text("u_username")
	}
	if !r.null("u_is_active") && !r.flag("u_is_active") {
		u.DisabledAt = time.Now()
	}
	a := Account{Imported: mapae.Imported{User: u}, Label: u.Login}
	a.lostPassword(r.text("u_password"))
	return a
}

func allauthDevice(a *Account, r *row) {
	switch kind := r.text("a_type"); kind {
	case "":
	case "webauthn":
		p, err := allauthPasskey(r)
		a.take(p, r, "mfa_authenticator "+r.text("a_id"), err)
	case "totp":
		a.lost(lostTOTP)
	default:
		a.lost(fmt.Sprintf("its %.20s are not taken over", strings.ReplaceAll(kind, "_", " ")))
	}
}

func allauthPasskey(r *row) (mapae.ImportedPasskey, error) {
	var data struct {
		Name       string          `json:"name"`
		Credential json.RawMessage `json:"credential"`
	}
	if err := json.Unmarshal(r.bytes("a_data"), &data); err != nil {
		return mapae.ImportedPasskey{}, fmt.Errorf("data: %w", err)
	}
	response, err := webauthn.ParseRegistration(data.Credential)
	if err != nil {
		return mapae.ImportedPasskey{}, fmt.Errorf("data.credential: %w", err)
	}
	return mapae.ImportedPasskey{Registration: response, Credential: mapae.Credential{
		Credential: webauthn.Credential{ID: response.ID}, Name: data.Name, FirstFactor: true,
		CreatedAt: r.time("a_created_at"), LastUsedAt: r.time("a_last_used_at")}}, nil
}
