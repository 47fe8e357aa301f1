package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

// acme is a provider that says what a test wants; package federated has real
// ones.
type acme struct {
	mu      sync.Mutex
	profile mapae.Profile
	err     error
}

func (*acme) Name() string   { return "acme" }
func (*acme) Label() string  { return "Acme & Sons" }
func (*acme) Issuer() string { return "https://acme.example" }

func (p *acme) Start(_ context.Context, trip mapae.ProviderTrip) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return "https://acme.example/authorize?" + url.Values{"state": {trip.State}, "redirect_uri": {trip.RedirectURI}}.Encode(), p.err
}

func (p *acme) Finish(context.Context, mapae.ProviderTrip, mapae.ProviderAnswer) (mapae.Profile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.profile, p.err
}

func (p *acme) says(profile mapae.Profile, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.profile, p.err = profile, err
}

// federatedBy offers the provider beside what is offered.
func federatedBy(p *acme) setting {
	return func(c *mapae.Config, _ *Config) { c.Methods = append(slices.Clone(c.Methods), mapae.Federated{p}) }
}

// mailbox keeps codes by address.
type mailbox struct {
	mu    sync.Mutex
	codes map[string]string
}

func (b *mailbox) Send(_ context.Context, m mapae.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.codes == nil {
		b.codes = map[string]string{}
	}
	b.codes[m.To] = m.Code
	return nil
}

// abroad is a world with a provider at which somebody is known.
type abroad struct {
	*world
	idp *acme
}

func newAbroad(t *testing.T, settings ...setting) abroad {
	t.Helper()
	p := &acme{profile: mapae.Profile{Subject: "1", Email: "kim@example.org", EmailVerified: true, Name: "Kim"}}
	return abroad{newWorld(t, append([]setting{allMethods, unlimited, federatedBy(p)}, settings...)...), p}
}

var fromElsewhere = []edit{asHTML, header("Sec-Fetch-Site", "cross-site"), header("Referer", "https://acme.example/")}

// back is the query that the provider sends people back with, for the address
// that they were sent to.
func back(t *testing.T, to string) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil || u.Host != "acme.example" || u.Query().Get("redirect_uri") != home+"/api/auth/federated/acme/callback" {
		t.Fatalf("people are sent to %s", to)
	}
	return "?" + url.Values{"code": {"x"}, "state": {u.Query().Get("state")}}.Encode()
}

// trip goes to the provider and back.
func (p person) trip(t *testing.T, next string) reply {
	t.Helper()
	start := p.page("/api/auth/federated/acme/start?next=" + url.QueryEscape(next))
	if start.StatusCode != http.StatusSeeOther {
		t.Fatalf("the start answers %d %s", start.StatusCode, start.body)
	}
	return p.page("/api/auth/federated/acme/callback"+back(t, start.Header.Get("Location")), fromElsewhere...)
}

var refresh = regexp.MustCompile(`^0; url=(https://acme\.example/.*)$`)

// tripByForm posts a form that leads to the provider, and comes back.
func (p person) tripByForm(t *testing.T, route string, values url.Values) reply {
	t.Helper()
	values.Set("provider", "acme")
	leave := p.send("POST", route, values.Encode(), asHTML, asForm)
	to := refresh.FindStringSubmatch(leave.Header.Get("Refresh"))
	if leave.StatusCode != 200 || to == nil || !strings.Contains(string(leave.body), `href="https://acme.example/authorize?`) {
		t.Fatalf("%s answers %d %v %s", route, leave.StatusCode, leave.Header, leave.body)
	}
	return p.page("/api/auth/federated/acme/callback"+back(t, to[1]), fromElsewhere...)
}

// wantGone demands that the browser is sent to path.
func (a reply) wantGone(t *testing.T, path string) {
	t.Helper()
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != path {
		t.Fatalf("answer is %d to %q, want %s: %s", a.StatusCode, a.Header.Get("Location"), path, a.body)
	}
}

