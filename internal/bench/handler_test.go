package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/internal/load"
	"github.com/mapae/mapae/sqlite"
	"github.com/mapae/mapae/web"
	"github.com/mapae/mapae/webauthntest"
)

// home is the origin of a site that no network leads to.
const home = "https://example.com"

// siteAlone is a site over a SQLite file of its own, and the cookies of somebody
// who is signed in to it.
func siteAlone(b *testing.B) (*web.Site, []*http.Cookie) {
	b.Helper()
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "mapae.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	auth, err := mapae.New(mapae.Config{
		Store: store, Secrets: []mapae.RootKey{mapae.NewRootKey()}, Methods: []mapae.Method{mapae.Passkey{}},
		RP: mapae.RelyingParty{ID: "example.com", Name: "Example", Origins: []string{home}},
	})
	if err != nil {
		b.Fatal(err)
	}
	site := web.New(auth, web.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	browser := client.New(home, webauthntest.New(home))
	browser.HTTP.Transport = inProcess{site}
	if _, err := browser.SignUp(b.Context(), "someone@example.com", "Somebody"); err != nil {
		b.Fatal(err)
	}
	return site, browser.HTTP.Jar.Cookies(httptest.NewRequest(http.MethodGet, home, nil).URL)
}

// inProcess hands requests to a handler as a server does.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	r.RequestURI, r.RemoteAddr, r.Host = r.URL.RequestURI(), "192.0.2.1:4711", r.URL.Host
	if r.Body == nil {
		r.Body = http.NoBody
	}
	p.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// answer takes what a handler writes and keeps the code.
type answer struct {
	header http.Header
	code   int
}

func (a *answer) Header() http.Header  { return a.header }
func (a *answer) WriteHeader(code int) { a.code = code }

func (a *answer) Write(b []byte) (int, error) {
	if a.code == 0 {
		a.code = http.StatusOK
	}
	return len(b), nil
}

// alone runs a handler for one request again and again, and reports the CPU time
// of each, its garbage included. No network is in it.
func alone(b *testing.B, h http.Handler, r *http.Request) {
	b.Helper()
	a := &answer{header: http.Header{}}
	b.ReportAllocs()
	before := cpuTime()
	for b.Loop() {
		clear(a.header)
		a.code = 0
		h.ServeHTTP(a, r)
		if a.code != http.StatusOK {
			b.Fatalf("%s answers %d", r.URL, a.code)
		}
	}
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
}

// BenchmarkRequire is a page behind Require, over SQLite: what it costs to know
// who asks.
func BenchmarkRequire(b *testing.B) {
	site, cookies := siteAlone(b)
	page := site.Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, home+"/page", nil)
	refused := httptest.NewRecorder()
	if page.ServeHTTP(refused, r.Clone(b.Context())); refused.Code == http.StatusOK {
		b.Fatal("the page is open")
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	alone(b, page, r)
}

// BenchmarkOptions is the first request of a sign-in, whose answer is a sealed
// challenge.
func BenchmarkOptions(b *testing.B) {
	site, _ := siteAlone(b)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, home+load.OptionsPath, nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("User-Agent", "Mozilla/5.0")
	alone(b, site, r)
}
