package main

import (
	"bytes"
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/mapae/mapae"
)

// patient is an installation in which all is well: a server, and what stands in
// front of it at https://example.com and https://example.co.kr.
type patient struct {
	flags    map[string]string // settings of the server, and of the doctor
	upstream *url.URL
	cert     tls.Certificate
	trusted  string // file with who trusts it
}

const androidKey = "android:apk-key-hash:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

// newPatient starts a server with those settings in the place of healthy ones.
func newPatient(t *testing.T, change map[string]string) *patient {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	blob, root := metadataFiles(t, time.Now().AddDate(0, 1, 0))
	box := &mailbox{came: make(chan struct{}, 10)}
	p := &patient{trusted: filepath.Join(dir, "cert.pem"), upstream: &url.URL{Scheme: "http", Host: "127.0.0.1:" + port}, flags: map[string]string{
		"origin": "https://example.com," + androidKey, "related-origin": "https://example.co.kr", "data": filepath.Join(dir, "data"),
		"android-app": "com.example.app", "apple-app": "ABCDE12345.com.example.app", "listen": "127.0.0.1:" + port, "trusted-proxy": "127.0.0.1/32",
		"smtp-server": box.open(t, "127.0.0.1:0"), "smtp-tls": "none", "mail-from": "no-reply@example.com", "metadata": blob, "metadata-root": root,
	}}
	maps.Copy(p.flags, change)
	key := filepath.Join(dir, "key.pem")
	certificate(t, p.trusted, key, "example.com", "example.co.kr")
	if p.cert, err = tls.LoadX509KeyPair(p.trusted, key); err != nil {
		t.Fatal(err)
	}
	s := &process{cmd: exec.Command("mapae", append([]string{"serve"}, flagsOf(p.flags)...)...)}
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = s.cmd.Process.Kill(), s.cmd.Wait() })
	if status, _, err := getWhenUp(p.upstream.String() + "/readyz"); err != nil || status != http.StatusOK {
		t.Fatalf("the server is not ready: status %d, %v\n%s", status, err, &s.out)
	}
	return p
}

// flagsOf writes settings as flags; an empty value is a setting left out.
func flagsOf(settings map[string]string) (flags []string) {
	for name, value := range settings {
		if value != "" {
			flags = append(flags, "--"+name+"="+value)
		}
	}
	return flags
}

// planted is a mistake that was made somewhere.
type planted struct {
	mistake string
	doctor  map[string]string // settings of the doctor that differ from the server's
	rewrite func(*httputil.ProxyRequest)
	answer  func(*http.Response) error            // what the proxy makes of an answer
	https   func(proxy http.Handler) http.Handler // what stands before it
	http    func(proxy http.Handler) http.Handler // what answers by http; nil: a redirect to https
	check   string                                // the finding's name
	level   mapae.Level                           // and how bad it is
	cure    string                                // what its cure says
	also    string                                // another finding that follows from it
}

// examined runs the doctor on the patient behind a proxy with the mistake.
func (p *patient) examined(t *testing.T, m planted) (found []mapae.Finding, code int) {
	t.Helper()
	proxy := http.Handler(&httputil.ReverseProxy{ModifyResponse: m.answer, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(p.upstream)
		r.Out.Host = r.In.Host
		r.SetXForwarded()
		if m.rewrite != nil {
			m.rewrite(r)
		}
	}})
	plain := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+r.Host+r.URL.RequestURI(), http.StatusPermanentRedirect)
	}))
	if m.http != nil {
		plain = m.http(proxy)
	}
	if m.https != nil {
		proxy = m.https(proxy)
	}
	open, secure := httptest.NewServer(plain), httptest.NewUnstartedServer(proxy)
	defer open.Close()
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{p.cert}}
	secure.StartTLS()
	defer secure.Close()
	settings := maps.Clone(p.flags)
	maps.Copy(settings, m.doctor)
	args := append([]string{"doctor", "--json"}, flagsOf(settings)...)
	for _, host := range []string{"example.com", "example.co.kr"} {
		args = append(args, "--connect-to", host+":80="+open.Listener.Addr().String(), "--connect-to", host+":443="+secure.Listener.Addr().String())
	}
	cmd := exec.Command("mapae", args...)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+p.trusted)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var answer struct {
		Well     bool
		Findings []mapae.Finding
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%v\n%s%s", err, out, &stderr)
	}
	if code = cmd.ProcessState.ExitCode(); answer.Well != (code == exitDone) {
		t.Errorf("well: %v, exit code %d", answer.Well, code)
	}
	return answer.Findings, code
}

// diagnosed fails unless the doctor finds that mistake, by its name, with its
// cure, and nothing else that is not well.
func (p *patient) diagnosed(t *testing.T, m planted) {
	t.Helper()
	found, code := p.examined(t, m)
	seen := false
	for _, f := range found {
		switch {
		case f.Level == mapae.LevelOK && f.Cure == "":
		case f.Check == m.check && f.Level == m.level && m.cure != "" && strings.Contains(f.Cure, m.cure):
			seen = true
		case f.Check != m.also || f.Cure == "":
			t.Errorf("found %+v", f)
		}
	}
	want := exitDone
	if m.level == mapae.LevelProblem {
		want = exitFailed
	}
	if seen != (m.check != "") || code != want {
		t.Errorf("exit code %d, want %d; want %s %q, cured by %q, in\n%+v", code, want, m.level, m.check, m.cure, found)
	}
}