// wantOffered demands that a passkey is offered on the way to path; empty: to
// where people go anyway.
func (a reply) wantOffered(t *testing.T, path string) {
	t.Helper()
	a.wantGone(t, "/offer?"+url.Values{"next": {path}}.Encode())
}

// wantSaid demands a page with that status and text.
func (a reply) wantSaid(t *testing.T, status int, text string) {
	t.Helper()
	if a.StatusCode != status || !strings.Contains(string(a.body), text) || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("answer is %d, want %d with %q: %s", a.StatusCode, status, text, a.body)
	}
}

func TestSomebodyComesByAProvider(t *testing.T) {
	t.Parallel()
	w := newAbroad(t)
	p := w.person()
	if page := p.page("/sign-in?next=/x"); !strings.Contains(string(page.body), `href="/api/auth/federated/acme/start?next=%2fx">Continue with Acme &amp; Sons</a>`) {
		t.Errorf("no way to the provider: %s", page.body)
	}
	start := p.page("/api/auth/federated/acme/start")
	cookie := start.Header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "__Host-mapae-f-") || !strings.Contains(cookie, "SameSite=Lax") || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "Secure") || start.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the start sets %q, %v", cookie, start.Header)
	}
	p.trip(t, "/welcome?a=b").wantOffered(t, "/welcome?a=b")
	if p.cookie() == "" {
		t.Fatal("nobody is signed in")
	}
	page := string(p.page("/account").body)
	for _, part := range []string{"Accounts of other sites", "kim@example.org", "Disconnect", "Connect Acme &amp; Sons"} {
		if !strings.Contains(page, part) {
			t.Errorf("the account page has no %q", part)
		}
	}
	w.person().trip(t, "//evil.example").wantOffered(t, "")
}

func TestAStateIsThisBrowsers(t *testing.T) { // BI-436, BI-437, BI-440; SECURITY.md's ceremony_invalid stands for bad_request
	t.Parallel()
	w := newAbroad(t)
	p, stranger := w.person(), w.person()
	stranger.trip(t, "/")
	answer := back(t, p.page("/api/auth/federated/acme/start").Header.Get("Location"))
	callback := "/api/auth/federated/acme/callback"
	state := url.QueryEscape(mustURL(answer).Query().Get("state"))
	for name, query := range map[string]string{"none": "", "no state": "?code=x", "two states": answer + "&state=" + state, "another": "?code=x&state=mf_x"} {
		if p.page(callback+query, fromElsewhere...).wantSaid(t, 400, `class="notice alert"`); p.cookie() != "" {
			t.Errorf("%s: somebody is signed in", name)
		}
	}
	stranger.page(callback+answer, fromElsewhere...).wantSaid(t, 400, "took too long or was used before")
	p.send("GET", callback+answer, "", header("Cookie")).want(t, 400, mapae.CodeCeremonyInvalid)
	p.page(callback+answer, fromElsewhere...).wantOffered(t, "")
	p.page(callback+answer, fromElsewhere...).wantSaid(t, 400, "took too long or was used before")
	p.send("GET", "/api/auth/federated/none/start", "").want(t, 404, mapae.CodeNotFound)
	p.send("GET", "/api/auth/federated/none/callback"+answer, "").want(t, 404, mapae.CodeNotFound) // BI-449: DESIGN.md's not_found
	p.app().send("GET", "/api/auth/federated/acme/start", "").want(t, 403, mapae.CodeForbidden)
}

