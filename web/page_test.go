package web

import (
	"bytes"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

var (
	asHTML = header("Accept", "text/html,*/*;q=0.8")
	asForm = header("Content-Type", "application/x-www-form-urlencoded")

	// unstable is what differs from run to run, or with every change of a
	// stylesheet.
	unstable = []struct {
		pattern *regexp.Regexp
		stands  string
	}{
		{regexp.MustCompile(`-[0-9a-f]{16}\.(js|css|svg)`), "-HASH.$1"},
		{regexp.MustCompile(`<code>[0-9a-f]{32}</code>`), "<code>REQUEST</code>"},
		{regexp.MustCompile(`(passkey-|data-id="|data-ticket="|value="|name-|error-|remove-)[A-Za-z0-9_-]{22,}`), "${1}ID"},
		{regexp.MustCompile(`(image/svg(?:\+|&#43;)xml;base64,|secret=|class="secret">)[A-Za-z0-9+/&#;=_-]+`), "${1}SECRET"},
		{regexp.MustCompile(`(<path class="dark" d=")[Mhv0-9 Hz]+`), "${1}QR"},
		{regexp.MustCompile(`(<li><code>|<span>)[A-Z0-9-]{4,24}(</code>|</span>)`), "${1}CODE$2"},
	}
)

// page is what a browser is shown at path.
func (p person) page(path string, edits ...edit) reply {
	p.w.t.Helper()
	return p.send("GET", path, "", append([]edit{asHTML}, edits...)...)
}

// post sends a form of the account page.
func (p person) post(action string, values url.Values) reply {
	p.w.t.Helper()
	return p.send("POST", "/account/"+action, values.Encode(), asHTML, asForm)
}

func development(_ *mapae.Config, face *Config) { face.Development = true }

func TestPagesAreAsTheGoldenFilesHaveThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, development)
	stranger, p := w.person(), w.member(alice)
	p.HTTP.Transport = agent{p.HTTP.Transport, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"}
	if _, err := p.SignIn(w.ctx); err != nil {
		t.Fatal(err)
	}
	wantPages(t, map[string]reply{
		"sign-in.html":      stranger.page("/sign-in?next=/inbox%3Fa=b"),
		"signed-out.html":   stranger.page("/sign-in?did=signed-out"),
		"sign-up.html":      stranger.page("/sign-up"),
		"confirm.html":      p.page("/sign-in?step_up=1&next=/transfer"),
		"account.html":      p.page("/account?did=welcome"),
		"offer.html":        p.page("/offer?next=/inbox"),
		"offer-local.html":  p.page("/offer?local=1"),
		"offer-second.html": p.page("/offer?second=1"),
		"passkeys.html":     stranger.page("/passkeys"),
		"not-found.html":    stranger.page("/nowhere"),
		"unavailable.html":  unavailable(t),
		"last-passkey.html": p.post("remove", url.Values{"id": {p.passkeyID()}}),
	})
}

// wantPages compares pages with the golden files.
func wantPages(t *testing.T, pages map[string]reply) {
	t.Helper()
	for file, a := range pages {
		got := a.body
		for _, u := range unstable {
			got = u.pattern.ReplaceAll(got, []byte(u.stands))
		}
		file = filepath.Join("testdata", "page", file)
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is\n%s", file, got)
		}
	}
}

// agent gives requests a User-Agent.
type agent struct {
	next http.RoundTripper
	name string
}

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", a.name)
	return a.next.RoundTrip(r)
}

// unavailable is the account page while the store can't be read.
func unavailable(t *testing.T) reply {
	t.Helper()
	w := newWorld(t)
	p := w.member(alice)
	w.store.Close()
	return p.page("/account")
}

// passkeyID is the ID of the person's newest passkey.
func (p person) passkeyID() string {
	p.w.t.Helper()
	own, err := p.Passkeys(p.w.ctx)
	if err != nil || len(own) == 0 {
		p.w.t.Fatalf("%d passkeys, %v", len(own), err)
	}
	return own[0].ID
}

