package web

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

// cast is who calls the routes: a member with a passkey, and another one.
type cast struct {
	*world
	p, stranger person
	passkey     string // ID of p's passkey, which is not the last
}

func newCast(t *testing.T) cast {
	t.Helper()
	w := newWorld(t, unlimited, allMethods, everything, federatedBy(new(acme)))
	c := cast{world: w, p: w.member(alice), stranger: w.member(bob)}
	w.auth, w.site, w.h = w.mailingNode().parts()
	w.mountSpring()
	if _, err := c.p.AddPasskey(w.ctx, w.person().key, ""); err != nil {
		t.Fatal(err)
	}
	own, err := c.p.Passkeys(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	c.passkey = own[0].ID
	return c
}

// call sends a well-formed request to the row's route as q, after the edits.
func (c cast) call(row row, q person, edits ...edit) reply {
	path := strings.NewReplacer("{id}", c.passkey, "{action}", "rename", "{provider}", "acme").Replace(row.path)
	body := map[bool]string{true: "{}", false: ""}[row.method == "POST" || row.method == "PATCH"]
	if row.face == form || row.face == visit && row.method == "POST" {
		body = "id=" + c.passkey + "&name=x"
		edits = append([]edit{header("Content-Type", "application/x-www-form-urlencoded")}, edits...)
	}
	if row.needs == ticketed || row.needs == either {
		edits = append([]edit{header(ticketHeader, "mt_x")}, edits...)
	}
	return q.send(row.method, path, body, edits...)
}

// filled gives a request all members that any route reads.
func filled(r *http.Request) {
	if r.Method != "GET" {
		*r = *withBody(r, `{"credential":{},"code":"000000","password":"x","method":"totp","email":"new@example.com","name":"x"}`)
	}
}

// everyRow runs f for every route of the table, each with a cast of its own.
func everyRow(t *testing.T, f func(t *testing.T, c cast, row row)) {
	everyRowThat(t, func(row) bool { return true }, f)
}

// everyRowThat is everyRow for those that f is about.
func everyRowThat(t *testing.T, concerns func(row) bool, f func(t *testing.T, c cast, row row)) {
	t.Parallel()
	rows := slices.DeleteFunc(allRows(newWorld(t).site), func(r row) bool { return !concerns(r) })
	if len(rows) == 0 {
		t.Fatal("it is about no route")
	}
	for _, row := range rows {
		t.Run(row.method+" "+row.path, func(t *testing.T) {
			t.Parallel()
			f(t, newCast(t), row)
		})
	}
}

// wantRefused demands the refusal of a row and that nobody lost or got
// anything.
func (c cast) wantRefused(t *testing.T, status int, code mapae.Code, call func() reply) {
	t.Helper()
	c.unchanged([]string{alice, bob}, func() { call().want(t, status, code) })
}

func TestEveryRowDemandsSomebodyByName(t *testing.T) {
	t.Parallel()
	rows := allRows(newWorld(t).site)
	if len(rows) < 69 {
		t.Fatalf("%d routes", len(rows))
	}
	for _, row := range rows {
		if row.needs == nobody || row.handle == nil || row.fresh && row.needs != signedIn && row.needs != confirmed {
			t.Errorf("%s %s: needs %d, fresh %v", row.method, row.path, row.needs, row.fresh)
		}
		if row.method != "GET" && row.body == none || row.method == "GET" && row.body != none {
			t.Errorf("%s %s reads %d bytes", row.method, row.path, row.body)
		}
	}
}

func TestTheGateAsksWhatARowDemands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	mux := http.NewServeMux()
	for path, r := range map[string]row{"/forgotten": {}, "/fresh": {needs: signedIn, fresh: true}, "/signed-in": {needs: signedIn}} {
		r.method, r.path, r.handle = "GET", path, w.site.healthy
		mux.Handle(path, &resource{w.site, []row{r}})
	}
	w.site.mux = mux
	ask := func(path string, status int) {
		t.Helper()
		if a := p.send("GET", path, ""); a.StatusCode != status {
			t.Errorf("%s answers %d %s, want %d", path, a.StatusCode, a.body, status)
		}
	}
	ask("/forgotten", 403)
	ask("/fresh", 200)
	w.pass(10*time.Minute + time.Second)
	ask("/fresh", 403)
	ask("/signed-in", 200)
}

