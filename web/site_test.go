package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/webauthntest"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	home  = "https://example.com"
	alice = "alice@example.com"
	bob   = "bob@example.com"
)

// world is a site in this process, under a clock that moves by a microsecond
// each time that it is read.
type world struct {
	t     *testing.T
	ctx   context.Context
	store mapae.Store
	auth  *mapae.Auth
	site  *Site
	clock *atomic.Int64 // microseconds
	log   *bytes.Buffer
	peer  string // address that requests come from
	h     http.Handler
}

// setting changes what a world is made of.
type setting func(*mapae.Config, *Config)

func newWorld(t *testing.T, settings ...setting) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), clock: new(atomic.Int64), log: new(bytes.Buffer), peer: "192.0.2.1:4711"}
	w.clock.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	domain := mapae.Config{
		Store: memory.New(), Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      mapae.RelyingParty{ID: "example.com", Name: "Example", Origins: []string{home}},
		Methods: []mapae.Method{mapae.Passkey{}},
		Clock:   func() time.Time { return time.UnixMicro(w.clock.Add(1)) },
	}
	face := Config{Logger: slog.New(slog.NewTextHandler(w.log, nil))}
	for _, set := range settings {
		set(&domain, &face)
	}
	w.store = domain.Store
	var err error
	if w.auth, err = mapae.New(domain); err != nil {
		t.Fatal(err)
	}
	w.site = New(w.auth, face)
	w.h = w.site
	return w
}

func (w *world) pass(d time.Duration) { w.clock.Add(d.Microseconds()) }

// RoundTrip hands a client's request to the site.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr, in.Host = r.URL.RequestURI(), w.peer, or(r.Host, r.URL.Host)
	in.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	maps.DeleteFunc(in.Header, func(_ string, values []string) bool { return len(values) == 0 })
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, in)
	answer := rec.Result()
	answer.Request = r
	if err := documented().checkAnswer(r.Method, strings.TrimPrefix(r.URL.Path, w.site.cfg.Base), answer.StatusCode, answer.Header.Get("Content-Type"), rec.Body.Bytes()); err != nil {
		w.t.Errorf("openapi.json: %v", err)
	}
	return answer, nil
}

// person is somebody with a device of their own, at a browser or an app.
type person struct {
	*client.Client
	w   *world
	key *webauthntest.Authenticator
}

func (w *world) person() person {
	key := webauthntest.New(home)
	p := person{client.New(home+w.site.cfg.Base, key), w, key}
	p.HTTP.Transport = w
	p.HTTP.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return p
}

