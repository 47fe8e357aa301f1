package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// calm is a condition of the page: nothing that is visible on it is in the
// colours of errors, as text, ground, border or shadow.
const calm = `(() => {
	const rgb = name => "rgb(" + getComputedStyle(document.documentElement).getPropertyValue(name).trim().slice(1).match(/../g).map(x => parseInt(x, 16)).join(", ") + ")"
	const alarms = [rgb("--alert"), rgb("--alert-paper")]
	return ![...document.querySelectorAll("body *")].some(el => el.checkVisibility({visibilityProperty: true}) && (el.textContent || el.value !== undefined) &&
		["color", "backgroundColor", "borderTopColor", "boxShadow"].some(part => alarms.some(alarm => getComputedStyle(el)[part].includes(alarm))))
})()`

func TestTheColoursOfErrorsAreSeen(t *testing.T) {
	t.Parallel()
	s := methodSite(t)
	b := openTab(t)
	b.visit(s.url + "/sign-in")
	b.want(calm, "nothing is wrong yet")
	b.click("form .primary")
	b.until("document.querySelector('#password-error').textContent")
	b.want("!"+calm, "a mistake is in the colours of errors")
}

func TestCancelIsNoError(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	phone := b.attach(phone())
	phone.verifies(false)

	b.visit(s.url + "/sign-up")
	b.typeInto("#email", "grace@example.com")
	b.typeInto("#name", "Grace Hopper")
	for range 5 {
		b.click("form .primary")
		b.says("nothing has changed")
		b.want(calm, "cancelling is not an error")
		b.want("document.activeElement === document.querySelector('form .primary')", "the focus is back")
		b.want("email.value === 'grace@example.com' && document.querySelector('#name').value === 'Grace Hopper'", "what was typed stays")
	}
	b.shoot("cancelled")
	if made := s.count("POST /api/auth/signup/passkey/complete"); made != 0 {
		t.Errorf("%d sign-ups were finished, want 0", made)
	}
	phone.verifies(true)
	b.click("form .primary")
	b.click("#codes-done")
	b.at("/account")
	autofillAfterSignOut(b, s, 1)

	phone.touches(false)
	signOut(b)
	phone.verifies(false)
	phone.touches(true)
	b.click("#passkey")
	b.says("nothing has changed")
	b.want(calm, "cancelling is not an error")
	b.shoot("cancelled-sign-in")
	phone.verifies(true)
	b.at("/account") // autofill was armed again
}

// TestAnotherOriginIsRefusedCalmly: the browser is told an RP ID that is not
// the page's.
func TestAnotherOriginIsRefusedCalmly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.attach(phone())

	b.before(`{
		const get = CredentialsContainer.prototype.get
		CredentialsContainer.prototype.get = function (options) {
			options.publicKey.rpId = "example.com"
			return get.call(this, options)
		}
	}`)
	b.visit(s.url + "/sign-in")
	b.click("#passkey")
	b.says("don’t work at this address")
	b.want(calm, "the person has done nothing wrong")
	b.want("document.querySelector('#passkey').getAttribute('aria-busy') === null", "the button is free again")
	b.shoot("origin")
	if verified := s.count("POST /api/auth/passkey/verify"); verified != 0 {
		t.Errorf("%d answers were sent, want 0", verified)
	}
}

// TestAPageOfAnotherOriginGetsNoOptions: another port of the same host is the
// same site to a browser's cookies, and another origin to us.
func TestAPageOfAnotherOriginGetsNoOptions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<!DOCTYPE html><title>other</title><link rel=icon href=data:,>")
	}))
	defer other.Close()
	b.visit(strings.Replace(other.URL, "127.0.0.1", "localhost", 1))
	for _, method := range []string{"GET", "POST"} {
		send := fmt.Sprintf(`fetch("%s/api/auth/passkey/options", { method: %q, mode: "no-cors", credentials: "include" }).catch(() => {})`, s.url, method)
		eval[chromedp.Void](b, send)
		if got := s.answers(method + " /api/auth/passkey/options"); !slices.Equal(got, []int{http.StatusForbidden}) {
			t.Errorf("%s from another origin was answered %v, want [403]", method, got)
		}
	}
}

func TestAnotherNameOfTheMachineIsRefusedCalmly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.visit("http://other.localhost:" + s.port + "/sign-in")
	b.want("document.querySelector('h1') && document.querySelector('code')", "a page says so, with the request's ID")
	b.want("!document.querySelector('form')", "nothing to try in vain")
	b.forgive("Refused to apply style") // at that name there is no stylesheet either
}

// TestTheAddressOfTheMachineLeadsToLocalhost: 127.0.0.1 can never be an RP ID.
func TestTheAddressOfTheMachineLeadsToLocalhost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.visit("http://127.0.0.1:" + s.port + "/sign-in")
	b.until("location.origin === '" + s.url + "'")
}

func TestASecondTabDoesNotBreakTheFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := openTab(t)
	hers := first.attach(phone())
	signUp(first, s, "joan@example.com", "Joan Clarke")
	hers.touches(false)
	signOut(first)
	s.await(t, "GET /api/auth/passkey/options", 1)

	second := first.another()
	second.attach(twin()) // without a device of its own a tab offers no autofill
	second.visit(s.url + "/sign-in")
	s.await(t, "GET /api/auth/passkey/options", 2) // both tabs are armed

	first.do("bring the first tab to the front", front)
	hers.touches(true)
	first.click("#passkey")
	first.at("/account")
	second.do("bring the second tab to the front", front)
	second.visit(s.url + "/sign-in")
	second.at("/account")
}

func TestTwoTabsOpenedAtOnceBothSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	maker := openTab(t)
	owned := maker.attach(phone())
	signUp(maker, s, "mary@example.com", "Mary Jackson")
	owned.touches(false)
	signOut(maker)
	maker.do("forget all cookies", forgetCookies)

	// Both pages ask for their challenge before either has a cookie.
	second := maker.another()
	credential := owned.export()
	copied := second.attach(twin())
	copied.add(credential)
	done := make(chan struct{})
	go func() {
		defer close(done)
		second.visit(s.url + "/sign-in")
	}()
	maker.visit(s.url + "/sign-in")
	<-done
	s.await(t, "GET /api/auth/passkey/options", 3) // one after signing out, and these two

	for _, each := range []struct {
		b *tab
		d *device
	}{{maker, owned}, {second, copied}} {
		each.b.do("bring the tab to the front", front)
		each.d.touches(true)
		each.b.click("#passkey")
		each.b.at("/account")
	}
	if verified := s.count("POST /api/auth/passkey/verify"); verified != 2 {
		t.Errorf("%d answers for two sign-ins", verified)
	}
}

func TestABrowserWithoutPasskeysIsToldSo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.before("delete window.PublicKeyCredential")
	for _, path := range []string{"/sign-in", "/sign-up"} {
		b.visit(s.url + path)
		b.says("can’t use passkeys")
		b.want("[...document.querySelectorAll('main button')].every(el => el.offsetParent === null)", "no button that can't work")
		b.want("document.querySelector('#email').offsetParent !== null", "the rest stays")
		b.shoot("unsupported-" + path[1:])
	}
}

func TestMistakesInFormsAreSaidBesideTheField(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.attach(phone())
	b.visit(s.url + "/sign-up")
	b.click("form .primary")
	b.until("document.querySelector('#email-error').textContent && document.querySelector('#name-error').textContent")
	b.want("document.activeElement.id === 'email'", "the first mistake has the focus")
	b.want("email.getAttribute('aria-invalid') === 'true'", "the input is marked")
	b.shoot("mistakes")
	b.typeInto("#email", "x")
	b.want("!document.querySelector('#email-error').textContent", "the message goes when the input is edited")

	signUp(b, s, "rosa@example.com", "Rosa")
	b.do("forget all cookies", forgetCookies)
	b.visit(s.url + "/sign-up")
	b.typeInto("#email", "rosa@example.com")
	b.typeInto("#name", "Rosa")
	b.click("form .primary")
	b.until("document.querySelector('#email-error').textContent.includes('already')")
	b.shoot("taken")
}

func TestDevicesAreShownAndSignedOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.attach(phone())
	signUp(b, s, "katherine@example.com", "Katherine Johnson")
	b.do("forget all cookies", forgetCookies)
	b.visit(s.url + "/sign-in")
	s.await(t, "POST /api/auth/passkey/verify", 1) // autofill, as another session
	b.at("/account")
	b.until("document.querySelectorAll('[aria-labelledby=devices] .row').length === 2")
	b.shoot("devices")
	b.click("form[action$='/account/end-others'] button")
	b.until("document.querySelectorAll('[aria-labelledby=devices] .row').length === 1")
	b.want("document.querySelector('#notice').textContent.includes('other devices')", "the person is told")
}

func TestWithoutScriptsThePageSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.do("turn scripts off", noScripts)
	b.visit(s.url + "/sign-in")
	b.see("noscript .notice")
	b.shoot("no-scripts")
}

func TestAPageThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.visit(s.url + "/nowhere")
	b.want("document.querySelector('h1').textContent === 'Not found' && document.querySelector('code').textContent.length > 8",
		"an error page with the request's ID")
	b.shoot("not-found")
}

func TestTroubleIsSaidInAPersonsWords(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.attach(phone())
	answer := func(status int, code, more string) string {
		return fmt.Sprintf(`() => Promise.resolve(new Response('{"code":%q,"message":"Because.","request_id":"r-1"%s}', { status: %d }))`, code, more, status)
	}
	for _, c := range []struct{ name, fetch, says, tone string }{
		{"offline", "() => Promise.reject(new TypeError('Failed to fetch'))", "No connection.", "calm"},
		{"too-many", answer(429, "rate_limited", `,"retry_after":90`), "You can try again at ", "calm"},
		{"server", answer(503, "unavailable", ""), "Something went wrong on our side. Please try again in a moment. Reference: r-1", "alert"},
		{"expired", answer(400, "ceremony_invalid", ""), "took a little too long", "calm"},
		{"unknown", answer(401, "passkey_unknown", ""), "isn’t known here any more", "calm"},
		{"refused", answer(401, "authentication_failed", ""), "Because.", "alert"},
		{"closed", answer(403, "forbidden", ""), "Because.", "calm"},
	} {
		b.visit(s.url + "/sign-up") // no autofill there
		b.until("document.readyState === 'complete'")
		eval[chromedp.Void](b, "void (window.fetch = "+c.fetch+")")
		b.typeInto("#email", "x@example.com")
		b.typeInto("#name", "X\r")
		b.says(c.says)
		b.want("!document.querySelector('#status').textContent.includes('{')", c.name+": every blank is filled")
		b.want(fmt.Sprintf("document.querySelector('#status').dataset.tone === %q", c.tone), c.name)
		b.shoot(c.name)
	}
}
