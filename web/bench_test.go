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
	auth, err := mapae.New(mapae.Config{
		Store: memory.New(), Secrets: []mapae.RootKey{mapae.NewRootKey()}, Methods: []mapae.Method{mapae.Passkey{}},
		RP: mapae.RelyingParty{ID: "example.com", Name: "Example", Origins: []string{home}},
	})
	if err != nil {
		b.Fatal(err)
	}
	site := New(auth, Config{Limits: Limits{SignUps: -1}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	var keys [100]*webauthntest.Authenticator
	for i := range keys {
		keys[i] = webauthntest.New(home)
		page := client.New(home, keys[i])
		page.HTTP.Transport = handlerClient{site}
		if _, err := page.SignUp(b.Context(), fmt.Sprintf("u%d@example.com", i), "Somebody"); err != nil {
			b.Fatal(err)
		}
	}
	ask := func(method, path, body string, cookies []*http.Cookie) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(b.Context(), method, home+path, strings.NewReader(body))
		r.Header = http.Header{"Accept": {"application/json"}, "Sec-Fetch-Site": {"same-origin"}, "User-Agent": {"Mozilla/5.0"}}
		if method == http.MethodPost {
			r.Header["Origin"], r.Header["Content-Type"] = []string{home}, []string{"application/json"}
		}
		for _, c := range cookies {
			r.AddCookie(c)
		}
		rec := httptest.NewRecorder()
		b.StartTimer()
		site.ServeHTTP(rec, r)
		b.StopTimer()
		if rec.Code != http.StatusOK {
			b.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
		}
		return rec
	}
	b.ReportAllocs()
	b.StopTimer()
	for i := range b.N {
		options := ask(http.MethodGet, "/api/auth/passkey/options", "", nil)
		var asked struct {
			Options struct {
				PublicKey json.RawMessage `json:"publicKey"`
			} `json:"request_options"`
		}
		if err := json.Unmarshal(options.Body.Bytes(), &asked); err != nil {
			b.Fatal(err)
		}
		credential, err := keys[i%len(keys)].Get(asked.Options.PublicKey)
		if err != nil {
			b.Fatal(err)
		}
		ask(http.MethodPost, "/api/auth/passkey/verify", `{"credential":`+string(credential)+`}`, options.Result().Cookies())
	}
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
