package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

// elsewhere is the origin of a page application beside the site.
const elsewhere = "https://app.example.com"

func withCORS(m *mapae.Config, c *Config) {
	m.RP.Origins = append(m.RP.Origins, elsewhere)
	c.CORS = []string{elsewhere}
}

// fromPage makes requests those of a script on a page of that origin.
func fromPage(origin, site string) edit {
	return func(r *http.Request) {
		r.Header["Origin"], r.Header["Sec-Fetch-Site"], r.Header["Sec-Fetch-Mode"] = []string{origin}, []string{site}, []string{"cors"}
	}
}

// scripted sends a client's requests as a page of another origin does.
type scripted struct {
	next http.RoundTripper
	edit edit
}

func (s scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	s.edit(r)
	return s.next.RoundTrip(r)
}

func allows(a reply) string { return a.Header.Get("Access-Control-Allow-Origin") }

func TestAPageApplicationElsewhereSignsUpAndIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withCORS)
	p := person{client.New(home, webauthntest.New(elsewhere)), w, nil}
	p.HTTP.Transport = scripted{w, fromPage(elsewhere, "same-site")}
	if _, err := p.SignUp(w.ctx, alice, "Alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.AddPasskey(w.ctx, webauthntest.New(elsewhere), "Second"); err != nil {
		t.Fatal(err)
	}
	ok(t, p.SignOut(w.ctx))
	if _, err := p.SignIn(w.ctx); err != nil {
		t.Fatal(err)
	}
	in := p.send("GET", "/api/auth/session", "", fromPage(elsewhere, "same-site"))
	if in.StatusCode != 200 || allows(in) != elsewhere || in.Header.Get("Access-Control-Allow-Credentials") != "true" ||
		!strings.Contains(strings.Join(in.Header.Values("Vary"), ","), "Origin") {
		t.Errorf("%d %v", in.StatusCode, in.Header)
	}
	ok(t, p.SignOut(w.ctx))
	out := p.send("GET", "/api/auth/session", "", fromPage(elsewhere, "same-site"))
	if out.StatusCode != 401 || allows(out) != elsewhere {
		t.Errorf("a failure can't be read: %d %v", out.StatusCode, out.Header)
	}
}

func TestOnlyListedOriginsMayCallTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withCORS)
	p := w.person()
	const options, verify = "/api/auth/passkey/options", "/api/auth/passkey/verify"
	for name, c := range map[string]struct {
		method, path string
		edits        []edit
	}{
		"an origin that is not listed":        {"POST", options, []edit{fromPage("https://evil.example.com", "same-site")}},
		"one that begins like a listed one":   {"POST", options, []edit{fromPage(elsewhere+".evil.com", "cross-site")}},
		"one that ends like a listed one":     {"POST", options, []edit{fromPage("https://evilapp.example.com", "same-site")}},
		"a listed one without TLS":            {"POST", options, []edit{fromPage("http://app.example.com", "cross-site")}},
		"a listed one at another port":        {"POST", options, []edit{fromPage(elsewhere+":8443", "same-site")}},
		"a listed one in capitals":            {"POST", options, []edit{fromPage("https://APP.example.com", "same-site")}},
		"a listed one with a slash":           {"POST", options, []edit{fromPage(elsewhere+"/", "same-site")}},
		"a listed one beside another":         {"POST", options, []edit{fromPage(elsewhere, "same-site"), header("Origin", elsewhere, "https://evil.com")}},
		"both in one header":                  {"POST", options, []edit{fromPage(elsewhere+", https://evil.com", "same-site")}},
		"a sandboxed frame":                   {"POST", options, []edit{fromPage("null", "cross-site")}},
		"an asterisk":                         {"POST", options, []edit{fromPage("*", "same-site")}},
		"nothing":                             {"POST", options, []edit{fromPage("", "same-site")}},
		"options by GET, not listed":          {"GET", options, []edit{fromPage("https://evil.example.com", "same-site")}},
		"a listed one from another site":      {"GET", options, []edit{fromPage(elsewhere, "cross-site")}},
		"what changes something, not listed":  {"POST", verify, []edit{fromPage("https://evil.example.com", "same-site")}},
		"a form of a listed one":              {"POST", "/sign-in", []edit{fromPage(elsewhere, "same-site"), asForm}},
		"a form's type to the API, by listed": {"POST", "/sign-up", []edit{fromPage(elsewhere, "same-site"), asForm, asHTML}},
	} {
		a := p.send(c.method, c.path, "{}", c.edits...)
		if a.StatusCode != 403 {
			t.Errorf("%s: %d %s, want 403", name, a.StatusCode, a.body)
		}
		if got := allows(a); got != "" && !(name == "a listed one from another site" && got == elsewhere) {
			t.Errorf("%s: allowed for %q", name, got)
		}
	}
	for _, path := range []string{"/sign-in", "/account", "/page.css", "/healthz", "/nowhere"} {
		if a := p.send("GET", path, "", asHTML, fromPage(elsewhere, "same-site")); allows(a) != "" {
			t.Errorf("the page %s can be read by scripts elsewhere: %v", path, a.Header)
		}
	}
	if a := p.send("POST", options, "{}", fromPage(elsewhere, "same-site"), header("Mapae-Client", "app")); a.StatusCode != 400 || allows(a) != "" {
		t.Errorf("a page that says it is an app: %d %v", a.StatusCode, a.Header)
	}
	if a := newWorld(t).person().send("POST", options, "{}", fromPage(elsewhere, "same-site")); a.StatusCode != 403 || a.Header.Get("Vary") != "" {
		t.Errorf("without a list: %d %v", a.StatusCode, a.Header)
	}
}

