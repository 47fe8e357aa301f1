package web

import (
	"bytes"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

// form sends a form of the page at path, as a browser without scripts does.
func (p person) form(path string, values url.Values) reply {
	p.w.t.Helper()
	return p.send("POST", path, values.Encode(), asHTML, asForm)
}

// hidden is the value of a hidden input of the page.
func (a reply) hidden(t *testing.T, name string) string {
	t.Helper()
	found := regexp.MustCompile(`<input type="hidden" name="` + name + `" value="([^"]*)"`).FindSubmatch(a.body)
	if found == nil {
		t.Fatalf("no hidden %s in\n%s", name, a.body)
	}
	return html.UnescapeString(string(found[1]))
}

// says demands status and sentence of a page.
func (a reply) says(t *testing.T, what string, status int, sentence string) {
	t.Helper()
	if a.StatusCode != status || !strings.Contains(string(a.body), sentence) {
		t.Errorf("%s: %d, want %d and %q in\n%s", what, a.StatusCode, status, sentence, a.body)
	}
}

// shown are the recovery codes that the page shows.
func (a reply) shown() (codes []string) {
	for _, found := range regexp.MustCompile(`<li><code>([^<]+)</code>`).FindAllSubmatch(a.body, -1) {
		codes = append(codes, string(found[1]))
	}
	return codes
}

// secret is the key that the set-up page shows.
func (a reply) secret(t *testing.T) string {
	t.Helper()
	found := regexp.MustCompile(`secret=([A-Z2-7]+)`).FindSubmatch(a.body)
	if found == nil {
		t.Fatalf("no secret in\n%s", a.body)
	}
	return string(found[1])
}

func signInValues(email, secret string) url.Values {
	return url.Values{"username": {email}, "password": {secret}, "next": {"/inbox?a=b"}}
}

func TestPagesOfAllMethodsAreAsTheGoldenFilesHaveThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	stranger, p, plain := w.person(), w.passwordMember(alice), w.passwordMember(bob)
	w.pass(time.Second)
	_, codes := p.addTOTP()
	start := stranger.form("/recover", url.Values{"step": {"start"}, "username": {alice}})
	proof := url.Values{"step": {"proof"}, "ticket": {start.hidden(t, "ticket")}, "methods": {start.hidden(t, "methods")}, "method": {"recovery_code"}, "code": {codes[0]}}
	more := stranger.form("/recover", proof)
	wantPages(t, map[string]reply{
		"password-sign-in.html":        stranger.page("/sign-in?next=/inbox"),
		"password-wrong.html":          stranger.form("/sign-in", signInValues(alice, "not this one")),
		"password-sign-up.html":        stranger.page("/sign-up"),
		"second-factor.html":           stranger.form("/sign-in", signInValues(alice, password)),
		"password-confirm.html":        p.page("/sign-in?step_up=1&next=/account/totp"),
		"methods.html":                 plain.page("/account"),
		"methods-on.html":              p.page("/account"),
		"password.html":                p.page("/account/password"),
		"totp.html":                    plain.page("/account/totp"),
		"codes.html":                   p.page("/account/recovery-codes"),
		"codes-shown.html":             p.form("/account/recovery-codes", nil),
		"recover.html":                 stranger.page("/recover"),
		"recover-proof.html":           start,
		"recover-more.html":            more,
		"recover-waiting.html":         stranger.form("/recover", url.Values{"step": {"wait"}, "ticket": {more.hidden(t, "ticket")}}),
		"recover-waiting-account.html": p.page("/account"),
	})
}

