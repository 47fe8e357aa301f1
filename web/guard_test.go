package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

// whoami answers who is signed in, as a program would that mounts the site.
func whoami(s *Site) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, ok := s.User(r)
		cur, in := SessionFrom(r.Context())
		fmt.Fprintf(w, "%s %v %v %s", user.Login, ok, in, cur.User.Login)
	})
}

// mounted is a program with the site at /auth, and routes of its own.
func mounted(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, func(_ *mapae.Config, c *Config) { c.Base = "/auth" })
	mux := http.NewServeMux()
	mux.Handle("/auth/", w.site)
	mux.Handle("GET /open", whoami(w.site))
	mux.Handle("/account", w.site.Require(whoami(w.site)))
	mux.Handle("POST /transfer", w.site.Require(whoami(w.site), mapae.PhishingResistant(), mapae.Within(5*time.Minute)))
	mux.Handle("GET /transfer", w.site.Require(whoami(w.site), mapae.Within(5*time.Minute)))
	w.h = mux
	return w
}

// at sends a request to a route outside of the site.
func (p person) at(method, path string, edits ...edit) reply {
	base := p.w.site.cfg.Base
	return p.send(method, base+path, "", append([]edit{func(r *http.Request) {
		r.URL.Path = strings.TrimPrefix(r.URL.Path, base+base)
		r.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, base+base)
	}}, edits...)...)
}

func navigation(r *http.Request) {
	r.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Site", "none")
}

func TestAContextThatIsPrintedTellsNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	printed, token := "", ""
	w.h = w.site.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		printed = fmt.Sprintf("%v %+v %#v %s", r.Context(), r.Context(), r.Context(), r.Context())
		for _, c := range r.Cookies() {
			token += c.Value + " "
		}
	}))
	if a := p.at("GET", "/page"); a.StatusCode != 200 {
		t.Fatalf("answer is %d %s", a.StatusCode, a.body)
	}
	if want := "web.exchange web.exchange web.exchange web.exchange"; printed != want || !strings.Contains(token, mapae.SessionPrefix) {
		t.Errorf("who came with %q is printed as %q", token, printed)
	}
}

func TestRequireLetsInWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	w := mounted(t)
	p := w.member(alice)
	a := p.at("GET", "/account")
	if a.StatusCode != 200 || string(a.body) != alice+" true true "+alice || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("answer is %d %v %s", a.StatusCode, a.Header, a.body)
	}
	if a := p.at("GET", "/open"); string(a.body) != alice+" true false " {
		t.Errorf("an open page sees %s", a.body)
	}
	if a := w.person().at("GET", "/open"); string(a.body) != " false false " {
		t.Errorf("an open page sees %s", a.body)
	}
	app := p.app()
	if _, err := app.SignIn(w.ctx); err != nil {
		t.Fatal(err)
	}
	if a := app.at("POST", "/transfer"); a.StatusCode != 200 {
		t.Errorf("an app is answered %d %s", a.StatusCode, a.body)
	}
}

func TestRequireTurnsOthersAway(t *testing.T) {
	t.Parallel()
	w := mounted(t)
	nobody := w.person()
	a := nobody.at("GET", "/account").want(t, 401, mapae.CodeUnauthenticated)
	if csp := a.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "img-src 'self';") || strings.Contains(csp, "data:") {
		t.Errorf("the refusal has Content-Security-Policy %q", csp)
	}
	nobody.at("POST", "/transfer").want(t, 401, mapae.CodeUnauthenticated)
	a = nobody.at("GET", "/account?tab=1&x=%2F", navigation)
	if got, want := a.Header.Get("Location"), "/auth/sign-in?next="+url.QueryEscape("/account?tab=1&x=%2F"); a.StatusCode != 303 || got != want {
		t.Errorf("a browser is answered %d to %q, want %q", a.StatusCode, got, want)
	}
	bare := *w
	bare.h = w.site.Require(whoami(w.site)) // without a mux, which cleans paths
	if a := bare.person().at("GET", "//evil.example/account", navigation); a.Header.Get("Location") != "/auth/sign-in?next=" {
		t.Errorf("sent to %q", a.Header.Get("Location"))
	}
	a = nobody.at("POST", "/account", navigation, header("Sec-Fetch-Site", "same-origin"))
	if a.StatusCode != 401 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		t.Errorf("a form is answered %d %v", a.StatusCode, a.Header)
	}
	nobody.at("GET", "/account", func(r *http.Request) { r.Host = "evil.example" }).want(t, 421, mapae.CodeBadRequest)
	w.log.Reset()
	nobody.at("GET", "/account")
	if line := w.log.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, "route=/account status=401") {
		t.Errorf("a refusal is logged as %s", line)
	}
}