func TestAnAnswerThatIsPostedIsOnlyPassedOn(t *testing.T) {
	t.Parallel()
	w := newAbroad(t)
	p := w.person()
	answer := mustURL(back(t, p.page("/api/auth/federated/acme/start").Header.Get("Location"))).Query()
	answer.Set("user", `{"name":{"firstName":"Kim"}}`)
	answer.Set("evil", "x")
	foreign := []edit{asHTML, asForm, header("Sec-Fetch-Site", "cross-site"), header("Origin", "https://acme.example"), header("Cookie")}
	var a reply
	w.unchanged([]string{"kim@example.org"}, func() { a = p.send("POST", "/api/auth/federated/acme/callback", answer.Encode(), foreign...) })
	to := mustURL(a.Header.Get("Location"))
	if a.StatusCode != 303 || to.Host != "" || to.Path != "/api/auth/federated/acme/callback" || to.Query().Has("evil") || to.Query().Get("user") == "" || a.Header.Get("Set-Cookie") != "" {
		t.Fatalf("the answer is %d %v", a.StatusCode, a.Header)
	}
	p.page(to.String(), fromElsewhere...).wantOffered(t, "")
	p.send("POST", "/api/auth/federated/none/callback", answer.Encode(), foreign...).wantSaid(t, 404, "nothing here")
	big := p.send("POST", "/api/auth/federated/acme/callback", "code="+strings.Repeat("x", 9000), foreign...)
	big.wantSaid(t, 413, "too large")
}

func TestAProviderThatIsDownLeavesTheOtherWays(t *testing.T) { // BI-454
	t.Parallel()
	w := newAbroad(t)
	p := w.person()
	w.idp.says(mapae.Profile{}, context.DeadlineExceeded)
	a := p.page("/api/auth/federated/acme/start?next=/x")
	if a.wantSaid(t, 503, "Acme &amp; Sons can’t be reached right now"); a.Header.Get("Retry-After") == "" || !strings.Contains(string(a.body), `id="passkey"`) {
		t.Errorf("the page is %v %s", a.Header, a.body)
	}
	p.send("GET", "/api/auth/federated/acme/start", "").want(t, 503, mapae.CodeUnavailable)
	w.idp.says(mapae.Profile{Subject: "1"}, nil)
	answer := back(t, p.page("/api/auth/federated/acme/start").Header.Get("Location"))
	w.idp.says(mapae.Profile{}, errors.New("502"))
	p.page("/api/auth/federated/acme/callback"+answer, fromElsewhere...).wantSaid(t, 503, "can’t be reached")
	w.idp.says(mapae.Profile{Subject: "1", Email: "kim@example.org", EmailVerified: true}, nil)
	p.page("/api/auth/federated/acme/callback"+answer, fromElsewhere...).wantOffered(t, "")
}

func TestWhatAProviderSaysIsNeverMarkup(t *testing.T) { // BI-455
	t.Parallel()
	w := newAbroad(t)
	p := w.person()
	evil := url.QueryEscape(`<script>alert(1)</script>`)
	answer := back(t, p.page("/api/auth/federated/acme/start").Header.Get("Location"))
	a := p.page("/api/auth/federated/acme/callback"+answer+"&error="+evil+"&error_description="+evil, fromElsewhere...)
	a.wantSaid(t, 401, "That didn’t work with Acme &amp; Sons")
	w.idp.says(mapae.Profile{Subject: "2", Email: "kim@example.org", EmailVerified: true, Name: `<b>Kim</b>`}, nil)
	p.trip(t, "/").wantOffered(t, "/")
	if page := string(a.body) + string(p.page("/account").body); strings.Contains(page, "<script>alert") || strings.Contains(page, "<b>Kim") {
		t.Errorf("the page is %s", page)
	}
}

func TestSayingNoAtTheProviderLeadsBack(t *testing.T) {
	t.Parallel()
	w := newAbroad(t)
	p := w.person()
	no := func(to string) reply {
		return p.page("/api/auth/federated/acme/callback"+strings.Replace(back(t, to), "code=x", "error=access_denied", 1), fromElsewhere...)
	}
	no(p.page("/api/auth/federated/acme/start?next=/x").Header.Get("Location")).wantGone(t, "/sign-in?next=%2Fx")
	p = w.member(alice)
	leave := p.send("POST", "/account/identities", "provider=acme", asHTML, asForm)
	no(refresh.FindStringSubmatch(leave.Header.Get("Refresh"))[1]).wantGone(t, "/account")
}