func TestNobodyPassesWithoutASession(t *testing.T) {
	everyRow(t, func(t *testing.T, c cast, row row) {
		anonymous := c.person()
		switch row.needs {
		case signedIn, confirmed:
			c.wantRefused(t, 401, mapae.CodeUnauthenticated, func() reply { return c.call(row, anonymous) })
			c.wantRefused(t, 401, mapae.CodeUnauthenticated, func() reply {
				return c.call(row, anonymous, header("Cookie", "__Host-mapae=ms_"+strings.Repeat("A", 64)))
			})
		case ticketed:
			c.wantRefused(t, 400, mapae.CodeCeremonyInvalid, func() reply { return c.call(row, anonymous, header(ticketHeader)) })
		case either:
			c.wantRefused(t, 401, mapae.CodeUnauthenticated, func() reply { return c.call(row, anonymous, header(ticketHeader)) })
		case anyone:
			if a := c.call(row, anonymous); a.StatusCode >= 500 || a.StatusCode == 401 || a.StatusCode == 403 || a.StatusCode == 404 {
				t.Errorf("answer is %d %s", a.StatusCode, a.body)
			}
		}
	})
}

func TestATicketEvenABadOneWinsOverASession(t *testing.T) {
	everyRow(t, func(t *testing.T, c cast, row row) {
		for _, ticket := range []string{"", "x", "mt_", "mt_" + strings.Repeat("A", 200), c.p.cookie()} {
			call := func() reply { return c.call(row, c.p, header(ticketHeader, ticket)) }
			switch row.needs {
			case signedIn:
				c.wantRefused(t, 401, mapae.CodeUnauthenticated, call)
			case ticketed, either, confirmed:
				if ticket == "" && row.needs == confirmed {
					continue // as none: a step-up is asked for
				}
				c.wantRefused(t, 400, mapae.CodeCeremonyInvalid, func() reply { return c.call(row, c.p, header(ticketHeader, ticket), filled) })
			}
		}
	})
}

func TestAStaleSessionIsAskedForAStepUp(t *testing.T) {
	everyRow(t, func(t *testing.T, c cast, row row) {
		c.pass(10*time.Minute + time.Second)
		if row.fresh {
			c.wantRefused(t, 403, mapae.CodeStepUpRequired, func() reply { return c.call(row, c.p) })
			return
		}
		if a := c.call(row, c.p); a.json("code") == string(mapae.CodeStepUpRequired) && row.needs != confirmed || a.StatusCode >= 500 {
			t.Errorf("answer is %d %s", a.StatusCode, a.body)
		}
	})
}

func TestAnEndedSessionIsNone(t *testing.T) {
	everyRowThat(t, func(r row) bool { return r.needs == signedIn || r.needs == confirmed }, func(t *testing.T, c cast, row row) {
		token := c.p.cookie()
		if err := c.p.SignOut(c.ctx); err != nil {
			t.Fatal(err)
		}
		c.wantRefused(t, 401, mapae.CodeUnauthenticated, func() reply { return c.call(row, c.p, header("Cookie", "__Host-mapae="+token)) })
	})
}

func TestOtherPeoplesThingsAreNotFound(t *testing.T) {
	everyRowThat(t, func(r row) bool { return strings.Contains(r.path, "{") && r.face != visit }, func(t *testing.T, c cast, row row) { // BI-364, BI-365, BI-370, BI-371
		rename := func(r *http.Request) {
			if row.method == "PATCH" {
				*r = *withBody(r, `{"name":"mine"}`)
			}
		}
		c.wantRefused(t, 404, mapae.CodeNotFound, func() reply { return c.call(row, c.stranger, rename) })
		for _, id := range []string{"1", "AAAA", "AAA=", "%41%41%41%41", "..", "%00", "%0a", strings.Repeat("A", 4000)} {
			other := row
			other.path = strings.Replace(row.path, "{id}", id, 1)
			c.passkey = id
			if id == ".." && row.face != form {
				continue // is another path, see TestOddPathsReachNoHandler
			}
			c.wantRefused(t, 404, mapae.CodeNotFound, func() reply { return c.call(other, c.stranger, rename) })
		}
	})
}