func TestRequireMeetsDemandsByOneUse(t *testing.T) {
	t.Parallel()
	w := mounted(t)
	p := w.member(alice)
	if a := p.at("POST", "/transfer"); a.StatusCode != 200 {
		t.Errorf("fresh: %d %s", a.StatusCode, a.body)
	}
	w.pass(5*time.Minute + time.Second)
	p.at("POST", "/transfer").want(t, 403, mapae.CodeStepUpRequired)
	a := p.at("GET", "/transfer", navigation)
	if got := a.Header.Get("Location"); a.StatusCode != 303 || got != "/auth/sign-in?next=%2Ftransfer&step_up=1" {
		t.Errorf("a browser is answered %d to %q", a.StatusCode, got)
	}
	if a := p.at("GET", "/account"); a.StatusCode != 200 {
		t.Errorf("without a demand: %d", a.StatusCode)
	}
	if _, err := p.Reauth(w.ctx); err != nil {
		t.Fatal(err)
	}
	if a := p.at("POST", "/transfer"); a.StatusCode != 200 {
		t.Errorf("after a step-up: %d %s", a.StatusCode, a.body)
	}
}

func TestRequireRefusesForgedRequests(t *testing.T) {
	t.Parallel()
	w := mounted(t)
	p := w.member(alice)
	form := header("Content-Type", "application/x-www-form-urlencoded")
	for name, edits := range map[string][]edit{
		"cross-site":              {header("Sec-Fetch-Site", "cross-site"), header("Origin", "https://evil.example")},
		"same-site":               {header("Sec-Fetch-Site", "same-site"), header("Origin", "https://a.example.com")},
		"an old browser":          {header("Sec-Fetch-Site"), header("Origin", "http://example.com")},
		"a form without headers":  {header("Sec-Fetch-Site"), header("Origin"), form},
		"a form without its type": {header("Sec-Fetch-Site"), header("Origin"), header("Content-Type")},
		"another's referer":       {header("Sec-Fetch-Site"), header("Origin"), form, header("Referer", "https://evil.example/")},
	} {
		t.Run(name, func(t *testing.T) { p.at("POST", "/transfer", edits...).want(t, 403, mapae.CodeOriginRejected) })
	}
	if a := p.at("POST", "/transfer", header("Sec-Fetch-Site"), header("Origin"), form, header("Referer", home+"/pay")); a.StatusCode != 200 {
		t.Errorf("with our Referer: %d %s", a.StatusCode, a.body)
	}
	p.at("GET", "/account", header(ticketHeader, "mt_x")).want(t, 401, mapae.CodeUnauthenticated)
	p.at("GET", "/account", header("Mapae-Client", "app")).want(t, 400, mapae.CodeBadRequest)
}

func TestProtectClosesWhatIsNotNamed(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "/auth"} {
		t.Run("mounted at "+base, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(_ *mapae.Config, c *Config) { c.Base = base })
			mux := http.NewServeMux()
			mux.Handle(or(base, "")+"/", w.site)
			reached := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "reached") })
			for _, path := range []string{"/about", "/about/us", "/public/a", "/secret", "/transfer", "/account"} {
				mux.Handle(path, reached)
			}
			w.h = w.site.Protect(mux, Public("/about", "/public/*"))
			for path, open := range map[string]bool{
				"/about": true, "/public/a": true, "/about/us": false, "/secret": false, "/transfer": false, "/about/": false, "/nothing": false,
				"/public%2Fa": false, "/public/a%2fb": false, "/%61bout": false, "/public/a(b)": true, "/public/a%20b": true,
				"/public/../secret": false, "/public/%2e%2e/secret": false, "/about/../secret": false, "//about": false, "/publicity": false, "/public": false,
				base + "/sign-in": true, base + "/api/auth/passkey/options": true, base + "/mapae.js": true, base + "/elements.js": true, base + "/healthz": true,
				base + "/api/auth/session": false, base + "/api/webauthn/": false, "/account": false, base + "/nothing": false,
			} {
				r, err := http.NewRequest("GET", home+"/", nil)
				if err != nil {
					t.Fatal(err)
				}
				if r.URL, err = url.Parse("https://example.com" + path); err != nil {
					t.Fatal(err)
				}
				a, err := w.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				if got := a.StatusCode != 401; got != open {
					t.Errorf("%s answers %d, open should be %v", path, a.StatusCode, open)
				}
			}
			if a := w.member(alice).at("GET", "/secret"); string(a.body) != "reached" {
				t.Errorf("signed in: %d %s", a.StatusCode, a.body)
			}
		})
	}
}