func TestPagesHoldNothingInlineAndNothingOfOthers(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/page/*.html")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d golden pages, %v", len(files), err)
	}
	for name, pattern := range map[string]string{
		"inline script":         `<script(?:[^>]*)>[^<]`,
		"inline handler":        `\son[a-z]+=`,
		"inline style":          `\sstyle=|<style`,
		"address elsewhere":     `(?:src|href|action)="(?:https?:)?//`,
		"data URI":              `="data:`,
		"words of the trade":    `(?i)>[^<]*\b(?:fido|credential)`,
		"unescaped placeholder": `\{\{|ZgotmplZ|<no value>`,
		"key without sentence":  `[>"](?:account|codes|form|passkey|password|proof|recover|mailcode|reset|second|signin|signup|totp|error|about|dev|confirm)\.[a-z]`,
		"page without language": `^<!DOCTYPE html>\n<html>`,
	} {
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if found := regexp.MustCompile(pattern).Find(text); found != nil {
				t.Errorf("%s has an %s: %s", file, name, found)
			}
		}
	}
}

func TestThePagesAreSmall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.site.pages.assets
	packed := func(name string) int {
		content, err := all[name].gzip()
		ok(t, err)
		return len(content)
	}
	size := packed("mapae.js")
	t.Logf("mapae.js: %d bytes", size)
	if size > 5<<10 || size == 0 {
		t.Errorf("mapae.js is %d bytes compressed, and may be 5,120", size)
	}
	body, err := compress(w.person().page("/sign-in").body)
	if err != nil {
		t.Fatal(err)
	}
	size = len(body)
	for _, name := range []string{"mapae.js", "page.js", "page.css", "icon.svg"} {
		if packed(name) == 0 {
			t.Fatalf("%s is empty", name)
		}
		size += packed(name)
	}
	if size > 20<<10 {
		t.Errorf("the sign-in page is %d bytes compressed with all that it loads, more than 20 KiB", size)
	}
	t.Logf("sign-in page: %d bytes", size)
}

func TestFormsWorkWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	phone := p.another()
	if _, err := phone.SignIn(w.ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := p.AddPasskey(w.ctx, webauthntest.New(home), "Second"); err != nil {
		t.Fatal(err)
	}
	second := p.passkeyID()

	for _, page := range []struct{ query, open string }{{"rename", `action="/account/rename">`}, {"remove", `" open>`}} {
		if a := p.page("/account?" + page.query + "=" + second); strings.Count(string(a.body), page.open) != 1 {
			t.Errorf("?%s=ID does not open one %q", page.query, page.open)
		}
	}
	seeOther(t, p.post("rename", url.Values{"id": {second}, "name": {" Blue key "}}), "/account?did=renamed")
	if own, _ := p.Passkeys(w.ctx); own[0].Name != "Blue key" {
		t.Errorf("the name is %q, want Blue key", own[0].Name)
	}
	seeOther(t, p.post("remove", url.Values{"id": {second}}), "/account?did=removed")
	if own, _ := p.Passkeys(w.ctx); len(own) != 1 {
		t.Errorf("%d passkeys, want 1", len(own))
	}
	sessions, err := p.Sessions(w.ctx)
	if err != nil || len(sessions) != 2 {
		t.Fatalf("%d sessions, %v", len(sessions), err)
	}
	for _, s := range sessions {
		if !s.Current {
			seeOther(t, p.post("end", url.Values{"id": {s.ID}}), "/account?did=ended")
		}
	}
	phone.send("GET", "/api/auth/session", "").want(t, 401, mapae.CodeUnauthenticated)
	if _, err := phone.SignIn(w.ctx); err != nil {
		t.Fatal(err)
	}
	old := p.cookie()
	seeOther(t, p.post("end-others", nil), "/account?did=ended_others")
	if p.cookie() == old {
		t.Error("the session keeps its token")
	}
	phone.send("GET", "/api/auth/session", "").want(t, 401, mapae.CodeUnauthenticated)
	p.send("GET", "/api/auth/session", "").want(t, 200, "")
	seeOther(t, p.post("sign-out", nil), "/sign-in?did=signed-out")
	if p.cookie() != "" {
		t.Error("the cookie is left")
	}
}

func seeOther(t *testing.T, a reply, to string) {
	t.Helper()
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != to {
		t.Errorf("answer is %d to %q, want 303 to %q: %s", a.StatusCode, a.Header.Get("Location"), to, a.body)
	}
}

func TestAFormThatCantBeDoneSaysWhyOnThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, other := w.member(alice), w.member(bob)
	if _, err := p.AddPasskey(w.ctx, webauthntest.New(home), "Second"); err != nil {
		t.Fatal(err)
	}
	own, foreign := p.passkeyID(), other.passkeyID()
	for _, c := range []struct {
		name, action string
		person       person
		values       url.Values
		status       int
		says         string
	}{
		{"a name that is too long", "rename", p, url.Values{"id": {own}, "name": {strings.Repeat("x", 65)}}, 400, "Use 1 to 64 characters."},
		{"no name", "rename", p, url.Values{"id": {own}}, 400, "Use 1 to 64 characters."},
		{"the last passkey", "remove", other, url.Values{"id": {foreign}}, 400, "Without it you could not sign in again."},
		{"another person's passkey", "remove", p, url.Values{"id": {foreign}}, 404, "Not found"},
		{"another person's passkey's name", "rename", p, url.Values{"id": {foreign}, "name": {"Mine"}}, 404, "Not found"},
		{"an ID that is none", "remove", p, url.Values{"id": {"*"}}, 404, "Not found"},
		{"another person's session", "end", p, url.Values{"id": {"AAAAAAAAAAAAAAAAAAAAAA"}}, 404, "Not found"},
		{"an unknown action", "explode", p, nil, 404, "Not found"},
	} {
		a := c.person.post(c.action, c.values)
		if a.StatusCode != c.status || !strings.Contains(string(a.body), c.says) {
			t.Errorf("%s: %d, want %d and %q in\n%s", c.name, a.StatusCode, c.status, c.says, a.body)
		}
	}
	w.pass(11 * time.Minute)
	seeOther(t, p.post("remove", url.Values{"id": {own}}), "/sign-in?next=%2Faccount%3Fremove%3D"+own+"&step_up=1")
	for _, who := range []person{p, other} {
		if list, err := who.Passkeys(w.ctx); err != nil || len(list) != map[bool]int{true: 2, false: 1}[who.key == p.key] {
			t.Errorf("%d passkeys are left, %v", len(list), err)
		}
	}
}

func TestNextIsAPathOnThisOriginOrNothing(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/": "/", "/inbox": "/inbox", "/a?b=c&d=//e": "/a?b=c&d=//e", "/a#b": "/a#b", "/a/../b": "/a/../b",
		"": "", "inbox": "", "//evil.example": "", "/\\evil.example": "", "\\\\evil.example": "", "https://evil.example/": "",
		"javascript:alert(1)": "", "/\t/evil.example": "", "/\n/evil.example": "", " /a": "", "/%5cevil.example": "", "/%09/evil.example": "",
		"/%2f/evil.example": "", "/a\x00b": "", "/%zz": "", "///evil.example": "",
	} {
		if got := localPath(target); got != want {
			t.Errorf("localPath(%q) = %q, want %q", target, got, want)
		}
	}
	w := newWorld(t)
	for next, want := range map[string]string{"/inbox": `data-next="/inbox"`, "//evil.example": `data-next=""`} {
		for _, path := range []string{"/sign-in", "/sign-up"} {
			if a := w.person().page(path + "?next=" + url.QueryEscape(next)); !strings.Contains(string(a.body), want) {
				t.Errorf("%s with next=%s has no %s", path, next, want)
			}
		}
	}
}

func TestWhoIsSignedInGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stranger, p := w.person(), w.member(alice)
	seeOther(t, stranger.page("/"), "/sign-in")
	seeOther(t, p.page("/"), "/account")
	seeOther(t, p.page("/sign-in"), "/account")
	seeOther(t, p.page("/sign-up"), "/account")
	seeOther(t, p.page("/sign-in?next=/inbox"), "/inbox")
	seeOther(t, p.page("/sign-up?next=//evil.example"), "/account")
	seeOther(t, stranger.page("/account"), "/sign-in?next=%2Faccount")

	based := newWorld(t, func(_ *mapae.Config, face *Config) { face.Base = "/auth" })
	seeOther(t, based.person().page("/"), "/auth/sign-in")
	if a := based.person().page("/sign-in"); !strings.Contains(string(a.body), `href="/auth/page-`) || strings.Contains(string(a.body), `"/page-`) {
		t.Errorf("a page below a base loads from elsewhere: %s", a.body)
	}
}

func TestAssetsAreImmutableOrAskedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.person()
	all := w.site.pages.assets
	for _, name := range []string{"mapae.js", "elements.js", "page.js", "page.css", "icon.svg"} {
		plain := p.send("GET", "/"+all.hashed(name), "", header("Accept-Encoding", "identity"))
		packed := p.send("GET", "/"+all.hashed(name), "", header("Accept-Encoding", "br, gzip"))
		content, err := all[name].gzip()
		ok(t, err)
		if plain.StatusCode != 200 || !bytes.Equal(plain.body, all[name].plain) || plain.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s plain: %d %v", name, plain.StatusCode, plain.Header)
		}
		if packed.Header.Get("Content-Encoding") != "gzip" || !bytes.Equal(packed.body, content) || packed.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s compressed: %d %v", name, packed.StatusCode, packed.Header)
		}
		if got := plain.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
		if name != "mapae.js" && name != "elements.js" {
			p.send("GET", "/"+name, "").want(t, 404, mapae.CodeNotFound)
		}
	}
	if !bytes.Contains(all["page.js"].plain, []byte(`"./`+all.hashed("mapae.js")+`"`)) {
		t.Error("page.js imports the module by a name that is not its immutable one")
	}
	if !bytes.Contains(all["elements.js"].plain, []byte(`"./mapae.js"`)) {
		t.Error("a page that imports elements and module would have two modules")
	}
	module := p.send("GET", "/mapae.js", "")
	if module.StatusCode != 200 || module.Header.Get("Cache-Control") != "no-cache" || module.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("mapae.js: %d %v", module.StatusCode, module.Header)
	}
	if again := p.send("GET", "/mapae.js", "", header("If-None-Match", module.Header.Get("ETag"))); again.StatusCode != 304 || len(again.body) != 0 {
		t.Errorf("asked again: %d with %d bytes", again.StatusCode, len(again.body))
	}
	if changed := p.send("GET", "/mapae.js", "", header("If-None-Match", `W/"0"`)); changed.StatusCode != 200 {
		t.Errorf("another version: %d", changed.StatusCode)
	}
	p.send("GET", "/mapae-0000000000000000.js", "").want(t, 404, mapae.CodeNotFound)
}

func TestDevicesAreNamedByBrowserAndSystem(t *testing.T) {
	t.Parallel()
	l, err := newLocales()
	if err != nil {
		t.Fatal(err)
	}
	english := l.reader(&http.Request{})
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                            "Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":              "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15":                      "Safari on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.0.0 Mobile/15E148 Safari/604.1": "Chrome on iPhone",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36":        "Samsung Internet on Android",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                     "Firefox on Linux",
		"curl/8.14.1": "Unknown device", "": "Unknown device",
	} {
		if got := english.Device(agent); got != want {
			t.Errorf("%s is %q, want %q", agent, got, want)
		}
	}
}

func TestColoursHaveContrastInLightAndDark(t *testing.T) {
	t.Parallel()
	css, err := embedded.ReadFile("static/page.css")
	if err != nil {
		t.Fatal(err)
	}
	schemes := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllSubmatch(css, -1)
	if len(schemes) != 2 {
		t.Fatalf("%d colour schemes, want light and dark", len(schemes))
	}
	for i, scheme := range schemes {
		colour := map[string]float64{}
		for _, c := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6}|[0-9a-f]{3});`).FindAllSubmatch(scheme[1], -1) {
			colour[string(c[1])] = luminance(t, string(c[2]))
		}
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"ink", "paper", 4.5}, {"ink", "card", 4.5}, {"ink", "calm", 4.5}, {"soft", "paper", 4.5}, {"soft", "card", 4.5},
			{"accent", "card", 4.5}, {"on-accent", "accent", 4.5}, {"alert", "card", 4.5}, {"alert", "alert-paper", 4.5},
			{"card", "alert", 4.5}, {"edge", "card", 3}, {"edge", "paper", 3}, {"accent", "paper", 3},
		} {
			front, ok := colour[pair.front]
			back, ok2 := colour[pair.back]
			got := (max(front, back) + 0.05) / (min(front, back) + 0.05)
			if !ok || !ok2 || got < pair.least {
				t.Errorf("scheme %d: %s on %s has contrast %.2f, want %.1f", i, pair.front, pair.back, got, pair.least)
			}
		}
	}
}

// luminance is the relative luminance of WCAG 2.2 of a colour in hexadecimal.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = strings.Repeat(hex[:1], 2) + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:], 2)
	}
	rgb, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for shift, weight := range map[int]float64{16: 0.2126, 8: 0.7152, 0: 0.0722} {
		c := float64(rgb>>shift&0xff) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