func TestBrowsersAreToldWhatAListedOriginMaySend(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withCORS)
	p := w.person()
	asks := header("Access-Control-Request-Method", "POST")
	for _, path := range []string{"/api/auth/passkey/verify", "/api/webauthn/AAEC/", "/api/auth/passkey/options"} {
		a := p.send("OPTIONS", path, "", fromPage(elsewhere, "same-site"), asks)
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin": elsewhere, "Access-Control-Allow-Credentials": "true", "Access-Control-Max-Age": "600",
			"Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE", "Access-Control-Allow-Headers": "Content-Type, Mapae-Ticket", "Set-Cookie": "",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if a.StatusCode != 204 || len(a.body) != 0 {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	for name, c := range map[string]struct {
		path  string
		edits []edit
	}{
		"not listed":         {"/api/auth/passkey/verify", []edit{fromPage("https://evil.example.com", "same-site"), asks}},
		"null":               {"/api/auth/passkey/verify", []edit{fromPage("null", "cross-site"), asks}},
		"no request to come": {"/api/auth/passkey/verify", []edit{fromPage(elsewhere, "same-site")}},
		"a page":             {"/sign-in", []edit{fromPage(elsewhere, "same-site"), asks}},
	} {
		a := p.send("OPTIONS", c.path, "", c.edits...)
		if a.StatusCode != 405 || a.Header.Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("%s: %d %v", name, a.StatusCode, a.Header)
		}
	}
}

func TestListedOriginsMayCallRoutesOfTheProgramToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withCORS)
	mux := http.NewServeMux()
	mux.Handle("/", w.site)
	mux.Handle("POST /own/notes", w.site.Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) })))
	mux.Handle("DELETE /own/notes", w.site.Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })))
	mux.Handle("OPTIONS /own/", w.site.Preflight())
	w.h = mux
	p, asks := w.member(alice), header("Access-Control-Request-Method", "POST")
	for name, c := range map[string]struct {
		method, from string
		edits        []edit
		status       int
		allowed      string
	}{
		"a preflight of a listed one": {"OPTIONS", elsewhere, []edit{asks}, 204, elsewhere},
		"a preflight of another":      {"OPTIONS", "https://evil.example.com", []edit{asks}, 405, ""},
		"at another host":             {"OPTIONS", elsewhere, []edit{asks, func(r *http.Request) { r.Host = "evil.com" }}, 421, ""},
		"JSON of a listed one":        {"POST", elsewhere, nil, 201, elsewhere},
		"JSON of another":             {"POST", "https://evil.example.com", nil, 403, ""},
		"a form of a listed one":      {"POST", elsewhere, []edit{asForm}, 403, elsewhere},
		"a removal by a listed one":   {"DELETE", elsewhere, []edit{header("Content-Type")}, 204, elsewhere},
		"a removal by another":        {"DELETE", "https://evil.example.com", []edit{header("Content-Type")}, 403, ""},
	} {
		a := p.send(c.method, "/own/notes", "", append([]edit{fromPage(c.from, "same-site")}, c.edits...)...)
		if a.StatusCode != c.status || allows(a) != c.allowed {
			t.Errorf("%s: %d %v %s, want %d", name, a.StatusCode, a.Header, a.body, c.status)
		}
	}
	w.h = w.site.Protect(mux, Public())
	q := w.person()
	if a := q.send("OPTIONS", "/api/auth/session", "", fromPage(elsewhere, "same-site"), asks); a.StatusCode != 204 || allows(a) != elsewhere {
		t.Errorf("a preflight behind Protect: %d %v", a.StatusCode, a.Header)
	}
	if a := q.send("GET", "/api/auth/session", "", fromPage(elsewhere, "same-site")); a.StatusCode != 401 || allows(a) != elsewhere {
		t.Errorf("nobody's session behind Protect: %d %v", a.StatusCode, a.Header)
	}
	if a := p.send("GET", "/account", "", fromPage(elsewhere, "same-site"), asHTML); a.StatusCode != 200 || allows(a) != "" {
		t.Errorf("a page behind Protect: %d %v", a.StatusCode, a.Header)
	}
}

func TestAnOriginThatCannotBeSharedWithIsRefused(t *testing.T) {
	t.Parallel()
	for origin, reason := range map[string]string{
		"*":                        `web: CORS: "*" is not the origin of a page`,
		"null":                     `web: CORS: "null" is not the origin of a page`,
		"https://*.example.com":    `is not among RP.Origins`,
		"https://app.example.com/": `is not among RP.Origins`,
		"https://APP.example.com":  `is not among RP.Origins`,
		"https://example.org":      `is not among RP.Origins`, // a related origin, on another site
		"https://new.example.com":  `web: CORS: "https://new.example.com" is not among RP.Origins: a passkey that is used there would be refused`,
		"android:apk-key-hash:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8": `is not the origin of a page`,
	} {
		func() {
			defer func() {
				if said, _ := recover().(string); !strings.Contains(said, reason) {
					t.Errorf("%s: New panics with %q, want %q", origin, said, reason)
				}
			}()
			newWorld(t, func(m *mapae.Config, c *Config) {
				m.RP.Origins = append(m.RP.Origins, elsewhere, "android:apk-key-hash:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
				m.RP.RelatedOrigins = []string{"https://example.org"}
				c.CORS = []string{origin}
			})
		}()
	}
}
