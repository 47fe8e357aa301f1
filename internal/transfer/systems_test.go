package transfer_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/transfer"
	"github.com/mapae/mapae/webauthn"
)

const springTables = `CREATE TABLE user_entities (id varchar(1000) NOT NULL, name varchar(100) NOT NULL, display_name varchar(200), PRIMARY KEY (id));
CREATE TABLE user_credentials (credential_id varchar(1000) NOT NULL, user_entity_user_id varchar(1000) NOT NULL, public_key {blob} NOT NULL,
signature_count bigint, uv_initialized boolean, backup_eligible boolean NOT NULL, authenticator_transports varchar(1000),
public_key_credential_type varchar(100), backup_state boolean NOT NULL, attestation_object {blob}, attestation_client_data_json {blob},
created {time}, last_used {time}, label varchar(1000) NOT NULL, PRIMARY KEY (credential_id));
CREATE TABLE users (username varchar(50) NOT NULL PRIMARY KEY, password varchar(500) NOT NULL, enabled boolean NOT NULL)`

var created = time.Date(2024, 2, 29, 12, 30, 0, 0, time.UTC)

func TestSpringSecurityIsRead(t *testing.T) {
	t.Parallel()
	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			whole, bare, other := newDevice(t, "kim\x00handle"), newDevice(t, "lee"), newDevice(t, "lee")
			passkey := func(d device, object []byte) []any {
				return []any{"user_credentials", base64url(d.made.ID), base64url(d.made.UserHandle), d.key, 0, true, true, "internal,hybrid", "public-key", true,
					object, nil, created, created, "My phone"}
			}
			wrong := passkey(other, nil)
			wrong[4] = -1
			from := e.fill(t, springTables,
				[]any{"user_entities", base64url(whole.made.UserHandle), "Kim@example.com", "Kim"}, passkey(whole, whole.object(t)),
				[]any{"user_entities", base64url(bare.made.UserHandle), "lee", nil}, passkey(bare, nil), wrong,
				[]any{"user_entities", "not base64!", "broken@example.com", "B"},
				[]any{"users", "Kim@example.com", "{bcrypt}$2a$12$abc", true}, []any{"users", "lee", "{noop}secret", false})
			s := newSite(t)
			accounts, results := s.take(t, "spring", from, transfer.Options{})
			cur := s.signIn(t, whole)
			if u := cur.User; u.ID != "kim\x00handle" || u.Login != "Kim@example.com" || u.Email != u.Login || u.EmailKey != "" || u.Name != "Kim" || u.ExternalID != u.Login || cur.Session.AAL() != 2 {
				t.Errorf("user %+v, level %d", u, cur.Session.AAL())
			}
			own, err := s.store.Credentials(t.Context(), cur.User.ID)
			if err != nil || len(own) != 1 || own[0].Name != "My phone" || !own[0].CreatedAt.Equal(created) || len(own[0].Transports) != 2 || own[0].AAGUID == (webauthn.AAGUID{}) {
				t.Errorf("%+v, %v", own, err)
			}
			if got := accounts["Kim@example.com"].Notes; !slices.Equal(got, []string{"its password (bcrypt) can't be taken over"}) {
				t.Errorf("notes %q", got)
			}
			if u, err := s.store.User(t.Context(), "lee"); err != nil || !u.Disabled() || u.LoginKey != "lee" {
				t.Errorf("%+v, %v", u, err)
			}
			if lee := accounts["lee"]; len(lee.Passkeys) != 1 || len(lee.Unread) != 1 || !strings.Contains(lee.Unread[0], "c_signature_count is not a number") || results["lee"].Passkeys[0].Verdict != mapae.ImportAdded {
				t.Errorf("%+v, %+v", lee, results["lee"])
			}
			if a := accounts["broken@example.com"]; a.Err == nil {
				t.Errorf("%+v", a)
			}
		})
	}
}

const allauthTables = `CREATE TABLE auth_user (id integer NOT NULL PRIMARY KEY, password varchar(128) NOT NULL, last_login {time}, is_superuser boolean NOT NULL,
username varchar(150) NOT NULL UNIQUE, last_name varchar(150) NOT NULL, email varchar(254) NOT NULL, is_staff boolean NOT NULL, is_active boolean NOT NULL,
date_joined {time} NOT NULL, first_name varchar(150) NOT NULL);
CREATE TABLE account_emailaddress (id integer NOT NULL PRIMARY KEY, verified boolean NOT NULL, "primary" boolean NOT NULL, user_id integer NOT NULL, email varchar(254) NOT NULL);
CREATE TABLE mfa_authenticator (id bigint NOT NULL PRIMARY KEY, type varchar(20) NOT NULL, data {json} NOT NULL, user_id integer NOT NULL, created_at {time} NOT NULL, last_used_at {time})`

