package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

const androidKey = "android:apk-key-hash:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

func everything(d *mapae.Config, c *Config) {
	d.RP.Origins = append(d.RP.Origins, androidKey)
	d.RP.RelatedOrigins = []string{"https://example.co.kr"}
	c.WellKnown.AppleApps = []string{"ABCDE12345.com.example.app"}
	c.WellKnown.AndroidApps = []string{"com.example.app"}
}

func TestTheWellKnownPathsSayWhatIsConfigured(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"webauthn":          `{"origins":["https://example.co.kr"]}`,
		"passkey-endpoints": `{"enroll":"https://example.com/account","manage":"https://example.com/account"}`,
		"assetlinks.json": `[{"relation":["delegate_permission/common.handle_all_urls","delegate_permission/common.get_login_creds"],"target":{"namespace":"android_app",` +
			`"package_name":"com.example.app","sha256_cert_fingerprints":["00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"]}}]`,
		"apple-app-site-association": `{"webcredentials":{"apps":["ABCDE12345.com.example.app"]}}`,
	}
	p := newWorld(t, everything).person()
	for path, body := range want {
		for _, host := range []string{"example.com", "www.example.com"} { // the RP ID's host may not be that of the pages
			a := p.send("GET", "/.well-known/"+path, "", func(r *http.Request) { r.Host = host }).want(t, 200, "")
			if string(a.body) != body || a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s at %s is %s %s", path, host, a.Header.Get("Content-Type"), a.body)
			}
		}
	}
	a := p.send("GET", "/.well-known/change-password", "").want(t, 303, "")
	if got := a.Header.Get("Location"); got != home+"/account" {
		t.Errorf("change-password leads to %s", got)
	}
}

func TestWhatIsNotConfiguredIsNotFound(t *testing.T) {
	t.Parallel()
	p := newWorld(t).person()
	for _, path := range []string{"webauthn", "assetlinks.json", "apple-app-site-association", "acme-challenge/x", ""} {
		p.send("GET", "/.well-known/"+path, "").want(t, 404, mapae.CodeNotFound)
	}
	p.send("GET", "/.well-known/passkey-endpoints", "").want(t, 200, "")
}

func TestWellKnownPathsStandAtTheRootWhereverTheSiteIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, everything, func(_ *mapae.Config, c *Config) { c.Base = "/auth" })
	mux := http.NewServeMux()
	mux.Handle("/auth/", w.site)
	for pattern, h := range w.site.WellKnown() {
		mux.Handle(pattern, h)
	}
	mux.HandleFunc("/.well-known/acme-challenge/", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusTeapot) })
	w.h = mux
	get := func(path string) *http.Response {
		r, err := http.NewRequest("GET", home+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := w.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := get("/.well-known/change-password"); a.Header.Get("Location") != home+"/auth/account" {
		t.Errorf("change-password leads to %s", a.Header.Get("Location"))
	}
	if a := get("/.well-known/acme-challenge/x"); a.StatusCode != http.StatusTeapot {
		t.Errorf("the host's own path answers %d", a.StatusCode)
	}
	if a := get("/auth/.well-known/webauthn"); a.StatusCode != 404 {
		t.Errorf("below Base it answers %d", a.StatusCode)
	}
	own := newWorld(t, func(_ *mapae.Config, c *Config) { c.WellKnown.Account = "/settings/security" })
	if a := own.person().send("GET", "/.well-known/change-password", ""); a.Header.Get("Location") != home+"/settings/security" {
		t.Errorf("change-password leads to %s", a.Header.Get("Location"))
	}
}

func TestMistakesInWellKnownAreNamed(t *testing.T) {
	t.Parallel()
	origins := []string{home, androidKey}
	if err := (WellKnown{AppleApps: []string{"ABCDE12345.app"}, AndroidApps: []string{"com.example.app_2"}, Account: "/a?b=c"}).Check(origins); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		k    WellKnown
		at   []string
		says string
	}{
		{WellKnown{AppleApps: []string{"com.example.app"}}, origins, `AppleApps: "com.example.app"`},
		{WellKnown{AppleApps: []string{"ABCDE12345."}}, origins, `AppleApps: "ABCDE12345."`},
		{WellKnown{AndroidApps: []string{"app"}}, origins, `AndroidApps: "app"`},
		{WellKnown{AndroidApps: []string{`com.example"`}}, origins, `AndroidApps: "com.example\""`},
		{WellKnown{AndroidApps: []string{"com.example.app"}}, []string{home}, "no android:apk-key-hash"},
		{WellKnown{Account: "https://evil.example/"}, origins, "Account"},
		{WellKnown{Account: "//evil.example/"}, origins, "Account"},
	} {
		if err := c.k.Check(c.at); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %s", c.k, err, c.says)
		}
	}
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(string), "AppleApps") {
			t.Errorf("New panics with %v", p)
		}
	}()
	newWorld(t, func(_ *mapae.Config, c *Config) { c.WellKnown.AppleApps = []string{"x"} })
}

func TestARelatedOriginsPagesAreServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, everything)
	w.person().send("GET", "/sign-in", "", func(r *http.Request) { r.Host = "example.co.kr" }).want(t, 200, "")
	if hosts := slices.Sorted(func(yield func(string) bool) {
		for host := range w.site.origins {
			if !yield(host) {
				return
			}
		}
	}); !slices.Equal(hosts, []string{"example.co.kr", "example.co.kr:443", "example.com", "example.com:443"}) {
		t.Errorf("hosts are %v", hosts)
	}
}

func TestEachRequestIsObservedByItsRoute(t *testing.T) {
	t.Parallel()
	type seen struct {
		method, route string
		status        int
	}
	var all []seen
	w := newWorld(t, func(_ *mapae.Config, c *Config) {
		c.Observe = func(method, route string, status int, took time.Duration) {
			if took <= 0 || took > time.Minute {
				t.Errorf("%s %s took %v", method, route, took)
			}
			all = append(all, seen{method, route, status})
		}
	})
	p := w.person()
	p.send("DELETE", "/api/webauthn/AAAA?x=y", "")
	p.send("GET", "/nothing", "")
	p.send("BREW", "/healthz/", "")
	w.h = w.site.Require(w.site)
	p.send("GET", "/transfer", "")
	want := []seen{{"DELETE", "/api/webauthn/{id}", 401}, {"GET", "", 404}, {"BREW", "/healthz", 405}, {"GET", "", 401}}
	if !slices.Equal(all, want) {
		t.Errorf("observed %v, want %v", all, want)
	}
}

func TestAnAndroidAppSignsUpAndIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		origin string
		refuse mapae.Code
	}{
		{"signed by the certificate that is listed", androidKey, ""},
		{"signed by another", "android:apk-key-hash:" + strings.Repeat("A", 43), mapae.CodeRegistrationRejected},
	} {
		w := newWorld(t, everything)
		p := w.person()
		p.App, p.key.Origin = true, c.origin
		_, err := p.SignUp(w.ctx, alice, "Alice")
		if c.refuse != "" {
			wantCode(t, err, 400, c.refuse)
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if in, err := p.SignIn(w.ctx); err != nil || in.Session.AAL != 2 || !in.Session.App {
			t.Errorf("%s: %+v, %v", c.name, in, err)
		}
	}
}
