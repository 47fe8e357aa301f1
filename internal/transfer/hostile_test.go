package transfer_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/transfer"
	"github.com/mapae/mapae/webauthn"
)

func TestWhatIsNoDumpIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	sqlite := engines(t)[0]
	spring := sqlite.fill(t, springTables)
	whole, err := os.ReadFile(sqlite.fill(t, springTables, []any{"user_entities", "AAAA", strings.Repeat("x", 9000), "K"}))
	if err != nil {
		t.Fatal(err)
	}
	write := func(text []byte) string {
		path := filepath.Join(t.TempDir(), "old.db")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct{ system, from, want string }{
		"no file":                {"spring", filepath.Join(t.TempDir(), "none.db"), "no such file"},
		"no database":            {"spring", write([]byte(strings.Repeat("CREATE TABLE user_entities", 100))), "is not a database"},
		"a database cut off":     {"spring", write(whole[:len(whole)/2]), "malformed"},
		"tables of another":      {"hanko", spring, "is this the database of Hanko?"},
		"no users":               {"allauth", spring, "name that of the project's user model"},
		"no passkeys":            {"authjs", spring, "is this the database of an application with passkeys of Auth.js?"},
		"no such server":         {"spring", "postgres://127.0.0.1:1/none?connect_timeout=2", "connect"},
		"no such system":         {"keycloak", spring, `"keycloak" is none of allauth, authjs`},
		"no lines":               {"mapae", filepath.Join(t.TempDir(), "none"), "no such file"},
		"a directory for a file": {"go-webauthn", t.TempDir(), "is a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			err := transfer.Read(t.Context(), c.system, c.from, transfer.Options{}, func(transfer.Account) error { n++; return nil })
			if err == nil || !strings.Contains(err.Error(), c.want) || n > 1 {
				t.Errorf("%d accounts, %v; want %q", n, err, c.want)
			}
		})
	}
}

// A table that is there and can't be read may say who is disabled.
func TestATableThatCannotBeReadIsNotTakenForOneThatIsNotThere(t *testing.T) {
	t.Parallel()
	const broken = "CREATE VIEW %s AS SELECT forbidden(1) AS username"
	tables, _, _ := strings.Cut(springTables, "CREATE TABLE users")
	for system, c := range map[string]struct{ tables, optional string }{
		"spring":  {tables, "users"},
		"allauth": {"CREATE TABLE auth_user (id bigint, username text); CREATE TABLE mfa_authenticator (id bigint, user_id bigint, type text)", "account_emailaddress"},
		"hanko": {"CREATE TABLE users (id text); CREATE TABLE webauthn_credentials (id text, user_id text); CREATE TABLE emails (id text, address text); " +
			"CREATE TABLE primary_emails (user_id text, email_id text)", "otp_secrets"},
	} {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			read := func(tables string) error {
				from := engines(t)[0].fill(t, strings.TrimSuffix(strings.TrimSpace(tables), ";"))
				return transfer.Read(t.Context(), system, from, transfer.Options{}, func(transfer.Account) error { return nil })
			}
			if err := read(c.tables); err != nil {
				t.Errorf("without %s: %v", c.optional, err)
			}
			if err := read(c.tables + ";" + fmt.Sprintf(broken, c.optional)); err == nil || !strings.Contains(err.Error(), "forbidden") {
				t.Errorf("with a broken %s: %v", c.optional, err)
			}
		})
	}
}

// SQLite takes any value in any column of most tables.
func TestValuesOfTheWrongTypeSpoilTheirOwnRowOnly(t *testing.T) {
	t.Parallel()
	good := newDevice(t, "good")
	loose := strings.NewReplacer(" NOT NULL", "", "varchar(1000)", "", "varchar(100)", "", "varchar(200)", "", "bigint", "", "boolean", "", "{blob}", "", "{time}", "", ", PRIMARY KEY (id)", "", ", PRIMARY KEY (credential_id)", "").Replace(springTables)
	passkey := func(change func([]any)) []any {
		d := newDevice(t, "good")
		r := []any{"user_credentials", base64url(d.made.ID), base64url([]byte("good")), d.key, 0, 1, 1, "internal", "public-key", 1, nil, nil, "2024-01-02 03:04:05", 1700000000000, "K"}
		change(r)
		return r
	}
	rows := [][]any{
		{"user_entities", base64url([]byte("good")), "good@example.com", "K"}, {"user_entities", 7, 7.5, nil}, {"user_entities", nil, nil, nil},
		{"user_entities", base64url(bytes.Repeat([]byte{1}, 65)), "long@example.com", "K"}, {"user_entities", base64url([]byte("x")), strings.Repeat("x", 200_000), "K"},
		passkey(func(r []any) { r[1], r[3] = base64url(good.made.ID), good.key }),
		passkey(func(r []any) { r[1], r[3] = base64url(good.made.ID), good.key }), // twice
		passkey(func(r []any) { r[4] = int64(1) << 32 }),
		passkey(func(r []any) { r[4] = 1.5 }),
		passkey(func(r []any) { r[5] = 2 }),
		passkey(func(r []any) { r[6] = "maybe" }),
		passkey(func(r []any) { r[3] = bytes.Repeat([]byte{0}, 200_000) }),
		passkey(func(r []any) { r[3] = 42 }),
		passkey(func(r []any) { r[10] = []byte{0xa3} }),
		passkey(func(r []any) { r[1] = "AA\nAA" }),
	}
	s := newSite(t)
	accounts, results := s.take(t, "spring", engines(t)[0].fill(t, loose, rows...), transfer.Options{})
	s.signIn(t, good)
	a, verdicts := accounts["good@example.com"], map[mapae.ImportVerdict]int{}
	for _, f := range results["good@example.com"].Passkeys {
		verdicts[f.Verdict]++
	}
	if len(a.Unread) != 7 || verdicts[mapae.ImportAdded] != 1 || verdicts[mapae.ImportThere] != 1 || verdicts[mapae.ImportRefused] != 1 {
		t.Errorf("unread %q, verdicts %v", a.Unread, verdicts)
	}
	users, err := s.store.Users(t.Context(), "", 10)
	if err != nil || len(users) != 1 {
		t.Errorf("%+v, %v", users, err)
	}
	if len(accounts) < 4 {
		t.Errorf("%d accounts were told", len(accounts))
	}
}