func TestAnIDHasOneSpelling(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", c.passkey[21])
	for _, id := range []string{c.passkey[:21] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last+1]), c.passkey + "%0A", c.passkey + "==", c.passkey + "="} {
		c.wantRefused(t, 404, mapae.CodeNotFound, func() reply { return c.p.send("PATCH", "/api/webauthn/"+id, `{"name":"x"}`) })
	}
	c.p.send("PATCH", "/api/webauthn/%"+hexOf(c.passkey[0])+c.passkey[1:], `{"name":"x"}`).want(t, 200, "") // BI-088: decoded once
}

func hexOf(b byte) string { return hex.EncodeToString([]byte{b}) }

func TestOtherSitesReachNothing(t *testing.T) {
	// Visits come from other sites, see TestAnAnswerThatIsPostedIsOnlyPassedOn; and what reads answer can't be read by another site.
	guarded := func(r row) bool { return r.face == options || r.method != "GET" && r.face != visit }
	everyRowThat(t, guarded, func(t *testing.T, c cast, row row) { // BI-470, BI-473
		forged := map[string][]edit{
			"cross-site": {header("Sec-Fetch-Site", "cross-site"), header("Origin", "https://evil.example")},
			"same-site":  {header("Sec-Fetch-Site", "same-site"), header("Origin", "https://other.example.com")},
			"null":       {header("Sec-Fetch-Site", "cross-site"), header("Origin", "null")},
			"no origin":  {header("Sec-Fetch-Site", "cross-site"), header("Origin")},
			"our origin": {header("Sec-Fetch-Site", "same-site"), header("Origin", home)},

			"two origins": {header("Origin", home, "https://evil.example")},
		}
		for name, origin := range map[string]string{
			"an old browser elsewhere": "https://evil.example", "an old browser, null": "null", "http": "http://example.com",
			"another port": "https://example.com:8443", "a subdomain": "https://a.example.com", "with a path": home + "/",
			"upper case": "https://EXAMPLE.com", "a user": "https://user@example.com",
		} {
			forged[name] = []edit{header("Sec-Fetch-Site"), header("Origin", origin)}
		}
		if row.face == options {
			forged["typed into the address bar"] = []edit{header("Sec-Fetch-Site", "none"), header("Origin")}
			forged["a navigation"] = []edit{header("Sec-Fetch-Site", "cross-site"), header("Origin")}
		}
		for name, edits := range forged {
			t.Run(name, func(t *testing.T) {
				c.wantRefused(t, 403, mapae.CodeOriginRejected, func() reply { return c.call(row, c.p, edits...) })
			})
		}
	})
}

// BI-472 wants 403 for cookies without Origin and Sec-Fetch-Site everywhere;
// SECURITY.md, which holds, lets JSON through: another site's page can't send
// it without a preflight, and browsers of before 2020 leave Origin out.
func TestAFormNeedsAnOriginOrARefererOfOurs(t *testing.T) {
	everyRow(t, func(t *testing.T, c cast, row row) {
		silent := []edit{header("Sec-Fetch-Site"), header("Origin")}
		if row.face != form {
			if a := c.call(row, c.p, silent...); a.json("code") == string(mapae.CodeOriginRejected) {
				t.Errorf("answer is %d %s", a.StatusCode, a.body)
			}
			return
		}
		for _, referer := range []string{"", "https://evil.example/account", home + ".evil.example/", "http://example.com/account", "account", "%"} {
			c.wantRefused(t, 403, mapae.CodeOriginRejected, func() reply { return c.call(row, c.p, append(silent, header("Referer", referer))...) })
		}
		a := c.call(row, c.p, append(silent, header("Referer", home+"/account"))...)
		if a.StatusCode >= 500 || a.json("code") == string(mapae.CodeOriginRejected) || strings.Contains(row.path, "{") && a.StatusCode != 303 {
			t.Errorf("with our Referer the answer is %d %s", a.StatusCode, a.body)
		}
	})
}

