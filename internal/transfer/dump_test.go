package transfer_test

import (
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/pgtest"
	"github.com/mapae/mapae/internal/transfer"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/webauthntest"
)

const (
	origin = "https://id.example.com"
	rpID   = "example.com"
)

// device is a person's authenticator, with a passkey that another system has.
type device struct {
	*webauthntest.Authenticator
	made     *webauthntest.Credential
	response []byte // RegistrationResponseJSON
	key      []byte // COSE_Key
}

// newDevice makes a passkey under a user handle.
func newDevice(t *testing.T, handle string) device {
	t.Helper()
	a := webauthntest.New(origin)
	response, err := a.Create(fmt.Appendf(nil, `{"rp":{"id":%q,"name":"Old"},"user":{"id":%q,"name":"kim","displayName":"Kim"},"challenge":"AAAAAAAAAAAAAAAAAAAAAA",
		"pubKeyCredParams":[{"type":"public-key","alg":-7}],"extensions":{"credProps":true}}`, rpID, base64.RawURLEncoding.EncodeToString([]byte(handle))))
	if err != nil {
		t.Fatal(err)
	}
	d := device{Authenticator: a, made: a.Credentials()[0], response: response}
	if d.key, err = d.made.COSEKey(); err != nil {
		t.Fatal(err)
	}
	return d
}

// object is the attestation object of the registration.
func (d device) object(t *testing.T) []byte {
	t.Helper()
	var r struct {
		Response struct {
			AttestationObject string `json:"attestationObject"`
		} `json:"response"`
	}
	if err := json.Unmarshal(d.response, &r); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(r.Response.AttestationObject)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// site is an installation that accounts are imported into.
type site struct {
	*mapae.Auth
	store mapae.Store
}

func newSite(t *testing.T) site {
	t.Helper()
	store := memory.New()
	auth, err := mapae.New(mapae.Config{Store: store, Secrets: []mapae.RootKey{mapae.NewRootKey()}, Methods: []mapae.Method{mapae.Passkey{}},
		RP: mapae.RelyingParty{ID: rpID, Name: "New", Origins: []string{origin}}})
	if err != nil {
		t.Fatal(err)
	}
	return site{auth, store}
}

// take imports all accounts of a source, and returns them with what became of
// them, by their labels.
func (s site) take(t *testing.T, system, from string, o transfer.Options) (map[string]transfer.Account, map[string]mapae.ImportResult) {
	t.Helper()
	accounts, results := map[string]transfer.Account{}, map[string]mapae.ImportResult{}
	err := transfer.Read(t.Context(), system, from, o, func(a transfer.Account) error {
		accounts[a.Label] = a
		if a.Err != nil {
			return nil
		}
		var err error
		results[a.Label], err = s.Import(t.Context(), a.Imported, false)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return accounts, results
}

// signIn signs in by the passkey of d.
func (s site) signIn(t *testing.T, d device) mapae.Current {
	t.Helper()
	c := mapae.Client{App: true}
	o, err := s.BeginSignIn(t.Context(), c, mapae.SignInRequest{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := d.Get(text)
	if err != nil {
		t.Fatal(err)
	}
	step, err := s.FinishSignIn(t.Context(), c, answer)
	if err != nil || step.Second != nil {
		t.Fatalf("sign in: %v, second step %v", err, step.Second)
	}
	cur, err := s.Session(t.Context(), step.Token)
	if err != nil {
		t.Fatal(err)
	}
	return cur
}

// engine makes databases of other systems: tables by statements in which
// {blob}, {json}, {time} stand for its types, and rows.
type engine struct {
	name  string
	types *strings.Replacer
	make  func(t *testing.T) (url string, db *sql.DB)
}

var servers pgtest.Shared

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

// engines are SQLite and PostgreSQL.
func engines(t *testing.T) []engine {
	t.Helper()
	all := []engine{{"SQLite", strings.NewReplacer("{blob}", "blob", "{json}", "text", "{time}", "datetime"), func(t *testing.T) (string, *sql.DB) {
		path := filepath.Join(t.TempDir(), "a b%3f.db")
		db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(path, "%", "%25"))
		if err != nil {
			t.Fatal(err)
		}
		return path, db
	}}}
	return append(all, engine{"PostgreSQL", strings.NewReplacer("{blob}", "bytea", "{json}", "jsonb", "{time}", "timestamptz"), func(t *testing.T) (string, *sql.DB) {
		url := servers.Place(t)
		db, err := sql.Open("pgx", url)
		if err != nil {
			t.Fatal(err)
		}
		return url, db
	}})
}

// fill makes a database with tables and rows, each a statement with its
// arguments.
func (e engine) fill(t *testing.T, tables string, rows ...[]any) (url string) {
	t.Helper()
	url, db := e.make(t)
	var err error
	for statement := range strings.SplitSeq(e.types.Replace(tables), ";") {
		if _, wrong := db.ExecContext(t.Context(), statement); wrong != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", statement, wrong))
		}
	}
	for _, r := range rows {
		marks := make([]string, len(r)-1)
		for i := range marks {
			marks[i] = fmt.Sprintf("$%d", i+1)
		}
		statement := fmt.Sprintf("INSERT INTO %s VALUES (%s)", r[0], strings.Join(marks, ", "))
		if _, wrong := db.ExecContext(t.Context(), statement, r[1:]...); wrong != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", statement, wrong))
		}
	}
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return url
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
func base64std(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// uuid is 16 bytes as text.
func uuid(id string) string {
	h := hex.EncodeToString([]byte(id))
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