func TestTwoAccountsThatClaimOneLoginAreNotOne(t *testing.T) {
	t.Parallel()
	kim, thief := newDevice(t, "kim"), newDevice(t, "thief")
	row := func(d device) []any {
		return []any{"user_credentials", base64url(d.made.ID), base64url(d.made.UserHandle), d.key, 0, true, true, "", "public-key", true, nil, nil, nil, nil, "K"}
	}
	s := newSite(t)
	_, results := s.take(t, "spring", engines(t)[0].fill(t, springTables, []any{"user_entities", base64url([]byte("kim")), "kim@example.com", "K"}, row(kim)), transfer.Options{})
	if results["kim@example.com"].User.Verdict != mapae.ImportAdded {
		t.Fatalf("%+v", results)
	}
	_, results = s.take(t, "spring", engines(t)[0].fill(t, springTables, []any{"user_entities", base64url([]byte("thief")), "KIM@example.com", "K"}, row(thief)), transfer.Options{})
	if r := results["KIM@example.com"]; r.User.Note != "another account has its login" || r.Passkeys[0].Verdict != mapae.ImportRefused {
		t.Errorf("%+v", r)
	}
	if u := s.signIn(t, kim).User; u.ID != "kim" {
		t.Errorf("%+v", u)
	}
}

func TestOwnLinesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	kim := newDevice(t, "kim\x00\xff")
	u := mapae.User{ID: "kim\x00\xff", Login: "Kim@example.com", Email: "Kim@example.com", EmailVerifiedAt: created, Name: "Kim", Locale: "ko", ExternalID: "7", CreatedAt: created}
	c := mapae.Credential{Credential: webauthn.Credential{ID: kim.made.ID, PublicKey: kim.key, SignCount: 0, UVInitialized: true, BackupEligible: true, BackupState: true,
		Transports: []string{"internal"}, AAGUID: webauthn.AAGUID{1, 2}}, RPID: rpID, Name: "Phone", FirstFactor: true, CreatedAt: created, LastUsedAt: created.Add(time.Hour)}
	doubted := c
	doubted.ID, doubted.Name, doubted.SuspendedAt, doubted.ForeignHandle, doubted.LastUsedAt = []byte("doubted"), "Lost", created, true, time.Time{}
	var out bytes.Buffer
	if err := transfer.Write(&out, u, []mapae.Credential{c, doubted}); err != nil {
		t.Fatal(err)
	}
	from := lines(t, out.String(), strings.Replace(out.String(), `"mapae":1`, `"mapae":2`, 1), strings.Replace(out.String(), `"name"`, `"nickname"`, 1),
		strings.TrimSpace(out.String())+" {}", out.String()[:200], strings.Repeat(" ", 2<<20), `{"mapae":1,"user":{"id":"A","login":"x"}}`)
	s := newSite(t)
	var wrong []string
	err := transfer.Read(t.Context(), "mapae", from, transfer.Options{}, func(a transfer.Account) error {
		if a.Err != nil {
			wrong = append(wrong, a.Label+": "+a.Err.Error())
			return nil
		}
		_, err := s.Import(t.Context(), a.Imported, false)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(wrong) != 6 || !strings.HasPrefix(wrong[4], "line 9: it has more than 1048576 bytes") {
		t.Errorf("refused %q", wrong)
	}
	s.signIn(t, kim)
	var again bytes.Buffer
	users, err := s.store.Users(t.Context(), "", 10)
	if err != nil || len(users) != 1 {
		t.Fatalf("%+v, %v", users, err)
	}
	own, err := s.store.Credentials(t.Context(), users[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range own {
		if bytes.Equal(own[i].ID, c.ID) {
			own[i].LastUsedAt = c.LastUsedAt // it has just signed in
		}
	}
	if bytes.Equal(own[0].ID, doubted.ID) {
		own[0], own[1] = own[1], own[0]
	}
	if err := transfer.Write(&again, users[0], own); err != nil || again.String() != out.String() {
		t.Errorf("%v: it was\n%sand is\n%s", err, &out, &again)
	}
}

func TestReadingStopsWhereItsCallerStops(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	from := engines(t)[0].fill(t, springTables, []any{"user_entities", "AAAA", "a", "A"}, []any{"user_entities", "AAAB", "b", "B"}, []any{"user_entities", "AAAC", "c", "C"})
	n := 0
	if err := transfer.Read(t.Context(), "spring", from, transfer.Options{}, func(transfer.Account) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("%d accounts, %v", n, err)
	}
}