func TestOnlyTheRoutesOwnContentTypeIsRead(t *testing.T) {
	everyRowThat(t, func(r row) bool { return r.method != "GET" }, func(t *testing.T, c cast, row row) { // BI-005, BI-007
		wrong := []edit{header("Content-Type"), header("Content-Type", "text/plain"), header("Content-Type", "multipart/form-data; boundary=x"),
			header("Content-Type", "application/json; charset=utf-16"), header("Content-Type", "application/jsonp"),
			header("Content-Type", "application/json", "application/json"), header("Content-Encoding", "gzip")}
		if row.face != form && row.face != visit {
			wrong = append(wrong, header("Content-Type", "application/x-www-form-urlencoded"))
		} else {
			wrong = append(wrong, header("Content-Type", "application/json"))
		}
		for _, e := range wrong {
			body := func(r *http.Request) { *r = *withBody(r, `{"a":1}`) }
			c.wantRefused(t, 415, mapae.CodeUnsupportedMediaType, func() reply { return c.call(row, c.p, body, e) })
		}
	})
}

func TestOtherMethodsAreToldWhichThereAre(t *testing.T) {
	everyRow(t, func(t *testing.T, c cast, row row) { // BI-001, BI-002, BI-037, BI-038
		var there []string
		for _, other := range allRows(c.site) {
			if other.path == row.path {
				there = append(there, other.method)
			}
		}
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "PROPFIND"} {
			if slices.Contains(there, method) {
				continue
			}
			other := row
			other.method = method
			c.unchanged([]string{alice, bob}, func() {
				a := c.call(other, c.p, header("X-HTTP-Method-Override", row.method))
				a.want(t, 405, mapae.CodeMethodNotAllowed)
				if allow := a.Header.Get("Allow"); !strings.Contains(allow, row.method) || strings.Contains(allow, method+",") {
					t.Errorf("Allow is %q", allow)
				}
				for name := range a.Header {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("answer has %s", name)
					}
				}
				if strings.Contains(string(a.body), c.p.cookie()) {
					t.Error("the answer echoes the cookie")
				}
			})
		}
	})
}

func readsToo(of row) func(row) bool {
	return func(r row) bool { return r.path == of.path && r.method == "GET" }
}

func TestHeadChangesNothing(t *testing.T) {
	everyRow(t, func(t *testing.T, c cast, row row) { // BI-004; net/http leaves the body out, see TestARealServer…
		other := row
		other.method = "HEAD"
		c.unchanged([]string{alice, bob}, func() {
			a := c.call(other, c.p)
			if want := slices.ContainsFunc(allRows(c.site), readsToo(row)); want != (a.StatusCode != 405) {
				t.Errorf("answer is %d", a.StatusCode)
			}
		})
	})
}

func TestASlashAtTheEndDoesNotMatter(t *testing.T) {
	everyRowThat(t, func(r row) bool { return r.path != "/" }, func(t *testing.T, c cast, row row) {
		slash := row
		slash.path += "/"
		// Each gets a session of its own, for sign-out works only once.
		a := c.call(row, c.p)
		if b := newCast(t); true {
			if got := b.call(slash, b.p); got.StatusCode != a.StatusCode || got.json("code") != a.json("code") {
				t.Errorf("without: %d %s, with: %d %s", a.StatusCode, a.json("code"), got.StatusCode, got.json("code"))
			}
		}
	})
}

func TestAnAppWithWhatOnlyBrowsersSendIsRefused(t *testing.T) {
	everyRowThat(t, func(r row) bool { return r.face != probe }, func(t *testing.T, c cast, row row) {
		app := c.p.app()
		if _, err := app.SignIn(c.ctx); err != nil {
			t.Fatal(err)
		}
		for _, e := range []edit{header("Origin", home), header("Origin", "null"), header("Sec-Fetch-Site", "same-origin"), header("Sec-Fetch-Mode", "cors"), header("Sec-Fetch-Dest", "empty")} {
			c.wantRefused(t, 400, mapae.CodeBadRequest, func() reply { return c.call(row, app, e) })
			c.wantRefused(t, 400, mapae.CodeBadRequest, func() reply { return c.call(row, app, header("Mapae-Client"), e) }) // by its token alone
		}
		for _, kind := range [][]string{{"browser"}, {"App"}, {"app", "app"}, {""}} {
			c.wantRefused(t, 400, mapae.CodeBadRequest, func() reply { return c.call(row, app, header("Mapae-Client", kind...)) })
		}
	})
}

