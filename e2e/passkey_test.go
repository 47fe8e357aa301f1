package e2e

import (
	"fmt"
	"testing"
	"time"
)

// signUp makes an account with the tab's device and ends on the account page.
func signUp(b *tab, s *site, email, name string) {
	b.t.Helper()
	b.visit(s.url + "/sign-up")
	b.typeInto("#email", email)
	b.typeInto("#name", name)
	b.click("form .primary")
	b.click("#codes-done")
	b.at("/account")
}

// signOut ends the session by the page's button. Where a device answers at once
// the sign-in page is gone before anybody has seen it: autofillAfterSignOut.
func signOut(b *tab) {
	b.t.Helper()
	b.click("header button")
	b.at("/sign-in")
}

// autofillAfterSignOut signs out and is signed in again by autofill, for the
// n-th time: nothing is typed or clicked.
func autofillAfterSignOut(b *tab, s *site, n int) {
	b.t.Helper()
	b.click("header button")
	s.await(b.t, "POST /api/auth/passkey/verify", n)
	b.at("/account")
}

// TestAPersonSignsUpComesBackAndKeepsPasskeys walks the whole way of a person
// with a phone and, later, a security key.
func TestAPersonSignsUpComesBackAndKeepsPasskeys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	phone := b.attach(phone())

	b.visit(s.url + "/")
	b.at("/sign-in")
	b.want("!/WebAuthn|FIDO|credential|authenticator/i.test(document.querySelector('main section').innerText)", "words of the trade are not for people")
	b.click(".links a")
	b.at("/sign-up")
	b.shoot("sign-up")
	signUp(b, s, "ada@example.com", "Ada Lovelace")
	b.until("document.activeElement.id === 'notice'")
	b.until("document.querySelectorAll('.row[data-id]').length === 1")
	b.want("document.body.innerText.includes('You signed in with this one')", "the passkey in use is marked")
	if n := phone.passkeys(); n != 1 {
		t.Fatalf("the phone has %d passkeys, want 1", n)
	}
	b.shoot("welcome")

	autofillAfterSignOut(b, s, 1)
	if asked := s.count("POST /api/auth/passkey/options"); asked != 0 {
		t.Fatalf("%d modal calls on page load, want 0", asked)
	}

	phone.touches(false)
	signOut(b)
	b.want("document.querySelector('.notice').textContent === 'You are signed out.'", "the person is told")
	b.see("#passkey")
	b.shoot("sign-in")
	phone.touches(true)
	b.click("#passkey")
	b.at("/account")
	if asked := s.count("POST /api/auth/passkey/options"); asked != 1 {
		t.Fatalf("%d modal calls, want 1", asked)
	}
	manage(b, phone)
}

// manage adds, renames and removes passkeys on the account page.
func manage(b *tab, phone *device) {
	b.t.Helper()
	key := b.attach(securityKey())
	b.click("#add")
	b.until("document.querySelectorAll('.row[data-id]').length === 2")
	b.want("document.querySelector('.row[data-id] .badge').textContent === 'Security key'", "the exception is marked")
	if phone.passkeys() != 1 || key.passkeys() != 1 {
		b.t.Fatalf("passkeys: phone %d, key %d, want 1 and 1", phone.passkeys(), key.passkeys())
	}

	b.click(".row [name=rename]")
	b.until("document.activeElement.name === 'name'")
	b.shoot("rename")
	b.typeInto(".row .rename:not([hidden]) [name=name]", "Blue key\r")
	b.until("document.querySelector('.row h3').textContent === 'Blue key'")
	b.shoot("two-passkeys")

	b.click(".row [name=remove]")
	b.see("dialog[open]")
	b.want("document.querySelector('dialog[open]').innerText.includes('Blue key')", "the question names the passkey")
	b.want("document.activeElement.textContent === 'Cancel'", "the safe answer has the focus")
	b.shoot("remove")
	b.click("dialog[open] .danger")
	b.until("document.querySelectorAll('.row[data-id]').length === 1 && document.querySelector('#notice')")

	b.click(".row [name=remove]")
	b.see("dialog[open]")
	b.want("!document.querySelector('dialog[open] .danger')", "the last one has no button to remove it")
	b.shoot("last-one")
	const remove = `(async () => {
		const id = document.querySelector(".row[data-id]").dataset.id
		const r = await fetch("/api/webauthn/" + id + "/", { method: "DELETE" })
		const { code, message } = await r.json()
		return r.status + " " + code + " " + message
	})()`
	got := eval[string](b, remove)
	if want := "400 last_factor Cannot delete - you must have at least one authentication method"; got != want {
		b.t.Errorf("removing the last one by hand: %s, want %s", got, want)
	}
	b.click("dialog[open] button")
	b.want(fmt.Sprint("document.querySelectorAll('.row[data-id]').length === ", 1), "the last one stays")
}

// TestAnOldSessionIsConfirmedOnTheWay: what was asked for goes on by itself
// after a passkey was used once more.
func TestAnOldSessionIsConfirmedOnTheWay(t *testing.T) {
	t.Parallel()
	confirmOnTheWay(openTab(t), newSite(t))
}

// confirmOnTheWay is a person with two passkeys who comes back to an open page.
func confirmOnTheWay(b *tab, s *site) {
	b.t.Helper()
	t := b.t
	phone := b.attach(phone())
	signUp(b, s, "annie@example.com", "Annie Easley")

	key := b.attach(securityKey())
	s.pass(11 * time.Minute)
	b.click("#add")
	b.until("document.querySelectorAll('.row[data-id]').length === 2")
	if steps := s.count("POST /api/webauthn/verify/"); steps != 1 {
		t.Errorf("%d confirmations, want 1", steps)
	}

	s.pass(11 * time.Minute)
	phone.verifies(false)
	key.verifies(false) // either may be asked
	b.click(".row [name=remove]")
	b.click("dialog[open] .danger")
	b.says("nothing has changed")
	b.want(calm, "cancelling is not an error")
	b.want("document.querySelectorAll('.row[data-id]').length === 2", "nothing is removed")
	phone.verifies(true)
	key.verifies(true)
	b.click(".row [name=remove]")
	b.click("dialog[open] .danger")
	b.until("document.querySelectorAll('.row[data-id]').length === 1")

	s.pass(11 * time.Minute)
	b.visit(s.url + "/sign-in?step_up=1&next=/account%3Fdid=ended")
	b.want("document.body.innerText.includes('annie@example.com')", "the account is fixed")
	b.shoot("confirm")
	b.click("form .primary")
	b.until("location.pathname === '/account' && document.querySelector('#notice')")
}
