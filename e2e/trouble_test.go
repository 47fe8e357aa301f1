package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/web"
)

// noting keeps what the page says in its live region where it outlives a
// navigation.
const noting = `addEventListener("DOMContentLoaded", () => {
	const status = document.querySelector("#status")
	if (status) new MutationObserver(() => { sessionStorage.said = (sessionStorage.said || "") + status.textContent }).observe(status, {childList: true})
})`

// account makes an account with a passkey of mine, and is at the sign-in page,
// where nobody touches the device.
func account(b *tab, s *site) *device {
	b.t.Helper()
	mine := b.attach(phone())
	signUp(b, s, "ada@example.com", "Ada Lovelace")
	mine.touches(false)
	signOut(b)
	s.await(b.t, "GET /api/auth/passkey/options", 1)
	return mine
}

func TestAPickThatComesTooLateIsDoneAgainUnseen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.before(noting)
	mine := account(b, s)
	var late sync.Once
	s.before("POST /api/auth/passkey/verify", func() { late.Do(func() { s.pass(16 * time.Minute) }) })
	mine.touches(true)
	b.visit(s.url + "/sign-in")
	b.at("/account")
	s.statuses(t, "POST /api/auth/passkey/verify", http.StatusBadRequest, http.StatusOK)
	b.want("!sessionStorage.said", "nobody hears of it")
	if n := s.count("POST /api/auth/passkey/options"); n != 0 {
		t.Errorf("%d dialogues, want none", n)
	}
}

func TestADialogueThatTookTooLongIsCalmlyTriedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.before("delete PublicKeyCredential.isConditionalMediationAvailable") // else autofill would be armed anew, and answered
	mine := b.attach(phone())
	signUp(b, s, "ada@example.com", "Ada Lovelace")
	signOut(b)
	var late sync.Once
	s.before("POST /api/auth/passkey/verify", func() { late.Do(func() { s.pass(6 * time.Minute) }) })
	mine.once(func() {
		b.click("#passkey")
		b.says("took a little too long")
	})
	b.want(calm, "the person has done nothing wrong")
	b.shoot("expired")
	mine.once(func() {
		b.click("#passkey")
		b.at("/account")
	})
}

// TestAPageThatIsLeftOpenStaysReady: minutes are milliseconds to the page, so
// that it renews its challenges before they end.
func TestAPageThatIsLeftOpenStaysReady(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	mine := account(b, s)
	b.before(noting)
	b.before(`{
		const wait = setTimeout
		window.setTimeout = (f, ms, ...more) => wait(f, ms > 60000 ? ms / 1000 : ms, ...more)
	}`)
	b.visit(s.url + "/sign-in")
	n := s.count("GET /api/auth/passkey/options")
	s.await(t, "GET /api/auth/passkey/options", n+3)
	b.want("!document.querySelector('#status').textContent && !sessionStorage.said", "nobody hears of it")
	mine.once(func() {
		b.click("#passkey")
		b.at("/account")
	})
}

func TestABusyButtonSaysSoAndKeepsItsLabel(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	mine := account(b, s)
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) }) // all that wait: autofill may have answered as well
	t.Cleanup(free)
	s.before("POST /api/auth/passkey/verify", func() { <-release })
	mine.touches(true)
	b.click("#passkey")
	b.until("document.querySelector('#passkey').getAttribute('aria-busy') === 'true'")
	b.want("document.querySelector('#passkey').innerText.trim() === 'Sign in with a passkey'", "the label stays")
	b.want("getComputedStyle(document.querySelector('#passkey'), '::before').animationName === 'turn'", "something turns")
	b.shoot("busy")
	free()
	b.at("/account")
}

func TestWithoutAConnectionNothingIsLost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.attach(phone())
	b.visit(s.url + "/sign-up")
	b.typeInto("#email", "ada@example.com")
	b.typeInto("#name", "Ada Lovelace")
	s.before("POST /api/auth/signup/passkey/options", func() { panic(http.ErrAbortHandler) })
	b.click("form .primary")
	b.says("No connection.")
	b.want(calm, "the person has done nothing wrong")
	b.want("email.value === 'ada@example.com'", "what was typed stays")
	b.shoot("offline")
	s.before("POST /api/auth/signup/passkey/options", func() {})
	b.click("form .primary")
	b.click("#codes-done")
	b.at("/account")
}

func TestTooManyTriesSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	const all = 2 // that an address may make in an hour
	listener, rp := localhost(t)
	s := newSiteAt(t, listener, rp, web.Config{Limits: web.Limits{SignUps: all}}, func(*mapae.Config) {}, func(face *web.Site) http.Handler { return face })
	b := openTab(t)
	mine := b.attach(phone())
	for i := range all {
		b.visit(s.url + "/sign-up")
		b.typeInto("#email", fmt.Sprintf("ada%d@example.com", i))
		b.typeInto("#name", "Ada Lovelace\r")
		b.see("#codes-done")
		mine.empty()
		b.do("forget all cookies", forgetCookies)
	}
	b.visit(s.url + "/sign-up")
	b.typeInto("#email", "ada@example.com")
	b.typeInto("#name", "Ada Lovelace\r")
	b.says("You can try again at ")
	b.want(`/at \d{1,2}:\d\d/.test(document.querySelector('#status').textContent)`, "it says when")
	b.want(calm, "waiting is not an error")
	b.shoot("locked")
	if n := mine.passkeys(); n != 0 {
		t.Errorf("the phone made a passkey in vain")
	}
}

func TestAPasswordTriedTooOftenWaits(t *testing.T) {
	t.Parallel()
	s := methodSite(t)
	b := openTab(t)
	signUpPassword(b, s, "ada@example.com")
	signOut(b)
	for range 12 {
		b.typeInto("#email", "ada@example.com")
		b.typeInto("#password", "not this one at all")
		b.follow("form .primary")
		if eval[bool](b, "/minute/.test(document.querySelector('.alert').textContent)") {
			break
		}
	}
	b.want("/in (a|1|2|4|8|15) minutes?/.test(document.querySelector('.alert').textContent)", "it says how long")
	b.want("email.value === 'ada@example.com' && password.value === ''", "the address stays, the password does not")
	b.shoot("locked")
}

func TestADeviceThatHasAPasskeyIsToldSo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	mine := b.attach(phone())
	signUp(b, s, "ada@example.com", "Ada Lovelace")
	b.click("#add")
	b.says("You already have a passkey here.")
	b.want(calm, "having one is no error")
	b.shoot("exists")
	if n := mine.passkeys(); n != 1 {
		t.Errorf("the phone has %d passkeys, want 1", n)
	}
	s.statuses(t, "POST /api/webauthn/register/complete/")
}