func TestASiteFailsWithoutTellingHow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken := &resource{site: w.site, rows: []row{{method: "GET", path: "/broken", needs: anyone, handle: func(rw http.ResponseWriter, r *http.Request) error {
		if r.URL.RawQuery == "late" {
			rw.WriteHeader(200)
		}
		if r.URL.RawQuery == "error" {
			return fmt.Errorf("the secret cause")
		}
		panic("the secret cause")
	}}}}
	mux := http.NewServeMux()
	mux.Handle("/broken", broken)
	w.site.mux = mux
	p := w.person()
	for _, query := range []string{"", "?error"} { // BI-485
		w.log.Reset()
		a := p.send("GET", "/broken"+query, "").want(t, 500, mapae.CodeInternal)
		if text := string(a.body); strings.Contains(text, "secret") || strings.Contains(text, ".go") || !strings.Contains(text, a.Header.Get("X-Request-Id")) {
			t.Errorf("the answer tells %s", text)
		}
		if !strings.Contains(w.log.String(), "the secret cause") || !strings.Contains(w.log.String(), a.Header.Get("X-Request-Id")) {
			t.Errorf("the log has %s", w.log)
		}
	}
	a := p.send("GET", "/broken", "", navigation)
	if a.StatusCode != 500 || !strings.Contains(string(a.body), a.Header.Get("X-Request-Id")) || strings.Contains(string(a.body), "secret") {
		t.Errorf("the page is %d %s", a.StatusCode, a.body)
	}
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("a panic in the middle of an answer becomes %v", p)
			}
		}()
		p.send("GET", "/broken?late", "")
	}()
}

func TestDevelopmentLeadsFromAnAddressToItsOrigin(t *testing.T) {
	t.Parallel()
	for _, development := range []bool{true, false} {
		w := newWorld(t, func(c *mapae.Config, f *Config) {
			c.RP = mapae.RelyingParty{ID: "localhost", Origins: []string{"http://localhost:8080"}}
			f.Development = development
		})
		for from, to := range map[string]string{
			"http://127.0.0.1:8080/sign-in?next=%2Fx": "http://localhost:8080/sign-in?next=%2Fx", "http://[::1]:8080/": "http://localhost:8080/",
			"http://192.0.2.7:8080/": "", "http://evil.example/": "", "http://127.0.0.1:8080/api/auth/session": "",
		} {
			r, err := http.NewRequest("GET", from, nil)
			if err != nil {
				t.Fatal(err)
			}
			a, err := w.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			if !development {
				to = ""
			}
			if got := a.Header.Get("Location"); got != to || to == "" && a.StatusCode != 421 {
				t.Errorf("development %v, %s: %d to %q, want %q", development, from, a.StatusCode, got, to)
			}
		}
	}
}

func TestDevelopmentLeadsToTheSamePageOfTheProgramAtItsOrigin(t *testing.T) {
	t.Parallel()
	for _, development := range []bool{true, false} {
		w := newWorld(t, func(c *mapae.Config, f *Config) {
			c.RP = mapae.RelyingParty{ID: "localhost", Origins: []string{"http://localhost:8080"}}
			f.Base, f.Development = "/auth", development
		})
		closed := w.site.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody came in") }))
		for _, c := range []struct{ method, from, accept, to string }{
			{"GET", "http://127.0.0.1:8080/notes?a=b", "text/html", "http://localhost:8080/notes?a=b"},
			{"GET", "http://[::1]:8080/notes", "text/html", "http://localhost:8080/notes"},
			{"GET", "http://127.0.0.1:8080//evil.example", "text/html", "http://localhost:8080"},
			{"GET", "http://127.0.0.1:8080/notes", "application/json", ""},
			{"POST", "http://127.0.0.1:8080/notes", "text/html", ""},
			{"GET", "http://evil.example/notes", "text/html", ""},
			{"GET", "http://192.0.2.7:8080/notes", "text/html", ""},
		} {
			r, answer := httptest.NewRequest(c.method, c.from, nil), httptest.NewRecorder()
			r.RequestURI = r.URL.RequestURI()
			r.Header.Set("Accept", c.accept)
			closed.ServeHTTP(answer, r)
			want := 307
			if !development || c.to == "" {
				c.to, want = "", 421
			}
			if got := answer.Header().Get("Location"); got != c.to || answer.Code != want {
				t.Errorf("development %v, %s %s for %s: %d to %q, want %d to %q", development, c.method, c.from, c.accept, answer.Code, got, want, c.to)
			}
		}
	}
}
