package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

func TestWhatClientsMayDoDifferentlyIsAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	options := "/api/auth/passkey/options"
	for _, c := range []struct {
		name  string
		edits []edit
		body  string
	}{
		{"BI-008 with a charset", []edit{header("Content-Type", "application/json; charset=utf-8")}, `{}`},
		{"BI-008 with a charset in quotes", []edit{header("Content-Type", `application/json;charset="UTF-8"`)}, `{}`},
		{"BI-010 in capitals", []edit{header("Content-Type", "Application/JSON")}, `{}`},
		{"BI-011 an empty body", nil, ``},
		{"white space", nil, " {\r\n} "},
		{"BI-032 another Accept", []edit{header("Accept", "text/xml")}, `{}`},
		{"no Accept", []edit{header("Accept")}, `{}`},
		{"the port written out", []edit{func(r *http.Request) { r.Host = "example.com:443" }}, `{}`},
		{"the host in capitals", []edit{func(r *http.Request) { r.Host = "EXAMPLE.com" }}, `{}`},
		{"an old browser", []edit{header("Sec-Fetch-Site")}, `{}`},
		{"a browser of before 2020", []edit{header("Sec-Fetch-Site"), header("Origin")}, `{}`},
		{"basic authentication of a proxy", []edit{header("Authorization", "Basic eA==")}, `{}`},
		{"members that don't matter", nil, `{"a":[{"b":null}]}`},
	} {
		a := p.send("POST", options, c.body, c.edits...)
		if a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", c.name, a.StatusCode, a.body)
		}
	}
	p.send("POST", "/api/auth/logout", "").want(t, 200, "")
}

func TestBodiesThatAreTooLargeAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	for _, c := range []struct {
		method, path string
		limit        int
	}{
		{"POST", "/api/auth/passkey/options", small}, {"POST", "/api/auth/passkey/verify", large},
		{"PATCH", "/api/webauthn/" + encode64(p.key.Credentials()[0].ID), small},
	} {
		body := func(n int) string { return `{"x":"` + strings.Repeat("x", n-len(`{"x":""}`)) + `"}` }
		if a := p.send(c.method, c.path, body(c.limit)); a.StatusCode == 413 {
			t.Errorf("%s: %d bytes are refused", c.path, c.limit)
		}
		p.send(c.method, c.path, body(c.limit+1)).want(t, 413, mapae.CodeBodyTooLarge)
		hidden := func(r *http.Request) { r.ContentLength = -1 }
		p.send(c.method, c.path, body(c.limit+1), hidden).want(t, 413, mapae.CodeBodyTooLarge)
	}
}

func TestTheQueryOfRegistrationOptionsIsStrict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	for _, query := range []string{"mediation=", "mediation=silent", "mediation=conditional&mediation=conditional", "mediation=%zz"} {
		p.send("GET", "/api/webauthn/register/options/", "", func(r *http.Request) { r.URL.RawQuery = query }).want(t, 400, mapae.CodeBadRequest)
	}
}

func TestOnlyTheWholeTokenIsASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	token := p.cookie()
	ask := func(value string) reply {
		return w.person().send("GET", "/api/auth/session", "", header("Cookie", value))
	}
	ask("__Host-mapae="+token).want(t, 200, "")
	// White space around a cookie or header is the transport's and not the token's.
	for n := range len(token) { // BI-464
		ask("__Host-mapae="+token[:n]).want(t, 401, mapae.CodeUnauthenticated)
	}
	for _, value := range []string{ // BI-458, BI-466
		"__Host-mapae=" + strings.ToLower(token), "__Host-mapae=" + token + "=", "__Host-mapae=" + token + "A", "__Host-mapae=%20" + token, `__Host-mapae="` + token + `"`,
		"__Host-mapae=" + token + "; __Host-mapae=" + token, "__Host-mapae=x; __Host-mapae=" + token, "mapae=" + token, "__Secure-mapae=" + token, "__host-mapae=" + token,
		"mapae-443=" + token, "__Host-mapae-b-AAAA=" + token, "__Host-mapae=" + strings.TrimPrefix(token, "ms_"), "__Host-mapae=mt_" + strings.TrimPrefix(token, "ms_"),
	} {
		ask(value).want(t, 401, mapae.CodeUnauthenticated)
	}
	app := p.app()
	if _, err := app.SignIn(w.ctx); err != nil {
		t.Fatal(err)
	}
	bearer := func(values ...string) reply {
		return w.person().app().send("GET", "/api/auth/session", "", header("Authorization", values...))
	}
	bearer("Bearer "+app.Token()).want(t, 200, "")
	bearer("bearer "+app.Token()).want(t, 200, "")
	bearer("Bearer  "+app.Token()).want(t, 401, mapae.CodeUnauthenticated)
	bearer("Bearer").want(t, 401, mapae.CodeUnauthenticated)
	bearer("Bearer "+app.Token(), "Bearer "+app.Token()).want(t, 400, mapae.CodeBadRequest)
	for _, query := range []string{"?token=", "?access_token=", "?bearer="} { // BI-479
		w.log.Reset()
		w.person().send("GET", "/api/auth/session"+query+app.Token(), "").want(t, 401, mapae.CodeUnauthenticated)
		if strings.Contains(w.log.String(), app.Token()) {
			t.Error("the log has the token")
		}
	}
}

func TestASessionIsNewAtEachSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	planted := "ms_" + strings.Repeat("A", 64)
	body := p.answered(p.BeginAutofill)
	var binding string
	for _, c := range p.HTTP.Jar.Cookies(mustURL(home)) {
		if strings.Contains(c.Name, bindingMark) {
			binding = c.Name + "=" + c.Value
		}
	}
	a := p.send("POST", "/api/auth/passkey/verify", body, header("Cookie", "__Host-mapae="+planted+"; "+binding)).want(t, 200, "") // BI-457
	cookies := a.Cookies()
	if len(cookies) != 1 || cookies[0].Value == planted || cookies[0].Name != "__Host-mapae" {
		t.Fatalf("cookies are %v", cookies)
	}
	c := cookies[0]
	if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge < 30*24*3600-5 || c.MaxAge > 30*24*3600 {
		t.Errorf("the cookie is %s", c)
	}
	if n := len(c.String()); n > 400 { // BI-469
		t.Errorf("the cookie has %d bytes", n)
	}
	w.person().send("GET", "/api/auth/session", "", header("Cookie", "__Host-mapae="+planted)).want(t, 401, mapae.CodeUnauthenticated)
}

func TestSessionsEndWhenIdleAndAtTheirEnd(t *testing.T) {
	t.Parallel()
	policy := func(c *mapae.Config, _ *Config) {
		c.Sessions = mapae.SessionPolicy{Idle: time.Hour, Absolute: 3 * time.Hour}
	}
	ask := func(p person) int { return p.send("GET", "/api/auth/session", "").StatusCode }
	t.Run("idle", func(t *testing.T) { // BI-467
		w := newWorld(t, policy)
		p := w.member(alice)
		w.pass(time.Hour - time.Second)
		if got := ask(p); got != 200 {
			t.Errorf("before the idle end: %d", got)
		}
		w.pass(time.Hour + time.Second)
		if got := ask(p); got != 401 {
			t.Errorf("after the idle end: %d", got)
		}
	})
	t.Run("absolute", func(t *testing.T) {
		w := newWorld(t, policy)
		p := w.member(alice)
		for range 5 {
			w.pass(35 * time.Minute)
			if got := ask(p); got != 200 {
				t.Errorf("in use: %d", got)
			}
		}
		w.pass(5*time.Minute - time.Second)
		if got := ask(p); got != 200 {
			t.Errorf("before the absolute end: %d", got)
		}
		w.pass(2 * time.Second)
		if got := ask(p); got != 401 {
			t.Errorf("after the absolute end: %d", got)
		}
	})
}

func TestCookiesOfADevelopmentServerHaveItsPortAndNoPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mapae.Config, _ *Config) {
		c.RP = mapae.RelyingParty{ID: "localhost", Origins: []string{"http://localhost:8080"}}
	})
	r, err := http.NewRequest("GET", "http://localhost:8080/api/auth/passkey/options", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	c := a.Cookies()
	if len(c) != 1 || !strings.HasPrefix(c[0].Name, "mapae-8080-b-") || c[0].Secure || !c[0].HttpOnly {
		t.Errorf("cookies are %v", c)
	}
	if a.Header.Get("Strict-Transport-Security") != "" {
		t.Error("HSTS over http")
	}
}

func TestForwardedHeadersOfStrangersMeanNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *mapae.Config, c *Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	for _, c := range []struct {
		peer string
		xff  []string
		want string
	}{
		{"192.0.2.1:1", nil, "192.0.2.1"},
		{"192.0.2.1:1", []string{"198.51.100.1"}, "192.0.2.1"},
		{"10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"203.0.113.9", "198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"10.0.0.1:1", []string{"198.51.100.1, nonsense"}, "10.0.0.1"},
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"[::ffff:10.0.0.1]:1", []string{"2001:db8::1"}, "2001:db8::1"},
		{"[fe80::1%eth0]:1", nil, "fe80::1"},
		{"@", []string{"198.51.100.1"}, ""},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.xff}}
		if got := w.site.address(r); got != c.want {
			t.Errorf("from %s by %q: %q, want %q", c.peer, c.xff, got, c.want)
		}
	}
	a := w.person().send("GET", "/api/auth/passkey/options", "", header("X-Forwarded-Proto", "http"), header("X-Forwarded-Host", "evil.example"), header("Forwarded", "host=evil.example;proto=http")) // BI-022
	for _, c := range a.want(t, 200, "").Cookies() {
		if !c.Secure || c.Domain != "" {
			t.Errorf("the cookie is %s", c)
		}
	}
	if strings.Contains(string(a.body), "evil") || a.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("answer is %v %s", a.Header, a.body)
	}
}

// wrong is a sign-in that fails.
func (p person) wrong(edits ...edit) reply {
	return p.send("POST", "/api/auth/passkey/verify", `{"credential":{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA"},"clientExtensionResults":{}}}`, edits...)
}

func TestFailuresAreLimitedByAddressAndGoodSignInsNever(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	for i := range 30 {
		a := p.wrong(header("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))) // BI-023
		if a.StatusCode == 429 {
			t.Fatalf("failure %d is limited", i+1)
		}
	}
	a := p.wrong(header("X-Forwarded-For", "198.51.100.99")).want(t, 429, mapae.CodeRateLimited)
	if a.Header.Get("Retry-After") != "20" || !strings.Contains(string(a.body), `"retry_after":20`) {
		t.Errorf("Retry-After is %q in %s", a.Header.Get("Retry-After"), a.body)
	}
	for range 50 {
		if _, err := p.SignIn(w.ctx); err != nil {
			t.Fatalf("a good sign-in: %v", err)
		}
	}
	taken := `{"email":"` + alice + `","name":"x"}`
	p.send("POST", "/api/auth/signup/passkey/options", taken).want(t, 429, mapae.CodeRateLimited) // name by name
	w.peer = "192.0.2.2:1"
	if a := p.wrong(); a.StatusCode == 429 {
		t.Error("another address is limited")
	}
	w.peer = "192.0.2.1:99"
	w.pass(21 * time.Second)
	if a := p.wrong(); a.StatusCode == 429 {
		t.Error("limited after the time that was told")
	}
	p.wrong().want(t, 429, mapae.CodeRateLimited)
	p.send("POST", "/api/auth/passkey/verify", "not JSON").want(t, 400, mapae.CodeBadRequest) // counts for nothing
}

func TestAnIPv6AddressCountsAsItsNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *mapae.Config, c *Config) { c.Limits.Failures = 1 })
	for peer, limited := range map[string]bool{"[2001:db8::1]:1": false, "[2001:db8:0:1::1]:1": false} {
		w.peer = peer
		if got := w.person().wrong().StatusCode == 429; got != limited {
			t.Errorf("%s limited: %v", peer, got)
		}
	}
	w.peer = "[2001:db8::ffff:1]:1"
	w.person().wrong().want(t, 429, mapae.CodeRateLimited)
}

func TestAnAppsCookiesAreIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, err := http.NewRequest("GET", home, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.RemoteAddr = w.peer
	r.Header.Set("Cookie", "__Host-mapae-b-AAAA="+strings.Repeat("A", 43))
	if got := w.site.newExchange(r).client; got.App || len(got.Bindings) != 1 {
		t.Errorf("a browser is %+v", got)
	}
	r.Header.Set(clientHeader, "app")
	if got := w.site.newExchange(r).client; !got.App || got.Bindings != nil {
		t.Errorf("an app is %+v", got)
	}
}

func TestSignUpsAreLimitedBeforeAPasskeyIsMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 20 {
		if _, err := w.person().SignUp(w.ctx, fmt.Sprintf("p%d@example.com", i), "P"); err != nil {
			t.Fatalf("sign-up %d: %v", i+1, err)
		}
	}
	p := w.person()
	_, _, err := p.BeginSignUp(w.ctx, alice, "Alice", "")
	wantCode(t, err, 429, mapae.CodeRateLimited)
	w.pass(3*time.Minute + time.Second)
	if _, err := p.SignUp(w.ctx, alice, "Alice"); err != nil {
		t.Errorf("after three minutes: %v", err)
	}
}

func TestTheTableOfAddressesIsBounded(t *testing.T) {
	t.Parallel()
	l := newLimiter(Limit{"test", 2, time.Minute})
	now := time.Unix(1e9, 0)
	victim := limitKey("192.0.2.1")
	for range 2 {
		if err := l.take(victim, now); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 * maxKeys {
		_ = l.take(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32), now)
		if i%1000 == 0 && l.take(victim, now) == nil {
			t.Fatalf("who was seen lately is forgotten after %d others", i)
		}
	}
	if n := len(l.young) + len(l.old); n > 2*maxKeys {
		t.Errorf("%d addresses are kept", n)
	}
}

func TestOneLineIsLoggedForEachRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	evil := "x\r\nlevel=ERROR msg=forged \x1b[31m" + strings.Repeat("A", 5000)
	for _, c := range []struct {
		method, path, body string
		want               []string
	}{ // BI-028
		{"GET", "/api/auth/session?q=secret", "", []string{"level=INFO", "method=GET", "route=/api/auth/session", "status=200", "duration=", "request_id="}},
		{"GET", "/api/nothing/secret", "", []string{`route=""`, "status=404", "error=not_found"}},
		{"PATCH", "/api/webauthn/AAAA", `{"name":"secret\r\n"}`, []string{"route=/api/webauthn/{id}", "status=400", "error=bad_request", "cause="}},
		{"POST", "/api/auth/signup/passkey/options", `{"email":"secret","name":"x"}`, []string{"status=400", "(email)"}},
	} {
		w.log.Reset()
		p.send(c.method, c.path, c.body, header("User-Agent", evil))
		line := w.log.String()
		if strings.Count(line, "\n") != 1 || strings.ContainsAny(line, "\r\x1b") || len(line) > 1200 {
			t.Errorf("%s %s: %q", c.method, c.path, line)
		}
		for _, part := range c.want {
			if !strings.Contains(line, part) {
				t.Errorf("%s %s: no %s in %q", c.method, c.path, part, line)
			}
		}
		if strings.Contains(line, "secret") || strings.Contains(line, p.cookie()) {
			t.Errorf("%s %s: the log has what was typed: %q", c.method, c.path, line)
		}
	}
	w.log.Reset()
	p.send("POST", "/api/auth/logout", "{}", header("Origin", "https://"+strings.Repeat("x", 5000)))
	if line := w.log.String(); len(line) > 1200 || !strings.Contains(line, "origin_rejected") {
		t.Errorf("a line of %d bytes: %s", len(line), line)
	}
	w.log.Reset()
	r, err := http.NewRequest(strings.Repeat("M", 5000), home+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.URL, _ = url.Parse(home + "/")
	if _, err := w.RoundTrip(r); err != nil || len(w.log.String()) > 1200 {
		t.Errorf("%v, a line of %d bytes", err, w.log.Len())
	}
	if got := cut(strings.Repeat("é", 200)); len(got) != 256 || got != strings.Repeat("é", 128) {
		t.Errorf("cut leaves %d bytes", len(got))
	}
	if got := cut(strings.Repeat("é", 127) + "x" + "é"); got != strings.Repeat("é", 127)+"x" {
		t.Errorf("cut leaves %q", got)
	}
}
