package web

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/webauthntest"
)

// handlerClient hands requests to a handler as a server does.
type handlerClient struct{ http.Handler }

func (h handlerClient) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	r.RequestURI, r.RemoteAddr, r.Host = r.URL.RequestURI(), "192.0.2.1:4711", r.URL.Host
	if r.Body == nil {
		r.Body = http.NoBody
	}
	h.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// BenchmarkSignIn is both requests of a sign-in with all that the site does in
// them, over a store in memory: the least that a signature check, which is in
// it, leaves to be saved. What the passkey does is not counted.
func BenchmarkSignIn(b *testing.B) {
	site, keys := benchSite(b)
	inBatches(b, func(n int) {
		options := serveAll(b, site, repeat(n, askOptions))
		answers := make([]*http.Request, n)
		for i, rec := range options {
			var asked struct {
				Options struct {
					PublicKey json.RawMessage `json:"publicKey"`
				} `json:"request_options"`
			}
			if err := json.Unmarshal(rec.Body.Bytes(), &asked); err != nil {
				b.Fatal(err)
			}
			credential, err := keys[i].Get(asked.Options.PublicKey)
			if err != nil {
				b.Fatal(err)
			}
			answers[i] = ask(http.MethodPost, "/api/auth/passkey/verify", `{"credential":`+string(credential)+`}`)
			for _, c := range rec.Result().Cookies() {
				answers[i].AddCookie(c)
			}
		}
		serveAll(b, site, answers)
	})
}

// BenchmarkOptions is the first of the two: a challenge is sealed, and nothing
// looked up.
func BenchmarkOptions(b *testing.B) {
	site, _ := benchSite(b)
	inBatches(b, func(n int) { serveAll(b, site, repeat(n, askOptions)) })
}

// benchBatch is how many requests are made ready before they are timed: the
// clock of a benchmark takes longer to start and to stop than they do.
const benchBatch = 100

// inBatches calls f, which starts and stops the clock itself, for b.N rounds in
// all.
func inBatches(b *testing.B, f func(n int)) {
	b.ReportAllocs()
	b.StopTimer()
	b.ResetTimer()
	for left := b.N; left > 0; left -= benchBatch {
		f(min(left, benchBatch))
	}
}

// benchSite returns a site with as many accounts as a batch has sign-ins, and
// their passkeys.
func benchSite(b *testing.B) (*Site, []*webauthntest.Authenticator) {
	auth, err := mapae.New(mapae.Config{
		Store: memory.New(), Secrets: []mapae.RootKey{mapae.NewRootKey()}, Methods: []mapae.Method{mapae.Passkey{}},
		RP: mapae.RelyingParty{ID: "example.com", Name: "Example", Origins: []string{home}},
	})
	if err != nil {
		b.Fatal(err)
	}
	site := New(auth, Config{Limits: Limits{SignUps: -1}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	keys := make([]*webauthntest.Authenticator, benchBatch)
	for i := range keys {
		keys[i] = webauthntest.New(home)
		page := client.New(home, keys[i])
		page.HTTP.Transport = handlerClient{site}
		if _, err := page.SignUp(b.Context(), fmt.Sprintf("u%d@example.com", i), "Somebody"); err != nil {
			b.Fatal(err)
		}
	}
	return site, keys
}

// ask is a request of a page of the site.
func ask(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, home+path, strings.NewReader(body))
	r.Header = http.Header{"Accept": {"application/json"}, "Sec-Fetch-Site": {"same-origin"}, "User-Agent": {"Mozilla/5.0"}}
	if method == http.MethodPost {
		r.Header["Origin"], r.Header["Content-Type"] = []string{home}, []string{"application/json"}
	}
	return r
}

func askOptions() *http.Request { return ask(http.MethodGet, "/api/auth/passkey/options", "") }

// repeat returns what n calls of f returned.
func repeat(n int, f func() *http.Request) []*http.Request {
	all := make([]*http.Request, n)
	for i := range all {
		all[i] = f()
	}
	return all
}

// serveAll returns the site's answers to requests, which are 200; only they are
// timed.
func serveAll(b *testing.B, site *Site, requests []*http.Request) []*httptest.ResponseRecorder {
	answers := make([]*httptest.ResponseRecorder, len(requests))
	for i := range answers {
		answers[i] = httptest.NewRecorder()
	}
	b.StartTimer()
	for i, r := range requests {
		site.ServeHTTP(answers[i], r)
	}
	b.StopTimer()
	for i, rec := range answers {
		if rec.Code != http.StatusOK {
			b.Fatalf("%s %s: %d %s", requests[i].Method, requests[i].URL, rec.Code, rec.Body)
		}
	}
	return answers
}

// BenchmarkRequire is a page behind Require, over a store in memory: what the
// site does to know who asks.
func BenchmarkRequire(b *testing.B) {
	auth, err := mapae.New(mapae.Config{
		Store: memory.New(), Secrets: []mapae.RootKey{mapae.NewRootKey()}, Methods: []mapae.Method{mapae.Passkey{}},
		RP: mapae.RelyingParty{ID: "example.com", Name: "Example", Origins: []string{home}},
	})
	if err != nil {
		b.Fatal(err)
	}
	site := New(auth, Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	page := client.New(home, webauthntest.New(home))
	page.HTTP.Transport = handlerClient{site}
	if _, err := page.SignUp(b.Context(), "someone@example.com", "Somebody"); err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, home+"/page", nil)
	for _, c := range page.HTTP.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	answered := 0
	closed := site.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { answered++ }))
	rec := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		closed.ServeHTTP(rec, r)
	}
	if answered < b.N {
		b.Errorf("%d of %d requests were let in", answered, b.N)
	}
}