func TestSomebodySignsInWithPasswordAndCodeWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.person()
	up := url.Values{"username": {alice}, "name": {"Alice"}, "password": {"short"}}
	p.form("/sign-up", up).says(t, "a short password", 400, "Use at least 15 characters.")
	up.Set("password", password)
	seeOther(t, p.form("/sign-up", up), "/account?did=signed_up")
	p.form("/sign-up", up).says(t, "a name that is taken", 409, "Sign in instead.")

	setup := p.page("/account/totp")
	link := regexp.MustCompile(`href="(otpauth:[^"]+)"`).FindSubmatch(setup.body)
	picture, err := qrCode(html.UnescapeString(string(link[1])))
	ok(t, err)
	setup.says(t, "the picture of the link", 200, `<path class="dark" d="`+picture.Dark+`"/>`)
	setup.says(t, "the picture's name", 200, `<title id="qr">QR code to scan`)
	ticket := setup.hidden(t, "ticket")
	p.form("/account/totp", url.Values{"ticket": {ticket}, "code": {"000000"}}).says(t, "a wrong first code", 401, "That code isn’t right")
	done := p.form("/account/totp", url.Values{"ticket": {ticket}, "code": {w.code(setup.secret(t))}})
	done.says(t, "the app is set up", 200, "I have kept them")
	if codes := done.shown(); len(codes) != allCodes {
		t.Fatalf("%d codes are shown, want %d", len(codes), allCodes)
	}

	q := w.person()
	q.form("/sign-in", signInValues(alice, "wrong")).says(t, "a wrong password", 401, "The e-mail address or the password isn’t right.")
	q.form("/sign-in", signInValues("nobody@example.com", password)).says(t, "nobody", 401, "The e-mail address or the password isn’t right.")
	second := q.form("/sign-in", signInValues(alice, password))
	second.says(t, "the second step", 200, "One more step")
	if q.cookie() != "" {
		t.Fatal("signed in by a password alone")
	}
	values := url.Values{"ticket": {second.hidden(t, "ticket")}, "methods": {second.hidden(t, "methods")}, "next": {second.hidden(t, "next")}, "method": {"totp"}, "code": {"000000"}}
	q.form("/second-factor", values).says(t, "a wrong code", 401, "That code isn’t right")
	values.Set("code", w.code(setup.secret(t)))
	seeOther(t, q.form("/second-factor", values), "/inbox?a=b")
	q.wantSession(t, "password and app", 2, mapae.MethodPassword, mapae.MethodTOTP)

	r := w.person()
	second = r.form("/sign-in", signInValues(alice, password))
	values.Set("ticket", second.hidden(t, "ticket"))
	values.Set("method", "recovery_code")
	values.Set("code", "AAAA-AAAA-AAAA-AAAA")
	r.form("/second-factor", values).says(t, "a wrong recovery code", 401, "That recovery code isn’t right")
	values.Set("code", done.shown()[0])
	values.Set("next", "//evil.example")
	seeOther(t, r.form("/second-factor", values), "/account")
	values.Set("ticket", "mt_AAAA")
	r.form("/second-factor", values).says(t, "a ticket that is none", 400, "That took too long")
	seeOther(t, r.form("/second-factor", nil), "/sign-in")
	seeOther(t, w.person().page("/second-factor"), "/sign-in")
}

func TestTooManyPasswordsAreToldHowLongToWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, func(_ *mapae.Config, c *Config) { c.Limits.Passwords = 1 })
	p := w.person()
	p.form("/sign-in", signInValues(alice, "wrong")).says(t, "the first", 401, "isn’t right")
	a := p.form("/sign-in", signInValues(alice, "wrong"))
	a.says(t, "the second", 429, "Too many tries. Please try again in 1 minute.")
	a.says(t, "what was typed", 429, `type="email" value="`+alice+`"`)
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestFormsThatTheLimitRefusesKeepWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, func(_ *mapae.Config, c *Config) { c.Limits = Limits{SignUps: 1, Passwords: 1} })
	p := w.passwordMember(alice)
	up := url.Values{"username": {"kim@example.com"}, "name": {"Kim"}, "password": {password}, "next": {"/inbox"}}
	second := w.person().form("/sign-up", up)
	second.says(t, "a sign-up too many", 429, `<p class="notice alert" id="notice" role="alert" tabindex="-1">Too many tries. Please try again in 60 minutes.`)
	second.says(t, "its address", 429, `value="kim@example.com"`)
	second.says(t, "its name", 429, `name="name" value="Kim"`)
	if bytes.Contains(second.body, []byte(password)) {
		t.Error("the password comes back")
	}
	step := url.Values{"password": {"wrong"}, "next": {"/account/totp"}}
	p.form("/step-up/password", step).says(t, "a wrong password", 401, "That password isn’t right")
	p.form("/step-up/password", step).says(t, "one too many", 429, `name="next" value="/account/totp"`)

	w = newWorld(t, allMethods, byMail, func(_ *mapae.Config, c *Config) { c.Limits = Limits{SignUps: 1} })
	proven := func(login string) func() reply {
		q := w.person()
		asked := q.form("/sign-up", url.Values{"username": {login}, "name": {"Kim"}})
		a := q.form("/sign-up/code", url.Values{"ticket": {asked.hidden(t, "ticket")}, "username": {login}, "code": {w.lastMail().Code}})
		last := url.Values{"ticket": {a.hidden(t, "ticket")}, "username": {login}, "password": {password}}
		return func() reply { return q.form("/sign-up/password", last) }
	}
	first, late := proven(alice), proven(bob)
	seeOther(t, first(), "/account?did=signed_up")
	late().says(t, "the end of a sign-up too many", 429, bob+" is yours.")
}

func TestMethodsAreManagedWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	p.form("/account/password/remove", nil).says(t, "the last way in", 400, "It is your only way in.")
	p.addTOTP()

	w.pass(11 * time.Minute)
	for _, path := range []string{"/account/password", "/account/totp", "/account/recovery-codes"} {
		seeOther(t, p.page(path), "/sign-in?next="+url.QueryEscape(path)+"&step_up=1")
		seeOther(t, p.form(path, nil), "/sign-in?next="+url.QueryEscape(path)+"&step_up=1")
	}
	p.form("/step-up/password", url.Values{"password": {"wrong"}, "next": {"/account/password"}}).says(t, "a wrong password", 401, "That password isn’t right.")
	seeOther(t, p.form("/step-up/password", url.Values{"password": {password}, "next": {"/account/password"}}), "/account/password")
	p.form("/account/password", url.Values{"password": {"password"}}).says(t, "a common password", 400, "too short, or easy to guess")
	seeOther(t, p.form("/account/password", url.Values{"password": {"quite another battery staple"}}), "/account?did=password_set")
	_, err := w.person().SignInPassword(w.ctx, alice, password)
	wantCode(t, err, 401, mapae.CodeAuthenticationFailed)

	codes := p.form("/account/recovery-codes", nil).shown()
	if len(codes) != allCodes {
		t.Fatalf("%d codes, want %d", len(codes), allCodes)
	}
	w.pass(11 * time.Minute)
	p.form("/step-up/code", url.Values{"method": {"recovery_code"}, "code": {"x"}}).says(t, "no recovery code", 401, "That recovery code isn’t right")
	seeOther(t, p.form("/step-up/code", url.Values{"method": {"recovery_code"}, "code": {codes[0]}, "next": {"/account/totp"}}), "/account/totp")
	seeOther(t, p.form("/account/totp/remove", nil), "/account?did=totp_removed")
	account, err := p.Account(w.ctx)
	if err != nil || account.TOTP || account.RecoveryCodesLeft != allCodes-1 {
		t.Errorf("%+v, %v", account, err)
	}
	p.form("/account/totp/remove", nil).says(t, "an app that is gone", 404, "There is nothing here, or it is gone.")
}

func TestSomebodyRecoversWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	secret, codes := p.addTOTP()
	q := w.person()
	q.form("/recover", url.Values{"step": {"start"}, "username": {"not an address"}}).says(t, "no address", 400, "This doesn’t look like an e-mail address.")
	start := q.form("/recover", url.Values{"step": {"start"}, "username": {alice}})
	prove := func(from reply, method, code string) reply {
		return q.form("/recover", url.Values{"step": {"proof"}, "ticket": {from.hidden(t, "ticket")}, "methods": {from.hidden(t, "methods")}, "method": {method}, "code": {code}})
	}
	prove(start, "totp", "000000").says(t, "a wrong code", 401, "That code isn’t right")
	w.pass(time.Minute)
	more := prove(start, "recovery_code", codes[0])
	more.says(t, "one proof", 200, "Now one more proof")
	ready := prove(more, "totp", w.code(secret))
	ready.says(t, "two proofs", 200, "Create a passkey")
	change := url.Values{"step": {"password"}, "ticket": {ready.hidden(t, "ticket")}, "password": {"short"}}
	q.form("/recover", change).says(t, "a short password", 400, "too short, or easy to guess")
	change.Set("password", "a new horse battery staple")
	seeOther(t, q.form("/recover", change), "/sign-in?did=recovered")
	q.form("/recover", change).says(t, "a ticket that was used", 400, "That took too long or was used before.")
	p.send("GET", "/api/auth/session", "").want(t, 401, mapae.CodeUnauthenticated)
}

func TestARecoveryWaitsAndIsClaimedOrCancelledWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	_, codes := p.addTOTP()
	wait := func(code string) string {
		q := w.person()
		start := q.form("/recover", url.Values{"step": {"start"}, "username": {alice}})
		more := q.form("/recover", url.Values{"step": {"proof"}, "ticket": {start.hidden(t, "ticket")}, "methods": {start.hidden(t, "methods")}, "method": {"recovery_code"}, "code": {code}})
		waiting := q.form("/recover", url.Values{"step": {"wait"}, "ticket": {more.hidden(t, "ticket")}})
		found := regexp.MustCompile(`class="secret">([^<]+)<`).FindSubmatch(waiting.body)
		if found == nil {
			t.Fatalf("no claim in\n%s", waiting.body)
		}
		return string(found[1])
	}
	claim := func(text string) reply {
		return w.person().form("/recover", url.Values{"step": {"claim"}, "claim": {" " + text + " "}})
	}
	first := wait(codes[0])
	claim(first).says(t, "too early", 409, "It isn’t time yet.")
	if a := p.page("/account"); !strings.Contains(string(a.body), "Somebody is recovering this account") {
		t.Error("the owner is not told")
	}
	seeOther(t, p.post("cancel-recovery", nil), "/account?did=cancelled")
	w.pass(73 * time.Hour)
	claim(first).says(t, "a cancelled one", 400, "No recovery waits with these words.")
	second := wait(codes[1])
	w.pass(73 * time.Hour)
	claim(second).says(t, "in time", 200, "Create a passkey")
	claim("nothing").says(t, "no claim", 400, "No recovery waits with these words.")
}

func TestWhereAMethodIsOffItsPagesAreNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	for _, path := range []string{"/account/password", "/account/totp"} {
		if a := p.page(path); a.StatusCode != 404 {
			t.Errorf("%s answers %d, want 404", path, a.StatusCode)
		}
	}
	for _, path := range []string{"/sign-in", "/sign-up", "/recover"} {
		if a := w.person().page(path); strings.Contains(string(a.body), `name="password"`) {
			t.Errorf("%s asks for a password", path)
		}
	}
	w.person().form("/sign-in", signInValues(alice, password)).says(t, "a password", 403, "You are not allowed to do that.")
	w.person().form("/sign-up", signInValues(bob, password)).says(t, "a sign-up", 403, "You are not allowed to do that.")
}