func TestDjangoAllauthIsRead(t *testing.T) {
	t.Parallel()
	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			kim := newDevice(t, "rs") // 1,000 in base 36
			data := fmt.Sprintf(`{"name": "Master key", "credential": %s}`, kim.response)
			user := func(id int, name, email, password string, active bool) []any {
				return []any{"auth_user", id, password, nil, false, name, "Kim", email, false, active, created, "Ada"}
			}
			from := e.fill(t, allauthTables, user(1000, "kim", "old@example.com", "pbkdf2_sha256$600000$salt$hash", true), user(1001, "lee", "", "!x", false),
				[]any{"account_emailaddress", 1, true, true, 1000, "kim@example.com"}, []any{"account_emailaddress", 2, true, false, 1000, "second@example.com"},
				[]any{"mfa_authenticator", 1, "webauthn", data, 1000, created, nil}, []any{"mfa_authenticator", 2, "recovery_codes", `{"seed": "x"}`, 1000, created, nil},
				[]any{"mfa_authenticator", 3, "totp", `{"secret": "x"}`, 1000, created, nil}, []any{"mfa_authenticator", 4, "webauthn", `{"name": "x"}`, 1001, created, nil},
				[]any{"mfa_authenticator", 5, "webauthn", `[]`, 1001, created, nil})
			s := newSite(t)
			accounts, _ := s.take(t, "allauth", from, transfer.Options{})
			cur := s.signIn(t, kim)
			if u := cur.User; u.ID != "rs" || u.Login != "kim@example.com" || u.EmailKey != "kim@example.com" || u.Name != "Ada Kim" || u.ExternalID != "1000" || !u.CreatedAt.Equal(created) {
				t.Errorf("user %+v", u)
			}
			if got := strings.Join(accounts["kim@example.com"].Notes, "; "); !strings.Contains(got, "its password (pbkdf2_sha256)") || !strings.Contains(got, "recovery codes") || !strings.Contains(got, "one factor less") {
				t.Errorf("notes %q", got)
			}
			if lee := accounts["lee"]; len(lee.Unread) != 2 || len(lee.Notes) != 0 || lee.User.DisabledAt.IsZero() {
				t.Errorf("%+v", lee)
			}
			err := transfer.Read(t.Context(), "allauth", from, transfer.Options{UserTable: "x; DROP"}, nil)
			if err == nil || !strings.Contains(err.Error(), "is not the name of a table") {
				t.Error(err)
			}
		})
	}
}

// A project with a user model of its own, whose ID is a UUID.
func TestDjangoAllauthWithUUIDsIsRead(t *testing.T) {
	t.Parallel()
	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			id := uuid("0123456789abcdef")
			kim := newDevice(t, strings.ReplaceAll(id, "-", ""))
			kind := "char(32)"
			if e.name == "PostgreSQL" {
				kind = "uuid"
			} else {
				id = strings.ReplaceAll(id, "-", "")
			}
			from := e.fill(t, "CREATE TABLE accounts_user (id "+kind+` NOT NULL PRIMARY KEY, email varchar(254) NOT NULL);
				CREATE TABLE mfa_authenticator (id bigint NOT NULL PRIMARY KEY, type varchar(20) NOT NULL, data {json} NOT NULL, user_id `+kind+` NOT NULL, created_at {time} NOT NULL, last_used_at {time})`,
				[]any{"accounts_user", id, "kim@example.com"}, []any{"mfa_authenticator", 1, "webauthn", fmt.Sprintf(`{"name":"K","credential":%s}`, kim.response), id, created, nil})
			s := newSite(t)
			s.take(t, "allauth", from, transfer.Options{UserTable: "accounts_user"})
			if u := s.signIn(t, kim).User; string(u.ID) != string(kim.made.UserHandle) || u.EmailKey != "" {
				t.Errorf("user %+v", u)
			}
		})
	}
}