// at answers those paths with body, and leaves the others to the proxy.
func at(prefix, kind, body string) func(http.Handler) http.Handler {
	return func(proxy http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.URL.Path, prefix) {
				proxy.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", kind)
			fmt.Fprint(w, body)
		})
	}
}

// late lets answers say that it is that much later.
func late(by time.Duration) func(*http.Response) error {
	return func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
		return nil
	}
}

// refusing is an SMTP server that takes mail from nobody.
func refusing(t *testing.T) string {
	t.Helper()
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return nil, &smtp.SMTPError{Code: 554, Message: "not you"}
	}))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	return ln.Addr().String()
}

// oldTables makes a database as version 1 did; newTables one of a later version
// than this program knows.
func oldTables(t *testing.T) string {
	t.Helper()
	tables, err := os.ReadFile("../../sqlite/migrations/00001_tables.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "old.db")
	alter(t, path, `CREATE TABLE mapae_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL,
	tstamp TIMESTAMP DEFAULT (datetime('now'))); INSERT INTO mapae_migrations (version_id, is_applied) VALUES (0, 1), (1, 1);`+string(tables))
	return path
}

func newTables(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new.db")
	alter(t, path, `CREATE TABLE mapae_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL,
	tstamp TIMESTAMP DEFAULT (datetime('now'))); INSERT INTO mapae_migrations (version_id, is_applied) VALUES (0, 1), (99999, 1);`)
	return path
}

func alter(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), statements)
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// otherKeys makes a key file that belongs to no database; openKeys a copy of
// the patient's that others can read.
func otherKeys(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if _, err := mapae.CreateKeys(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func (p *patient) openKeys(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.flags["data"], "mapae.keys"))
	path := filepath.Join(t.TempDir(), "keys")
	if err = errors.Join(err, os.WriteFile(path, text, 0o644)); err != nil {
		t.Fatal(err)
	}
	return path
}

func overdue(t *testing.T, days int) map[string]string {
	t.Helper()
	blob, root := metadataFiles(t, time.Now().AddDate(0, 0, -days))
	return map[string]string{"metadata": blob, "metadata-root": root}
}