// member is a person who has signed up.
func (w *world) member(email string) person {
	w.t.Helper()
	p := w.person()
	if _, err := p.SignUp(w.ctx, email, "Somebody"); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// another is the same person at another browser.
func (p person) another() person {
	q := p.w.person()
	q.key = p.key
	q.Client = client.New(home+p.w.site.cfg.Base, p.key)
	q.HTTP.Transport = p.w
	return q
}

// app is the same person at an app.
func (p person) app() person {
	q := p.another()
	q.App = true
	return q
}

// cookie is the value of the session cookie in the browser's jar, or nothing.
func (p person) cookie() string {
	for _, c := range p.HTTP.Jar.Cookies(&url.URL{Scheme: "https", Host: "example.com", Path: "/"}) {
		if c.Name == "__Host-mapae" {
			return c.Value
		}
	}
	return ""
}

// edit changes a request before it is sent.
type edit func(*http.Request)

func header(name string, values ...string) edit {
	return func(r *http.Request) {
		r.Header[http.CanonicalHeaderKey(name)] = nil
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
}

// reply is an answer as tests look at it.
type reply struct {
	*http.Response
	body []byte
}

// json returns a member of the body, "" where there is none.
func (a reply) json(name string) string {
	var all map[string]any
	if json.Unmarshal(a.body, &all) != nil {
		return ""
	}
	text, _ := all[name].(string)
	return text
}

// send sends a request as this person's page would, after the edits.
func (p person) send(method, path, body string, edits ...edit) reply {
	p.w.t.Helper()
	r, err := http.NewRequestWithContext(p.w.ctx, method, home+p.w.site.cfg.Base, strings.NewReader(body))
	if err != nil {
		p.w.t.Fatal(err)
	}
	at, err := url.ParseRequestURI(path)
	if err != nil {
		p.w.t.Fatal(err)
	}
	r.URL.RawQuery = at.RawQuery
	r.URL.RawPath = r.URL.Path + at.EscapedPath()
	r.URL.Path += at.Path
	r.Header.Set("Accept", "application/json")
	if !p.App {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	} else {
		r.Header.Set("Mapae-Client", "app")
		if p.Token() != "" {
			r.Header.Set("Authorization", "Bearer "+p.Token())
		}
	}
	if method != "GET" && method != "HEAD" {
		r.Header.Set("Content-Type", "application/json")
		if !p.App {
			r.Header.Set("Origin", home)
		}
	}
	for _, e := range edits {
		e(r)
	}
	browser := *p.HTTP
	if _, own := r.Header["Cookie"]; own {
		browser.Jar = nil // else it adds its own
	}
	answer, err := browser.Do(r)
	if err != nil {
		p.w.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return reply{answer, text}
}

// want demands status and code (empty: no problem) of an answer.
func (a reply) want(t *testing.T, status int, code mapae.Code) reply {
	t.Helper()
	if a.StatusCode != status || a.json("code") != string(code) {
		t.Errorf("answer is %d %q, want %d %q: %s", a.StatusCode, a.json("code"), status, code, a.body)
	}
	if code != "" {
		if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("Content-Type of the problem is %q", got)
		}
		if a.json("message") == "" || strings.HasPrefix(a.json("message"), "error.") {
			t.Errorf("message is %q, want a sentence", a.json("message"))
		}
	}
	return a
}

// wantCode demands an error of the API from a call of the client.
func wantCode(t *testing.T, err error, status int, code mapae.Code) {
	t.Helper()
	e, ok := err.(*client.Error)
	if !ok || e.Status != status || e.Code != string(code) {
		t.Errorf("error is %v, want %d %s", err, status, code)
	}
}

// state is what must not change when something is refused: everybody's rows,
// byte for byte, but for when sessions were last seen.
func (w *world) state(people ...string) string {
	w.t.Helper()
	var out strings.Builder
	for _, email := range people {
		u, err := w.store.UserByLogin(w.ctx, email)
		if err == mapae.ErrNotFound {
			out.WriteString("nobody ")
			continue
		}
		own, err1 := w.store.Credentials(w.ctx, u.ID)
		live, err2 := w.store.Sessions(w.ctx, u.ID, w.site.now())
		secrets, err3 := w.store.Secrets(w.ctx, u.ID, "")
		waiting, err4 := w.store.RecoveryOf(w.ctx, u.ID)
		if err4 == mapae.ErrNotFound {
			err4 = nil
		}
		if failed := errors.Join(err, err1, err2, err3, err4); failed != nil {
			w.t.Fatal(failed)
		}
		for i := range live {
			live[i].SeenAt, live[i].IdleEndsAt = time.Time{}, time.Time{}
		}
		text, err := json.Marshal([]any{u, own, live, secrets, waiting})
		if err != nil {
			w.t.Fatal(err)
		}
		out.Write(text)
	}
	return out.String()
}

// unchanged runs f and demands that people have what they had.
func (w *world) unchanged(people []string, f func()) {
	w.t.Helper()
	before := w.state(people...)
	f()
	if after := w.state(people...); after != before {
		w.t.Errorf("something changed:\n%s\n%s", before, after)
	}
}

// variable is what differs from run to run in golden files.
var variable = regexp.MustCompile(`"(id|ticket|challenge|token|request_id|instance|credential|secret|uri|qr|next|session_id|userId|credentialId)":"[A-Za-z0-9_:/.@?=+;,%&\\-]{16,}"`)

var acceptedIDs = regexp.MustCompile(`"allAcceptedCredentialIds":\["[A-Za-z0-9_-]+"\]`)

// golden compares text with a file of testdata, with what varies left out.
func golden(t *testing.T, name string, text []byte) {
	t.Helper()
	text = variable.ReplaceAll(text, []byte(`"$1":"…"`))
	text = acceptedIDs.ReplaceAll(text, []byte(`"allAcceptedCredentialIds":["…"]`))
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, "", "\t"); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	pretty.WriteByte('\n')
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pretty.Bytes(), want) {
		t.Errorf("%s is\n%swant\n%s", name, pretty.Bytes(), want)
	}
}

func mustURL(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return u
}

// answered returns the body of a sign-in's finish, for options from begin.
func (p person) answered(begin func(context.Context) ([]byte, error)) string {
	p.w.t.Helper()
	options, err := begin(p.w.ctx)
	if err != nil {
		p.w.t.Fatal(err)
	}
	credential, err := p.key.Get(options)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return `{"credential":` + string(credential) + `}`
}

// finish signs in by hand and returns the answer.
func (p person) finish(begin func(context.Context) ([]byte, error)) reply {
	p.w.t.Helper()
	return p.send("POST", "/api/auth/passkey/verify", p.answered(begin))
}

// withBody returns r with another body.
func withBody(r *http.Request, body string) *http.Request {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	return r
}