const hankoTables = `CREATE TABLE users (id uuid NOT NULL PRIMARY KEY, created_at {time} NOT NULL, updated_at {time} NOT NULL);
CREATE TABLE emails (id uuid NOT NULL PRIMARY KEY, user_id uuid, address varchar(255) NOT NULL, verified boolean NOT NULL, created_at {time} NOT NULL);
CREATE TABLE primary_emails (id uuid NOT NULL PRIMARY KEY, email_id uuid NOT NULL, user_id uuid NOT NULL);
CREATE TABLE usernames (id uuid NOT NULL PRIMARY KEY, user_id uuid NOT NULL, username varchar(255) NOT NULL);
CREATE TABLE password_credentials (id uuid NOT NULL PRIMARY KEY, user_id uuid NOT NULL, password varchar(255) NOT NULL);
CREATE TABLE otp_secrets (id uuid NOT NULL PRIMARY KEY, user_id uuid NOT NULL, secret varchar(255) NOT NULL);
CREATE TABLE webauthn_credentials (id varchar(255) NOT NULL PRIMARY KEY, user_id uuid NOT NULL, public_key text NOT NULL, attestation_type varchar(255) NOT NULL,
aaguid uuid NOT NULL, sign_count integer NOT NULL, created_at {time} NOT NULL, updated_at {time} NOT NULL, name varchar(255), last_used_at {time},
backup_eligible boolean NOT NULL, backup_state boolean NOT NULL, mfa_only boolean NOT NULL, user_handle_id uuid);
CREATE TABLE webauthn_credential_transports (id uuid NOT NULL PRIMARY KEY, name varchar(255) NOT NULL, webauthn_credential_id varchar(255) NOT NULL)`

func TestHankoIsRead(t *testing.T) {
	t.Parallel()
	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			id, lee := "kim0123456789abc", "lee0123456789abc"
			kim, moved, key := newDevice(t, id), newDevice(t, "a handle of its own"), newDevice(t, lee)
			passkey := func(d device, user string, only bool, handle any) []any {
				return []any{"webauthn_credentials", base64url(d.made.ID), uuid(user), base64url(d.key), "none", "00000000-0000-0000-0000-000000000000", 0, created, created,
					"iPhone", nil, true, true, only, handle}
			}
			from := e.fill(t, hankoTables, []any{"users", uuid(id), created, created}, []any{"users", uuid(lee), created, created},
				[]any{"emails", uuid("mail000000000001"), uuid(id), "kim@example.com", true, created}, []any{"emails", uuid("mail000000000002"), uuid(id), "other@example.com", true, created},
				[]any{"primary_emails", uuid("p000000000000001"), uuid("mail000000000001"), uuid(id)}, []any{"usernames", uuid("n000000000000001"), uuid(lee), "lee"},
				[]any{"password_credentials", uuid("w000000000000001"), uuid(id), "$2a$12$abc"}, []any{"otp_secrets", uuid("o000000000000001"), uuid(id), "x"},
				passkey(kim, id, false, nil), passkey(moved, id, false, uuid("h000000000000001")), passkey(key, lee, true, nil),
				[]any{"webauthn_credential_transports", uuid("t000000000000001"), "internal", base64url(kim.made.ID)},
				[]any{"webauthn_credential_transports", uuid("t000000000000002"), "hybrid", base64url(kim.made.ID)})
			s := newSite(t)
			accounts, results := s.take(t, "hanko", from, transfer.Options{})
			for _, d := range []device{kim, moved} {
				if u := s.signIn(t, d).User; string(u.ID) != id || u.EmailKey != "kim@example.com" || u.ExternalID != uuid(id) {
					t.Errorf("user %+v", u)
				}
			}
			own, err := s.store.Credentials(t.Context(), mapae.UserID(id))
			at := slices.IndexFunc(own, func(c mapae.Credential) bool { return slices.Equal(c.ID, kim.made.ID) })
			if err != nil || len(own) != 2 || len(own[at].Transports) != 2 || own[at].ForeignHandle || !own[1-at].ForeignHandle || own[at].Name != "iPhone" {
				t.Errorf("%+v, %v", own, err)
			}
			if got := strings.Join(accounts["kim@example.com"].Notes, "; "); !strings.Contains(got, "its password (bcrypt)") || !strings.Contains(got, "one factor less") {
				t.Errorf("notes %q", got)
			}
			if r := results["lee"]; r.Passkeys[0] != (mapae.ImportFinding{Verdict: mapae.ImportAdded, Note: "it is a second factor only"}) {
				t.Errorf("%+v", r)
			}
		})
	}
}