func TestATokenIsNotACookieAndACookieNotAToken(t *testing.T) {
	everyRowThat(t, func(r row) bool { return r.needs == signedIn }, func(t *testing.T, c cast, row row) {
		app := c.p.app()
		if _, err := app.SignIn(c.ctx); err != nil {
			t.Fatal(err)
		}
		c.wantRefused(t, 401, mapae.CodeUnauthenticated, func() reply {
			return c.call(row, c.person(), header("Cookie", "__Host-mapae="+app.Token()))
		})
		c.wantRefused(t, 401, mapae.CodeUnauthenticated, func() reply {
			return c.call(row, c.person().app(), header("Authorization", "Bearer "+c.p.cookie()))
		})
		for _, token := range []string{c.p.cookie(), app.Token()} { // an app's cookies are ignored
			c.wantRefused(t, 401, mapae.CodeUnauthenticated, func() reply {
				return c.call(row, c.person().app(), header("Cookie", "__Host-mapae="+token))
			})
		}
	})
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	everyRow(t, func(t *testing.T, c cast, row row) { // BI-475, BI-476, BI-478
		for name, a := range map[string]reply{
			"answered": c.call(row, c.p), "refused": c.call(row, c.p, header("Mapae-Client", "x")), "foreign": c.call(row, c.p, func(r *http.Request) { r.Host = "evil.example" }),
		} {
			for _, header := range securityHeaders {
				if header[0] == "Cache-Control" && row.face == static {
					continue
				}
				if got := a.Header.Values(header[0]); !slices.Equal(got, header[1:]) {
					t.Errorf("%s: %s is %q", name, header[0], got)
				}
			}
			if id := a.Header.Get("X-Request-Id"); len(id) != 32 {
				t.Errorf("%s: X-Request-Id is %q", name, id)
			}
			if got := a.Header.Get("Strict-Transport-Security"); (got == hsts) != (name != "foreign") {
				t.Errorf("%s: HSTS is %q", name, got)
			}
		}
	})
}

func TestAForeignHostIsMisdirected(t *testing.T) {
	everyRowThat(t, func(r row) bool { return r.face != probe }, func(t *testing.T, c cast, row row) { // BI-020
		for _, host := range []string{"evil.example", "example.com.evil.example", "example.com:8443", "127.0.0.1", "[::1]:443", "example.com@evil.example", ".", "example.com."} {
			c.wantRefused(t, 421, mapae.CodeBadRequest, func() reply {
				a := c.call(row, c.p, func(r *http.Request) { r.Host = host })
				if a.Header.Get("Set-Cookie") != "" || a.Header.Get("Location") != "" || strings.Contains(string(a.body), host) && host != "." {
					t.Errorf("%q is in the answer: %v %s", host, a.Header, a.body)
				}
				return a
			})
		}
	})
}

func TestOddPathsReachNoHandler(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	anonymous := c.person()
	for _, path := range []string{ // BI-029, BI-040
		"/api/unknown", "/api", "/api/", "/unknown", "/api/../account", "//api//auth/session", "/api/auth/./session", "/%2e%2e/account", "/account/..", "/api/auth/session%00",
		"/api/auth%2fsession", "/api/auth/session//", "/API/auth/session", "/metrics", "/debug/pprof/", "/.well-known/nothing", "/login/webauthn/x", "/mapae-0000.js", "/static/page.css",
	} {
		signedIn, nobody := c.p.send("GET", path, ""), anonymous.send("GET", path, "")
		signedIn.want(t, 404, mapae.CodeNotFound)
		nobody.want(t, 404, mapae.CodeNotFound)
		same := func(a reply) string { return variable.ReplaceAllString(string(a.body), "") }
		if same(signedIn) != same(nobody) {
			t.Errorf("%s tells who is signed in:\n%s\n%s", path, signedIn.body, nobody.body)
		}
	}
	mounted := newWorld(t, func(_ *mapae.Config, c *Config) { c.Base = "/auth/" })
	mounted.site.cfg.Base = "/auth"
	for path, status := range map[string]int{"/auth/healthz": 200, "/healthz": 404, "/authhealthz": 404, "/auth//healthz": 404, "/auth": 303, "/auth/": 303} {
		r, _ := http.NewRequest("GET", home+path, nil)
		if a, _ := mounted.RoundTrip(r); a.StatusCode != status {
			t.Errorf("%s answers %d, want %d", path, a.StatusCode, status)
		}
	}
}
