package e2e

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

const password = "correct horse battery staple"

// cheapPasswords cost less than those of a real site.
var cheapPasswords = mapae.Password{Argon2: mapae.Argon2{MemoryKiB: 8 << 10, Passes: 1, Lanes: 1}}

// methodSite offers passwords and authenticator apps beside passkeys.
func methodSite(t *testing.T) *site {
	t.Helper()
	return newSite(t, cheapPasswords, mapae.TOTP{})
}

// code is what an authenticator app with that key shows in the server's next
// step (RFC 6238), which begins now.
func (s *site) code(t *testing.T, secret string) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	s.pass(30 * time.Second)
	mac := hmac.New(sha1.New, key)
	binary.Write(mac, binary.BigEndian, uint64(time.Now().Add(time.Duration(s.late.Load())).Unix()/30))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1e6)
}

// signUpPassword makes an account with a password and ends on the account page.
func signUpPassword(b *tab, s *site, email string) {
	b.t.Helper()
	b.visit(s.url + "/sign-up")
	b.typeInto("#email", email)
	b.typeInto("#name", "Somebody")
	b.click("summary")
	b.typeInto("#password", password)
	b.shoot("sign-up-password")
	b.click("[name=way]")
	b.at("/account")
}

// setUpApp adds an authenticator app on the account page; it returns its key and
// the recovery codes that are shown.
func setUpApp(b *tab, s *site) (secret string, codes []string) {
	b.t.Helper()
	b.click("a[href$='/account/totp']")
	b.at("/account/totp")
	b.want("document.querySelector('.qr .dark').getBBox().width > 20", "the picture is drawn")
	b.shoot("set-up")
	secret = eval[string](b, "[...document.querySelectorAll('.secret span')].map(el => el.textContent).join('')")
	b.typeInto("#code", "12")
	b.typeInto("#code", s.code(b.t, secret))
	b.click("form .primary")
	b.see("#codes-done")
	b.shoot("codes")
	codes = eval[[]string](b, "[...document.querySelectorAll('#codes code')].map(el => el.textContent)")
	b.click("#codes-done")
	b.at("/account")
	return secret, codes
}

// enterPassword fills in the sign-in page.
func enterPassword(b *tab, s *site, email, secret string) {
	b.t.Helper()
	b.visit(s.url + "/sign-in?next=/account%3Fdid=ended")
	b.typeInto("#email", email)
	b.typeInto("#password", secret)
	b.click("form .primary")
}

func TestSomebodySignsInWithPasswordAndApp(t *testing.T) {
	t.Parallel()
	s := methodSite(t)
	b := openTab(t)
	signUpPassword(b, s, "ada@example.com")
	b.shoot("account")
	secret, codes := setUpApp(b, s)
	b.shoot("account-app")
	signOut(b)
	b.shoot("sign-in")
	b.click("form .primary")
	b.until("document.querySelector('#password-error').textContent")
	b.click("[data-reveal]")
	b.want("password.type === 'text' && document.querySelector('[data-reveal]').getAttribute('aria-pressed') === 'true'", "the password can be shown")

	enterPassword(b, s, "ada@example.com", "not this one")
	b.until("document.querySelector('.alert')")
	b.shoot("wrong")
	enterPassword(b, s, "ada@example.com", password)
	b.see("#code")
	b.want("document.querySelector('h1').textContent === 'One more step'", "the second step")
	b.shoot("second")
	b.typeInto("#code", s.code(t, secret))
	b.click("form .primary")
	b.click("[value=not_now]") // a passkey
	b.at("/account")

	signOut(b)
	enterPassword(b, s, "ada@example.com", password)
	b.see("#code")
	b.click("summary")
	b.shoot("other-way")
	b.typeInto("#recovery-code", codes[0])
	b.click("details .primary")
	b.at("/account")
	b.until("document.body.innerText.includes('9 of 10')")

	s.pass(11 * time.Minute)
	b.click("a[href$='/account/password']")
	b.see("#password")
	b.want("location.pathname === '/sign-in'", "a fresh proof is asked for")
	b.shoot("step-up")
	b.typeInto("#password", password)
	b.click("form .primary")
	b.at("/account/password")
	b.shoot("password")
}

