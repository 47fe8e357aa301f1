package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/sqlite"
)

// The tables of version 1, with somebody who has of everything, an address that
// was proven, one that is not what its user signs in with, and a mail that
// waits; and with what an application keeps beside them.
const versionOne = `
INSERT INTO mapae_users (id, login, login_key, email, email_verified_at, name, locale, external_id, epoch, created_at, disabled_at) VALUES
(x'01', 'Zoë@Example.com', 'zoë@example.com', 'Zoë@Example.com', 7, 'Zoë', 'ko', 'x-1', 3, 5, 0),
(x'02', 'plain@example.com', 'plain@example.com', 'plain@example.com', 0, 'Plain', '', '', 0, 6, 0),
(x'03', 'name', 'name', 'other@example.com', 8, 'Other', '', '', 0, 6, 9);
INSERT INTO mapae_credentials (id, user_id, sign_count, last_used_at, backup_eligible, backup_state, last_used_agent, public_key, algorithm,
uv_initialized, first_factor, transports, aaguid, rp_id, name, created_at, attestation_format, attestation_object, attestation_client_data) VALUES
(x'01', x'01', 4, 5, 1, 1, 'Browser', x'02', -7, 1, 1, '["usb"]', x'00', 'example.com', 'Key', 6, 'none', x'', x'');
INSERT INTO mapae_sessions (id, token_hash, user_id, epoch, seen_at, idle_ends_at, ends_at, created_at, app, uses, address, user_agent) VALUES
(x'05', zeroblob(32), x'01', 3, 1, 20, 30, 1, 0, '[{"method":"passkey","at":1}]', '192.0.2.1', 'Browser');
INSERT INTO mapae_secrets (id, user_id, kind, data, key_id, step, created_at, used_at) VALUES (x'06', x'01', 'password', x'02', '', 0, 1, 0);
INSERT INTO mapae_identities (provider, subject, user_id, email, created_at, last_used_at) VALUES ('p', 's', x'01', 'zoë@elsewhere', 1, 2);
INSERT INTO mapae_outbox (id, user_id, recipient, kind, locale, data, created_at, due_at, attempts, last_error) VALUES
(x'01', x'01', 'zoë@example.com', 'notice', 'ko', x'02', 1, 2, 3, 'later');
INSERT INTO mapae_migrations (version_id, is_applied) VALUES (1, 1);
CREATE TABLE orders (number INTEGER PRIMARY KEY, buyer BLOB REFERENCES mapae_users (id));
INSERT INTO orders VALUES (1, x'01');
CREATE VIEW buyers AS SELECT name FROM mapae_users JOIN orders ON buyer = id;`