func TestNobodyIsLinkedByAnAddressButByWhoIsSignedIn(t *testing.T) { // BI-445
	t.Parallel()
	w := newAbroad(t, func(c *mapae.Config, _ *Config) { c.SignUp = mapae.SignUpOpen })
	w.person().trip(t, "/").wantOffered(t, "/") // Kim's account
	w.idp.says(mapae.Profile{Subject: "2", Email: "kim@example.org", EmailVerified: true}, nil)
	p := w.person()
	if p.trip(t, "/").wantSaid(t, 200, "You have an account here"); p.cookie() != "" {
		t.Fatal("somebody is signed in")
	}
	p = w.member(alice)
	w.pass(11 * time.Minute)
	p.send("POST", "/account/identities", "provider=acme", asHTML, asForm).wantGone(t, "/sign-in?next=%2Faccount&step_up=1")
	if _, err := p.SignIn(w.ctx); err != nil {
		t.Fatal(err)
	}
	p.tripByForm(t, "/account/identities", url.Values{}).wantGone(t, "/account?did=linked")
	p.tripByForm(t, "/account/identities", url.Values{}).wantSaid(t, 409, "is connected already")

	list := p.send("GET", "/api/account/identities", "").want(t, 200, "")
	id := regexp.MustCompile(`"id":"([A-Za-z0-9_-]{22})","provider":"acme","issuer":"https://acme.example","email":"kim@example.org"`).FindSubmatch(list.body)
	if id == nil {
		t.Fatalf("the list is %s", list.body)
	}
	other := w.member(bob)
	other.send("DELETE", "/api/account/identities/"+string(id[1]), "").want(t, 404, mapae.CodeNotFound)
	p.send("DELETE", "/api/account/identities/"+string(id[1]), "").want(t, 200, "")
	p.tripByForm(t, "/account/identities", url.Values{}).wantGone(t, "/account?did=linked")
	p.send("POST", "/account/identities/remove", "id="+string(id[1]), asHTML, asForm).wantGone(t, "/account?did=unlinked")
}

func TestTheOnlyWayInStays(t *testing.T) {
	t.Parallel()
	w := newAbroad(t)
	p := w.person()
	p.trip(t, "/").wantOffered(t, "/")
	list := p.send("GET", "/api/account/identities", "")
	id := regexp.MustCompile(`"id":"([^"]+)"`).FindSubmatch(list.body)
	p.send("DELETE", "/api/account/identities/"+string(id[1]), "").want(t, 400, mapae.CodeLastFactor)
	p.send("POST", "/account/identities/remove", "id="+string(id[1]), asHTML, asForm).wantSaid(t, 400, "only way in")
}

func TestAnAddressIsProvenOnOurOwnPages(t *testing.T) {
	t.Parallel()
	box := &mailbox{}
	w := newAbroad(t, func(c *mapae.Config, _ *Config) { c.Mailer = box })
	w.idp.says(mapae.Profile{Subject: "1", Email: "kim@example.org"}, nil)
	p := w.person()
	ticket := regexp.MustCompile(`name="ticket" value="(mt_[^"]+)"`)
	page := p.trip(t, "/x")
	page.wantSaid(t, 200, `value="kim@example.org"`)
	form := url.Values{"step": {"email"}, "provider": {"acme"}, "next": {"/x"}, "username": {"kim"}, "ticket": {string(ticket.FindSubmatch(page.body)[1])}}
	post := func() reply { return p.send("POST", "/federated", form.Encode(), asHTML, asForm) }
	post().wantSaid(t, 400, "look like an e-mail address")
	form.Set("username", "lee@example.org")
	page = post()
	page.wantSaid(t, 200, "We sent a code to lee@example.org")
	form.Set("step", "code")
	form.Set("code", "0000-0000")
	form.Set("ticket", string(ticket.FindSubmatch(page.body)[1]))
	post().wantSaid(t, 401, "That code isn’t right")
	if _, err := w.auth.Deliver(w.ctx); err != nil {
		t.Fatal(err)
	}
	form.Set("code", box.codes["lee@example.org"])
	form.Set("can", "1")
	post().wantOffered(t, "/x")
	post().wantSaid(t, 400, "took too long or was used before")
	form.Set("step", "none")
	post().wantSaid(t, 400, "could not be read")
	if p.cookie() == "" {
		t.Error("nobody is signed in")
	}
}

func TestMailsToSomebodyNewAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	w := newAbroad(t, func(c *mapae.Config, f *Config) { c.Mailer, f.Limits = &mailbox{}, Limits{Mails: 1} })
	w.idp.says(mapae.Profile{Subject: "1"}, nil)
	p := w.person()
	page := p.trip(t, "/x")
	ticket := regexp.MustCompile(`name="ticket" value="(mt_[^"]+)"`).FindSubmatch(page.body)
	for _, want := range []int{200, 429} {
		form := url.Values{"step": {"email"}, "provider": {"acme"}, "username": {"lee@example.org"}, "ticket": {string(ticket[1])}}
		if a := p.send("POST", "/federated", form.Encode(), asHTML, asForm); a.StatusCode != want {
			t.Errorf("%d, want %d", a.StatusCode, want)
		}
	}
}

func TestWithoutAMailerTheReasonIsSaid(t *testing.T) {
	t.Parallel()
	w := newAbroad(t)
	w.idp.says(mapae.Profile{Subject: "1", Email: "kim@example.org"}, nil)
	w.person().trip(t, "/").wantSaid(t, 403, "so no account can be made with it")
	closed := newAbroad(t, func(c *mapae.Config, _ *Config) { c.SignUp = mapae.SignUpClosed })
	closed.person().trip(t, "/").wantSaid(t, 403, "no new account can be made here")
}

func TestAStepUpAndARecoveryByAProvider(t *testing.T) {
	t.Parallel()
	w := newAbroad(t)
	p := w.person()
	p.trip(t, "/").wantOffered(t, "/")
	w.pass(11 * time.Minute)
	confirm := p.page("/sign-in?step_up=1&next=/account/totp")
	confirm.wantSaid(t, 200, `action="/step-up/federated"`)
	p.tripByForm(t, "/step-up/federated", url.Values{"next": {"/account/totp"}}).wantGone(t, "/account/totp")
	p.page("/account/totp").wantSaid(t, 200, "Authenticator app")
	w.pass(11 * time.Minute)
	w.idp.says(mapae.Profile{Subject: "2", Email: "kim@example.org", EmailVerified: true}, nil)
	p.tripByForm(t, "/step-up/federated", url.Values{"next": {"/account/totp"}}).wantSaid(t, 401, "That didn’t work with")

	q := w.person()
	form := url.Values{"step": {"start"}, "username": {"kim@example.org"}}
	proof := q.send("POST", "/recover", form.Encode(), asHTML, asForm)
	proof.wantSaid(t, 200, `action="/recover/federated"`)
	ticket := regexp.MustCompile(`name="ticket" value="(mt_[^"]+)"`).FindSubmatch(proof.body)
	q.tripByForm(t, "/recover/federated", url.Values{"ticket": {string(ticket[1])}}).wantSaid(t, 401, "That didn’t work with")
	w.idp.says(mapae.Profile{Subject: "1", Email: "kim@example.org", EmailVerified: true}, nil)
	q.tripByForm(t, "/recover/federated", url.Values{"ticket": {string(ticket[1])}}).wantSaid(t, 200, "Create a new passkey, and you are in")
}

func TestASecondStepIsDueAfterAProvider(t *testing.T) {
	t.Parallel()
	w := newAbroad(t)
	p := w.member(alice)
	p.tripByForm(t, "/account/identities", url.Values{}).wantGone(t, "/account?did=linked")
	q := w.person()
	page := q.trip(t, "/x")
	page.wantSaid(t, 200, "One more step")
	if q.cookie() != "" || !strings.Contains(string(page.body), `data-ticket="mt_`) || !strings.Contains(string(page.body), `data-next="/x"`) {
		t.Errorf("the page is %s", page.body)
	}
}
