package main

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/webauthntest"
)

// runAt runs a command on the installation at home.
func runAt(at home, args ...string) (code int, out, err string) {
	var stdout, stderr bytes.Buffer
	code = run(append(args, "--data", at.dir, "--origin", at.origin, "--mail", "none"), streams{&stdout, &stderr})
	return code, stdout.String(), stderr.String()
}

// springDump is the SQLite database of an application with Spring Security that
// has a person with a passkey.
func springDump(t *testing.T, origin string) (path string, device *webauthntest.Authenticator) {
	t.Helper()
	device = webauthntest.New(origin)
	if _, err := device.Create([]byte(`{"rp":{"id":"localhost"},"user":{"id":"a2lt","name":"kim"},"challenge":"AAAAAAAAAAAAAAAAAAAAAA","pubKeyCredParams":[{"type":"public-key","alg":-7}]}`)); err != nil {
		t.Fatal(err)
	}
	made := device.Credentials()[0]
	key, err := made.COSEKey()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "app.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), `CREATE TABLE user_entities (id varchar(1000) NOT NULL PRIMARY KEY, name varchar(100) NOT NULL, display_name varchar(200));
		CREATE TABLE user_credentials (credential_id varchar(1000) NOT NULL PRIMARY KEY, user_entity_user_id varchar(1000) NOT NULL, public_key blob NOT NULL,
		signature_count bigint, uv_initialized boolean, backup_eligible boolean NOT NULL, authenticator_transports varchar(1000), backup_state boolean NOT NULL, label varchar(1000) NOT NULL);
		INSERT INTO user_entities VALUES ('a2lt', 'kim@example.com', 'Kim'), ('!', char(27) || '[31mred', 'Red')`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO user_credentials VALUES ($1, 'a2lt', $2, 0, true, true, 'internal', true, 'Phone')", base64.RawURLEncoding.EncodeToString(made.ID), key); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path, device
}

func TestAnImportBesideARunningServerLetsPeopleInWithThePasskeysThatTheyHave(t *testing.T) {
	t.Parallel()
	at := newHome(t)
	path, device := springDump(t, at.origin)
	if code, _, wrong := runAt(at, "import", "spring", path); code != exitMistake || !strings.Contains(wrong, "there is no database") {
		t.Fatalf("without an installation: exit code %d, %s", code, wrong)
	}
	s := start(t, at, nil)
	name := base64.RawURLEncoding.EncodeToString(device.Credentials()[0].ID)
	for _, c := range []struct {
		args []string
		out  string
		sums string
	}{
		{[]string{"--dry-run"}, "account\tkim@example.com\tadded\t\npasskey\t" + name + "\tadded\t\n", "Passkeys: 1 added, 0 there already, 0 refused. This was a dry run: nothing was written.\n"},
		{nil, "account\tkim@example.com\tadded\t\npasskey\t" + name + "\tadded\t\n", "Accounts: 1 added, 0 there already, 1 refused. Passkeys: 1 added, 0 there already, 0 refused.\n"},
		{nil, "account\tkim@example.com\tthere\t\npasskey\t" + name + "\tthere\t\n", "Accounts: 0 added, 1 there already, 1 refused. Passkeys: 0 added, 1 there already, 0 refused.\n"},
	} {
		code, out, sums := runAt(at, append([]string{"import", "spring", path}, c.args...)...)
		const broken = "account\t [31mred\trefused\tit can't be read: user_entities.id: it is not base64\n"
		if want := broken + c.out; code != exitDone || out != want || !strings.HasSuffix(sums, c.sums) || !strings.HasPrefix(sums, "Passkeys have to be for the RP ID localhost.\n") {
			t.Fatalf("exit code %d\n%q, want\n%q\n%s", code, out, want, sums)
		}
	}
	in, err := s.app(device, new(forwarded)).SignIn(t.Context())
	if err != nil || in.User.ID != "a2lt" {
		t.Fatalf("%+v, %v", in, err)
	}
}

func TestAnExportIsTakenBackByAnotherInstallation(t *testing.T) {
	t.Parallel()
	first := newHome(t)
	s, f := start(t, first, nil), new(forwarded)
	var devices []*webauthntest.Authenticator
	for i := range 3 {
		device := webauthntest.New(first.origin)
		if _, err := s.app(device, f).SignUp(t.Context(), fmt.Sprintf("kim%d@example.com", i), "Kim"); err != nil {
			t.Fatal(err)
		}
		devices = append(devices, device)
	}
	code, out, wrong := runAt(first, "export")
	if code != exitDone || strings.Count(out, "\n") != 3 || wrong != "3 accounts.\n" {
		t.Fatalf("exit code %d: %s%s", code, out, wrong)
	}
	path := filepath.Join(t.TempDir(), "accounts.jsonl")
	if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	second := newHome(t)
	moved := start(t, second, nil)
	if code, out, wrong := runAt(second, "import", "mapae", path); code != exitDone || !strings.Contains(wrong, "Accounts: 3 added, 0 there already, 0 refused. Passkeys: 3 added") {
		t.Fatalf("exit code %d: %s%s", code, out, wrong)
	}
	if _, again, _ := runAt(second, "export"); again != out {
		t.Errorf("the second installation exports\n%s, the first\n%s", again, out)
	}
	for _, device := range devices {
		device.Origin = second.origin
		if _, err := moved.app(device, f).SignIn(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestAnExportHasEverybodyHoweverManyPagesThatTakes(t *testing.T) {
	t.Parallel()
	store := memory.New()
	const many = 2*exportPage + 1
	err := store.Update(t.Context(), func(tx mapae.Tx) error {
		for i := range many {
			if err := tx.AddUser(t.Context(), mapae.User{ID: mapae.UserID(fmt.Sprint("user", i)), LoginKey: fmt.Sprint(i)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	n, err := exportAll(t.Context(), store, &out)
	seen := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		seen[line] = true
	}
	if err != nil || n != many || len(seen) != many {
		t.Errorf("%d accounts, %d lines, %v; want %d", n, len(seen), err, many)
	}
}