// fileOfVersionOne makes a file with the tables of version 1 and what is in them,
// and does more to it.
func fileOfVersionOne(t *testing.T, more string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "mapae.db")
	tables, err := os.ReadFile("migrations/00001_tables.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	const versions = `CREATE TABLE mapae_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL,
	tstamp TIMESTAMP DEFAULT (datetime('now'))); INSERT INTO mapae_migrations (version_id, is_applied) VALUES (0, 1);`
	if _, err := db.ExecContext(t.Context(), versions+string(tables)+versionOne+";"+more); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatIsNotOursIsNotLostByAnUpgrade(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{
		"told":             "CREATE TRIGGER told AFTER INSERT ON mapae_users BEGIN SELECT 1; END",
		"named":            "CREATE INDEX named ON mapae_credentials (name)",
		"loud":             "CREATE TRIGGER loud AFTER INSERT ON MAPAE_Users BEGIN SELECT 1; END",
		"mapae_users_name": "CREATE INDEX mapae_users_name ON mapae_users (name)",
		"extra":            "ALTER TABLE mapae_users ADD COLUMN extra TEXT",
		"other":            "ALTER TABLE mapae_credentials ADD COLUMN other TEXT",
		"made":             "ALTER TABLE mapae_users ADD COLUMN made TEXT GENERATED ALWAYS AS (lower(login)) VIRTUAL",
	} {
		path := fileOfVersionOne(t, more)
		_, err := sqlite.Open(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), "of somebody else, which would be lost: "+name) {
			t.Errorf("%s: %v", more, err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		version := 0
		if err := db.QueryRowContext(t.Context(), "SELECT max(version_id) FROM mapae_migrations").Scan(&version); err != nil || version != 1 {
			t.Errorf("%s: version %d, %v", more, version, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTablesOfVersionOneAreBroughtUpToDateWithWhatIsInThem(t *testing.T) {
	t.Parallel()
	path := fileOfVersionOne(t, "")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	zoe := mapae.User{
		ID: "\x01", Login: "Zoë@Example.com", LoginKey: "zoë@example.com", Email: "Zoë@Example.com", EmailKey: "zoë@example.com",
		EmailVerifiedAt: time.UnixMicro(7).UTC(), Name: "Zoë", Locale: "ko", ExternalID: "x-1", Epoch: 3, CreatedAt: time.UnixMicro(5).UTC(),
	}
	for _, key := range []string{"plain@example.com", "other@example.com", "name", ""} {
		if u, err := s.UserByEmail(ctx, key); !errors.Is(err, mapae.ErrNotFound) {
			t.Errorf("%s: %+v, %v", key, u, err)
		}
	}
	if u, err := s.UserByEmail(ctx, "zoë@example.com"); err != nil || u != zoe {
		t.Errorf("the user with a proven address: %+v, %v", u, err)
	}
	c, u, err := s.Credential(ctx, []byte{1})
	if err != nil || u != zoe || !c.SuspendedAt.IsZero() || c.SignCount != 4 || c.Name != "Key" {
		t.Errorf("the credential: %+v of %+v, %v", c, u, err)
	}
	if i, u, err := s.Identity(ctx, "p", "s"); err != nil || u != zoe || i.Email != "zoë@elsewhere" {
		t.Errorf("the identity: %+v of %+v, %v", i, u, err)
	}
	if x, u, err := s.Session(ctx, "\x05", [32]byte{}, time.UnixMicro(2)); err != nil || u != zoe || x.Uses[0].Method != mapae.MethodPasskey {
		t.Errorf("the session: %+v of %+v, %v", x, u, err)
	}
	if all, err := s.Secrets(ctx, zoe.ID, ""); err != nil || len(all) != 1 || all[0].Kind != "password" {
		t.Errorf("the secrets: %+v, %v", all, err)
	}
	err = s.Update(ctx, func(tx mapae.Tx) error {
		list, err := tx.ClaimMail(ctx, time.UnixMicro(2), time.UnixMicro(10), 5)
		if err != nil || len(list) != 1 || list[0].ID != "\x01" || list[0].To != "zoë@example.com" || list[0].Attempts != 4 {
			t.Errorf("the mail: %+v, %v", list, err)
		}
		taken := mapae.User{ID: "\x04", LoginKey: "new", EmailKey: zoe.EmailKey}
		if err := tx.AddUser(ctx, taken); !errors.Is(err, mapae.ErrExists) {
			t.Errorf("the proven address once more: %v", err)
		}
		return err
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Error(err)
	}
	testWhatRefersToUsers(t, path)
}

// What refers to users still does: an application's own table and view, and the
// tables that lose their rows with a user.
func testWhatRefersToUsers(t *testing.T, path string) {
	t.Helper()
	findings, err := sqlite.Examine(t.Context(), path, true, func([]mapae.KeyCheck) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Level == mapae.LevelProblem {
			t.Errorf("%s: %s", f.Check, f.Text)
		}
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	name := ""
	if err := db.QueryRowContext(t.Context(), "SELECT name FROM buyers").Scan(&name); err != nil || name != "Zoë" {
		t.Errorf("the view shows %q, %v", name, err)
	}
	if _, err := db.ExecContext(t.Context(), "PRAGMA foreign_keys = ON"); err != nil {
		t.Fatal(err)
	}
	const remove = "DELETE FROM mapae_users WHERE id = x'01'"
	if _, err := db.ExecContext(t.Context(), remove); err == nil || !strings.Contains(err.Error(), "FOREIGN KEY") {
		t.Errorf("a user with an order was removed: %v", err)
	}
	if _, err := db.ExecContext(t.Context(), "DELETE FROM orders; "+remove); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"mapae_credentials", "mapae_sessions", "mapae_secrets", "mapae_identities"} {
		left := -1
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&left); err != nil || left != 0 {
			t.Errorf("%s keeps %d rows of a user who is gone, %v", table, left, err)
		}
	}
}
