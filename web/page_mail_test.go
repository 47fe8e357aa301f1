package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

func TestPagesOfMailAreAsTheGoldenFilesHaveThem(t *testing.T) {
	t.Parallel()
	before := newWorld(t, allMethods, unlimited)
	old := before.passwordMember(bob)
	w := before.mailingNode()
	old, p := old.atNode(w), w.provenMember(alice)
	stranger := w.person()
	up := stranger.form("/sign-up", url.Values{"username": {"kim@example.com"}, "name": {"Kim"}, "next": {"/inbox"}})
	code := w.lastMail().Code
	wrong := url.Values{"ticket": {up.hidden(t, "ticket")}, "username": {"kim@example.com"}, "name": {"Kim"}, "code": {"0000-0000"}}
	wantPages(t, map[string]reply{
		"mail-sign-in.html":        stranger.page("/sign-in?next=/inbox"),
		"mail-sign-up.html":        stranger.page("/sign-up?next=/inbox"),
		"mail-sign-up-code.html":   up,
		"mail-sign-up-wrong.html":  stranger.form("/sign-up/code", wrong),
		"mail-sign-up-proven.html": stranger.form("/sign-up/code", url.Values{"ticket": {up.hidden(t, "ticket")}, "username": {"kim@example.com"}, "code": {code}}),
		"mail-code.html":           stranger.page("/email-code?next=/inbox"),
		"mail-code-sent.html":      stranger.form("/email-code", url.Values{"username": {alice}}),
		"mail-reset.html":          stranger.page("/reset"),
		"mail-reset-sent.html":     stranger.form("/reset", url.Values{"username": {alice}}),
		"mail-reset-new.html":      stranger.page("/reset?code=ml_x"),
		"mail-reset-over.html":     stranger.form("/reset", url.Values{"code": {"ml_x"}, "password": {password}}),
		"mail-verify.html":         old.page("/verify-email"),
		"mail-account.html":        old.page("/account"),
		"mail-confirm.html":        p.page("/sign-in?step_up=1&next=/account/totp"),
		"mail-confirm-code.html":   p.form("/step-up/email-code", url.Values{"next": {"/account/totp"}}),
		"mail-account-proven.html": p.page("/account?did=verified"),
	})
}

func TestSomebodySignsUpByMailWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, unlimited)
	p := w.person()
	p.form("/sign-up", url.Values{"username": {"not an address"}, "name": {"Alice"}}).says(t, "no address", 400, "This doesn’t look like an e-mail address.")
	asked := p.form("/sign-up", url.Values{"username": {alice}, "name": {"Alice"}, "next": {"/inbox"}})
	asked.says(t, "the code is asked for", 200, "We sent a mail to "+alice)
	values := url.Values{"ticket": {asked.hidden(t, "ticket")}, "username": {alice}, "name": {"Alice"}, "next": {"/inbox"}, "code": {"nothing"}}
	p.form("/sign-up/code", values).says(t, "a wrong code", 401, "That code isn’t right.")
	values.Set("code", w.lastMail().Code)
	proven := p.form("/sign-up/code", values)
	proven.says(t, "the address is proven", 200, alice+" is yours.")
	p.form("/sign-up/code", values).says(t, "the code again", 400, "Create an account")
	last := url.Values{"ticket": {proven.hidden(t, "ticket")}, "username": {alice}, "next": {"/inbox"}, "password": {"short"}}
	p.form("/sign-up/password", last).says(t, "a short password", 400, "Use at least 15 characters.")
	last.Set("password", password)
	seeOther(t, p.form("/sign-up/password", last), "/inbox")
	p.wantSession(t, "sign-up", 1, mapae.MethodPassword)
	w.person().form("/sign-up/password", last).says(t, "another browser", 400, "Create an account")
}

func TestSomebodySignsInByMailWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, unlimited)
	w.provenMember(alice)
	q := w.person()
	sent := q.form("/email-code", url.Values{"username": {" " + alice + " "}, "next": {"/inbox"}})
	values := url.Values{"ticket": {sent.hidden(t, "ticket")}, "username": {alice}, "next": {"/inbox"}, "code": {"0000 0000"}}
	q.form("/email-code", values).says(t, "a wrong code", 401, "That code isn’t right.")
	values.Set("code", strings.ToLower(w.lastMail().Code))
	seeOther(t, q.form("/email-code", values), "/inbox")
	q.form("/email-code", values).says(t, "the code again", 400, "E-mail me a code")
	q.wantSession(t, "a code", 1, mapae.MethodEmailCode)

	w.pass(11 * time.Minute)
	seeOther(t, q.page("/account/totp"), "/sign-in?next=%2Faccount%2Ftotp&step_up=1")
	asked := q.form("/step-up/email-code", url.Values{"next": {"/account/totp"}})
	step := url.Values{"mail_ticket": {asked.hidden(t, "mail_ticket")}, "next": {"/account/totp"}, "code": {"x"}}
	q.form("/step-up/email-code", step).says(t, "a wrong code", 401, "That code isn’t right.")
	step.Set("code", w.lastMail().Code)
	seeOther(t, q.form("/step-up/email-code", step), "/account/totp")

	q.addTOTP()
	sent = q.another().form("/email-code", url.Values{"username": {alice}})
	sent.says(t, "the code is on its way", 200, "a mail with a code is on its way")
	r := w.person()
	sent = r.form("/email-code", url.Values{"username": {alice}})
	values = url.Values{"ticket": {sent.hidden(t, "ticket")}, "username": {alice}, "code": {w.lastMail().Code}}
	r.form("/email-code", values).says(t, "the second step", 200, "One more step")
	if r.cookie() != "" {
		t.Error("signed in by a code alone")
	}
}

func TestSomebodyResetsAndProvesWithoutScripts(t *testing.T) {
	t.Parallel()
	before := newWorld(t, allMethods, unlimited)
	p := before.passwordMember(alice)
	w := before.mailingNode()
	p = p.atNode(w)
	asked := p.form("/verify-email", nil)
	asked.says(t, "the code is asked for", 200, "We sent a mail with a code to "+alice)
	values := url.Values{"ticket": {asked.hidden(t, "ticket")}, "code": {"x"}}
	p.form("/verify-email", values).says(t, "a wrong code", 401, "That code isn’t right.")
	values.Set("code", w.lastMail().Code)
	seeOther(t, p.form("/verify-email", values), "/account?did=verified")
	seeOther(t, p.page("/verify-email"), "/account")

	q := w.person()
	q.form("/reset", url.Values{"username": {alice}}).says(t, "a link is on its way", 200, "a mail is on its way")
	page := q.page("/reset?" + url.Values{"code": {codeOfLink(t, w.lastMail().Link)}}.Encode())
	next := url.Values{"code": {page.hidden(t, "code")}, "password": {"short"}}
	q.form("/reset", next).says(t, "a short password", 400, "Use at least 15 characters.")
	next.Set("password", password+"!")
	seeOther(t, q.form("/reset", next), "/sign-in?did=recovered")
	q.form("/reset", next).says(t, "the link again", 400, "This link was used")
	seeOther(t, p.page("/account"), "/sign-in?next=%2Faccount")
	seeOther(t, q.form("/sign-in", signInValues(alice, password+"!")), "/inbox?a=b")
}

func TestWhereThereIsNoMailItsPagesAreNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods)
	p := w.passwordMember(alice)
	for _, path := range []string{"/email-code", "/reset", "/verify-email"} {
		p.page(path).says(t, path, 404, "Not found")
	}
	p.form("/reset", url.Values{"username": {alice}}).says(t, "a reset", 403, "You are not allowed to do that.")
	p.form("/email-code", url.Values{"username": {alice}}).says(t, "a code", 403, "You are not allowed to do that.")
}