func TestTheDoctorFindsEachMistakeAndNamesItsCure(t *testing.T) {
	t.Parallel()
	const bad, unsure = mapae.LevelProblem, mapae.LevelWarning
	p := newPatient(t, nil)
	same := func(proxy http.Handler) http.Handler { return proxy }
	page := "<!doctype html><title>Shop</title>"
	set := func(pairs ...string) map[string]string {
		settings := map[string]string{}
		for pair := range slices.Chunk(pairs, 2) {
			settings[pair[0]] = pair[1]
		}
		return settings
	}
	for _, m := range []planted{
		{mistake: "none at all"},
		{mistake: "an IP address as host", doctor: set("origin", "https://192.0.2.7", "android-app", "", "related-origin", ""), check: "ip host", level: bad, cure: "a domain name"},
		{mistake: "an RP ID that is no suffix of the origin", doctor: set("rp-id", "example.org"), check: "rp id", level: bad, cure: "leave --rp-id out"},
		{mistake: "http where it is not localhost", doctor: set("origin", "http://example.com", "android-app", "", "trusted-proxy", ""), check: "http origin", level: bad, cure: "by https"},
		{mistake: "an origin with a path", doctor: set("origin", "https://example.com/auth,"+androidKey, "rp-id", "example.com"), check: "origin path", level: bad, cure: "nothing behind the host"},
		{mistake: "sessions that end before they begin to idle", doctor: set("session-idle", "48h", "session-absolute", "24h"), check: "settings", level: bad, cure: "mend it"},
		{mistake: "a proxy that asks for the server by its own name", rewrite: func(r *httputil.ProxyRequest) {
			r.Out.Host = p.upstream.Host
			r.Out.Header.Del("X-Forwarded-Host")
		}, check: "base url", level: bad, cure: "proxy_set_header Host $host"},
		{mistake: "a proxy that says http", rewrite: func(r *httputil.ProxyRequest) { r.Out.Header.Set("X-Forwarded-Proto", "http") }, check: "base url", level: bad, cure: "X-Forwarded-Proto"},
		{mistake: "a proxy of another name", rewrite: func(r *httputil.ProxyRequest) { r.Out.Header.Set("X-Forwarded-Host", "www.example.com") }, check: "base url", level: bad, cure: "give as --origin what browsers show"},
		{mistake: "a proxy that keeps to itself who asks", rewrite: func(r *httputil.ProxyRequest) { r.Out.Header.Del("X-Forwarded-For") }, check: "forwarded headers", level: unsure, cure: "X-Forwarded-For"},
		{mistake: "sign-in by http", http: same, check: "http cookie", level: bad, cure: "return 308 https://"},
		{mistake: "a clock 5 min behind", answer: late(-5 * time.Minute), check: "clock", level: bad, cure: "NTP"},
		{mistake: "a clock 5 min ahead", answer: late(5 * time.Minute), check: "clock", level: bad, cure: "NTP"},
		{mistake: "a clock a minute ahead", answer: late(time.Minute), check: "clock", level: unsure, cure: "NTP"},
		{mistake: "tables that are older", doctor: set("database", oldTables(t)), check: "tables", level: unsure, cure: "mapae migrate"},
		{mistake: "tables that are newer", doctor: set("database", newTables(t)), check: "tables", level: bad, cure: "a newer one"},
		{mistake: "keys of another database", doctor: set("key-file", otherKeys(t)), check: "root keys", level: bad, cure: "belongs to this database", also: "site"},
		{mistake: "no key file", doctor: set("key-file", "nowhere"), check: "key file", level: bad, cure: "put it back", also: "site"},
		{mistake: "a key file that others can read", doctor: set("key-file", p.openKeys(t)), check: "key file", level: bad, cure: "chmod 600", also: "site"},
		{mistake: "a mail server that refuses", doctor: set("smtp-server", refusing(t)), check: "mail server", level: bad, cure: "--smtp-username"},
		{mistake: "a catch-all at the well-known paths", https: at("/.well-known/", "text/html", page), check: "well-known", level: bad, cure: "before what answers everything else"},
		{mistake: "a catch-all everywhere", https: at("/", "text/html", page), check: "site", level: bad, cure: "point the proxy", also: "well-known"},
		{mistake: "an Apple file without the app", https: at("/.well-known/apple", "application/json", `{"webcredentials":{"apps":["ZZZZZ12345.com.example.other"]}}`), check: "association file", level: bad, cure: "add it to what answers there"},
		{mistake: "an Android file without the app", https: at("/.well-known/assetlinks.json", "application/json", `[{"target":{"namespace":"web"}}]`), check: "association file", level: bad, cure: "add it to what answers there"},
		{mistake: "a related origin that is not listed", https: at("/.well-known/webauthn", "application/json", `{"origins":["https://example.net"]}`), check: "related origins", level: bad, cure: "add it to what answers there"},
		{mistake: "metadata that is out of date", doctor: overdue(t, 2), check: "metadata", level: unsure, cure: "a newer BLOB"},
		{mistake: "metadata that is long out of date", doctor: overdue(t, 90), check: "metadata", level: bad, cure: "a newer BLOB"},
		{mistake: "nobody there", doctor: set("origin", "https://gone.localhost:1,"+androidKey, "rp-id", "localhost", "related-origin", "", "apple-app", "", "android-app", ""), check: "site", level: unsure, cure: "start the server"},
	} {
		t.Run(m.mistake, func(t *testing.T) {
			t.Parallel()
			p.diagnosed(t, m)
		})
	}
}

func TestTheDoctorFindsWhomTheServerTrusts(t *testing.T) {
	t.Parallel()
	nobody := newPatient(t, map[string]string{"trusted-proxy": ""})
	nobody.diagnosed(t, planted{check: "forwarded headers", level: mapae.LevelProblem, cure: "--trusted-proxy 127.0.0.1/32"})
	for _, anybody := range []string{"0.0.0.0/0", "::/0,127.0.0.1/32"} {
		p := newPatient(t, map[string]string{"trusted-proxy": anybody})
		want := planted{check: "trusted proxies", level: mapae.LevelProblem, cure: "the network of your proxy only"}
		p.diagnosed(t, want)
		want.doctor = map[string]string{"trusted-proxy": "127.0.0.1/32"} // the server was started with another
		p.diagnosed(t, want)
	}
}

func TestTheDoctorFindsACertificateThatNobodyTrusts(t *testing.T) {
	t.Parallel()
	p := newPatient(t, map[string]string{"related-origin": ""})
	p.trusted = filepath.Join(t.TempDir(), "other.pem")
	certificate(t, p.trusted, p.trusted+".key", "example.com")
	p.diagnosed(t, planted{check: "site", level: mapae.LevelProblem, cure: "that browsers trust", also: "well-known"})
}

func TestTheReferenceNamesEveryFinding(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/reference/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("doctor_*.go")
	if err != nil {
		t.Fatal(err)
	}
	sources = append(sources, "../../sqlite/examine.go", "../../postgres/examine.go", "../../internal/sqlstore/examine.go")
	names := map[string]bool{}
	for _, path := range sources {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:\b(?:well|warning|problem|one)\(|Check: |MustCompile\([^)]*\), |\.json|\.well-known/[a-z-]+", )"([a-z -]+)"`).FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| (`.*`) \\| ").FindAllStringSubmatch(string(page), -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			if name = strings.Trim(name, "`"); !names[name] {
				t.Errorf("nothing is found by the name %q", name)
			}
			delete(names, name)
		}
	}
	if len(names) > 0 {
		t.Errorf("the page does not have %v", slices.Sorted(maps.Keys(names)))
	}
}