const authJSTables = `CREATE TABLE "User" (id text NOT NULL PRIMARY KEY, name text, email text NOT NULL UNIQUE, "emailVerified" {time}, image text);
CREATE TABLE "Account" ("userId" text NOT NULL, type text NOT NULL, provider text NOT NULL, "providerAccountId" text NOT NULL, PRIMARY KEY (provider, "providerAccountId"));
CREATE TABLE "Authenticator" ("credentialID" text NOT NULL UNIQUE, "userId" text NOT NULL, "providerAccountId" text NOT NULL, "credentialPublicKey" text NOT NULL,
counter integer NOT NULL, "credentialDeviceType" text NOT NULL, "credentialBackedUp" boolean NOT NULL, transports text, PRIMARY KEY ("userId", "credentialID"))`

func TestAuthJSIsRead(t *testing.T) {
	t.Parallel()
	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			kim, second := newDevice(t, "a random handle"), newDevice(t, "another one")
			passkey := func(id, kind string, d device) []any {
				return []any{"Authenticator", id, "clx0kim", id, base64std(d.key), 0, kind, true, "internal,hybrid"}
			}
			quoted := func(r []any) []any { r[0] = fmt.Sprintf("%q", r[0]); return r }
			from := e.fill(t, authJSTables, []any{`"User"`, "clx0kim", "Kim", "kim@example.com", created, nil}, []any{`"User"`, "clx0lee", nil, "lee@example.com", nil, nil},
				quoted(passkey(base64std(kim.made.ID), "multiDevice", kim)), quoted(passkey(base64url(second.made.ID), "singleDevice", second)), quoted(passkey("AAAA", "unknown", second)))
			s := newSite(t)
			accounts, _ := s.take(t, "authjs", from, transfer.Options{})
			for d, level := range map[*device]int{&kim: 2, &second: 1} {
				cur := s.signIn(t, *d)
				if u := cur.User; u.ID != "clx0kim" || u.EmailKey != "kim@example.com" || !u.EmailVerifiedAt.Equal(created) || cur.Session.AAL() != level {
					t.Errorf("user %+v, level %d, want %d", u, cur.Session.AAL(), level)
				}
			}
			if a := accounts["kim@example.com"]; len(a.Unread) != 1 || !strings.Contains(a.Unread[0], "credentialDeviceType") {
				t.Errorf("%+v", a)
			}
			if a, ok := accounts["lee@example.com"]; !ok || a.Err != nil || len(a.Passkeys) != 0 {
				t.Errorf("%+v", a)
			}
		})
	}
}

// lines writes lines into a file.
func lines(t *testing.T, text ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "accounts.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(text, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestGoWebAuthnIsRead(t *testing.T) {
	t.Parallel()
	kim, lee := newDevice(t, "kim\xff\xfe"), newDevice(t, "lee")
	credential := func(d device, more map[string]any) map[string]any {
		c := map[string]any{"id": d.made.ID, "publicKey": d.key, "attestationType": "none", "transport": []string{"internal"},
			"authenticator": map[string]any{"AAGUID": make([]byte, 16), "signCount": 0, "cloneWarning": false, "attachment": "platform"}}
		for name, value := range more {
			c[name] = value
		}
		return c
	}
	line := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	flags := map[string]any{"userPresent": true, "userVerified": true, "backupEligible": true, "backupState": true}
	from := lines(t,
		line(map[string]any{"id": kim.made.UserHandle, "name": "kim@example.com", "displayName": "Kim", "emailVerified": true,
			"credentials": []any{credential(kim, map[string]any{"flags": flags, "attestation": map[string]any{"object": kim.object(t)}})}}),
		"", line(map[string]any{"id": base64url(lee.made.UserHandle), "name": "lee", "email": "lee@example.com", "secondFactorOnly": true, "credentials": []any{credential(lee, nil)}}),
		`{"id":"!","name":"x"}`, `{"id":`, `[]`)
	s := newSite(t)
	accounts, results := s.take(t, "go-webauthn", from, transfer.Options{})
	if cur := s.signIn(t, kim); string(cur.User.ID) != "kim\xff\xfe" || cur.User.EmailKey != "kim@example.com" || cur.User.Name != "Kim" || cur.Session.AAL() != 2 {
		t.Errorf("user %+v, level %d", cur.User, cur.Session.AAL())
	}
	if a := accounts["lee"]; len(a.Notes) != 1 || results["lee"].Passkeys[0].Note != "it is a second factor only" || a.User.Email != "lee@example.com" {
		t.Errorf("%+v, %+v", a, results["lee"])
	}
	for _, label := range []string{"x", "line 5", "line 6"} {
		if a, ok := accounts[label]; !ok || a.Err == nil {
			t.Errorf("%s: %+v", label, a)
		}
	}
}