func TestSomebodyRecoversWithTwoProofs(t *testing.T) {
	t.Parallel()
	recoverWithTwoProofs(openTab(t), methodSite(t))
}

// recoverWithTwoProofs gets a new passkey for a recovery code and an app.
func recoverWithTwoProofs(b *tab, s *site) {
	b.t.Helper()
	t := b.t
	signUpPassword(b, s, "joan@example.com")
	secret, codes := setUpApp(b, s)
	signOut(b)
	device := b.attach(phone())
	b.visit(s.url + "/recover")
	b.shoot("recover")
	b.typeInto("#email", "joan@example.com")
	b.click("form .primary")
	b.see("#recovery-code")
	b.shoot("proofs")
	b.typeInto("#recovery-code", codes[0])
	b.click("form:has(#recovery-code) .primary")
	b.until("document.body.innerText.includes('Now one more proof')")
	b.shoot("one-more")
	b.typeInto("#code", s.code(t, secret))
	b.click("form:has(#code) .primary")
	b.see("[data-recover] .primary")
	b.shoot("ready")
	b.click("[data-recover] .primary")
	b.until("location.pathname === '/account' || document.querySelector('#codes-done')?.offsetParent")
	if eval[bool](b, "location.pathname !== '/account'") {
		b.click("#codes-done")
	}
	b.at("/account")
	b.want("document.querySelectorAll('.row[data-id]').length === 1", "the new passkey is there")
	if n := device.passkeys(); n != 1 {
		t.Errorf("the phone has %d passkeys, want 1", n)
	}
}

func TestAPasskeyIsTheSecondStepAfterAPassword(t *testing.T) {
	t.Parallel()
	secondStepByPasskey(openTab(t), methodSite(t))
}

// secondStepByPasskey signs in by a password, then by a passkey.
func secondStepByPasskey(b *tab, s *site) {
	b.t.Helper()
	signUpPassword(b, s, "mary@example.com")
	device := b.attach(phone())
	b.click("#add")
	b.click("#codes-done")
	b.until("document.querySelectorAll('.row[data-id]').length === 1")
	device.touches(false)
	signOut(b)
	enterPassword(b, s, "mary@example.com", password)
	b.see("[data-prove] .primary")
	b.shoot("second-passkey")
	device.touches(true)
	b.click("[data-prove] .primary")
	b.at("/account")
}

func TestWithoutScriptsPasswordAndAppAreEnough(t *testing.T) {
	t.Parallel()
	s := methodSite(t)
	b := openTab(t)
	signUpPassword(b, s, "rosa@example.com")
	secret, _ := setUpApp(b, s)
	b.do("forget all cookies", forgetCookies)
	b.do("turn scripts off", noScripts)
	enterPassword(b, s, "rosa@example.com", password)
	b.see("#code")
	b.shoot("second")
	b.typeInto("#code", s.code(t, secret))
	b.click("form .primary")
	b.see("header button")
	b.shoot("account")
}

func TestWithoutScriptsPasskeysAreRenamedAndRemoved(t *testing.T) {
	t.Parallel()
	s := methodSite(t)
	b := openTab(t)
	signUpPassword(b, s, "rosa@example.com")
	b.attach(phone())
	b.click("#add")
	b.click("#codes-done")
	b.at("/account")
	b.do("turn scripts off", noScripts)
	b.visit(s.url + "/account")
	b.want("document.querySelector('#add').offsetParent === null", "no button that can't work")
	b.want("document.querySelector('noscript .notice').offsetParent !== null", "and why")
	b.shoot("account")

	b.follow(".row [name=rename]")
	b.typeInto(".row .rename:not([hidden]) [name=name]", "Blue phone")
	b.follow(".row .rename:not([hidden]) .primary")
	b.want("document.querySelector('.row h3').textContent === 'Blue phone'", "the new name")
	b.follow(".row [name=remove]")
	b.want("document.querySelector('dialog[open]').innerText.includes('Blue phone')", "the question names the passkey")
	b.shoot("remove")
	b.follow("dialog[open] .danger")
	b.want("!document.querySelector('.row[data-id]') && document.querySelector('#notice')", "it is gone, and the page says so")
	b.follow("[name=language][value=ko]")
	b.want("document.documentElement.lang === 'ko'", "the language can be chosen")
}
