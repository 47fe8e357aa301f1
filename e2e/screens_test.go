package e2e

import (
	"encoding/hex"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

// languages are all that the pages speak.
var languages = []string{"en", "ko", "zh-Hant", "ja", "zh-Hans"}

// gallery is a walk through all screens in one language. Each is checked by
// axe-core, and pictured where MAPAE_SCREENSHOTS names a folder.
type gallery struct {
	*tab
	s        *site
	language string
	axe      string

	secret string   // of the authenticator app
	codes  []string // for recovery
}

// screen looks at what the tab shows.
func (g *gallery) screen(name string) {
	g.t.Helper()
	g.until("document.readyState === 'complete' && document.documentElement.lang === '" + g.language + "'")
	g.accessible(g.axe, name+" in "+g.language)
	if pictures != "" {
		g.through(frames, func(f look) { g.picture(filepath.Join(pictures, "screens"), name+"."+g.language+"."+f.name) })
		if a, is := adverts[name+"."+g.language]; is {
			g.advert(a.look, a.height)
		}
	}
}

// adverts are the screens that the README shows, and the heights of their
// windows.
var adverts = map[string]struct {
	look
	height int64
}{
	"sign-in.en":          {look{"sign-in", 390, "light"}, 844},
	"account-passkeys.en": {look{"account", 800, "dark"}, 1000},
	"offer-local.ja":      {look{"offer", 390, "light"}, 844},
}

func TestEveryScreenIsForEverybody(t *testing.T) {
	t.Parallel()
	script := axe(t)
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			g := &gallery{tab: openTab(t), s: methodSite(t), language: language, axe: script}
			device := g.attach(phone())
			g.chooseLanguage()
			g.signingUp()
			g.managing()
			device.touches(false)
			g.keeping()
			g.signingIn()
			g.refusing(device)
			g.recovering(device)
			g.byMail()
			g.verifying()
			g.byProvider()
		})
	}
}

// chooseLanguage does so at the foot of the sign-in page.
func (g *gallery) chooseLanguage() {
	g.visit(g.s.url + "/sign-in")
	g.follow("[name=language][value=" + g.language + "]")
	g.until("document.documentElement.lang === '" + g.language + "'")
}

// signingUp is everything until there is an account with two passkeys.
func (g *gallery) signingUp() {
	g.screen("sign-in")
	g.click("details summary")
	g.screen("what-is-a-passkey")
	g.click("a[href$='/passkeys']")
	g.at("/passkeys")
	g.screen("passkeys")
	g.visit(g.s.url + "/sign-up")
	g.click("form .primary")
	g.until("document.querySelector('#email-error').textContent")
	g.screen("sign-up-mistakes")
	g.visit(g.s.url + "/nowhere")
	g.screen("error")
	g.visit(g.s.url + "/sign-up")
	g.screen("sign-up")
	g.typeInto("#email", "ada@example.com")
	g.typeInto("#name", "Ada Lovelace")
	g.click("form .primary")
	g.see("#codes-done")
	g.screen("recovery-codes")
	g.click("#codes-done")
	g.at("/account")
	g.screen("account")
}

// managing is the account page with its dialogues and its pages.
func (g *gallery) managing() {
	g.click("[name=rename]")
	g.see("form.rename [name=name]")
	g.screen("account-rename")
	g.visit(g.s.url + "/account")
	g.click("[name=remove]")
	g.see("dialog[open]")
	g.screen("account-last-way-in")
	g.click("dialog[open] button")
	g.click("a[href$='/account/password']")
	g.see("#password")
	g.screen("password")
	g.typeInto("#password", password)
	g.click("form .primary")
	g.at("/account")
	g.click("[name=remove]")
	g.see("dialog[open]")
	g.screen("account-remove")
	g.click("dialog[open] button")
	g.click("a[href$='/account/totp']")
	g.see("#code")
	g.screen("authenticator-app")
	g.secret = eval[string](g.tab, "[...document.querySelectorAll('.secret span')].map(el => el.textContent).join('')")
	g.typeInto("#code", g.s.code(g.t, g.secret))
	g.click("form .primary")
	g.at("/account")
	g.screen("account-all")
	g.click("a[href$='/account/recovery-codes']")
	g.see("form .primary")
	g.screen("recovery-codes-new")
	g.follow("form .primary")
	g.see("#codes-done")
	g.screen("recovery-codes-made")
	g.codes = eval[[]string](g.tab, "[...document.querySelectorAll('#codes code')].map(el => el.textContent)")
	g.visit(g.s.url + "/account/totp")
	g.screen("authenticator-app-change")
	g.visit(g.s.url + "/account/password")
	g.screen("password-change")
	g.visit(g.s.url + "/offer")
	g.screen("offer")
	g.visit(g.s.url + "/offer?local=1")
	g.screen("offer-local")
	g.visit(g.s.url + "/offer?second=1")
	g.screen("offer-second")
}

// keeping is an account with passkeys of every kind.
func (g *gallery) keeping() {
	origin := g.s.url
	unsaved := webauthntest.New(origin)
	unsaved.BackupState = false
	for i, kept := range []struct {
		model string
		*webauthntest.Authenticator
	}{
		{"", webauthntest.NewSecurityKey(origin)},
		{"fa2b99dc9e3942578f924a30d23c4118", webauthntest.NewSecurityKeyWithPIN(origin)},
		{"08987058cadc4b81b6e130de50dcbe96", webauthntest.NewPlatformBound(origin)},
		{"bada5566a7aa401fbd9645619a55120d", unsaved},
		{"ea9b8d664d011d213ce4b6b48cb575d4", webauthntest.New(origin)},
	} {
		if _, err := hex.Decode(kept.AAGUID[:], []byte(kept.model)); err != nil {
			g.t.Fatal(err)
		}
		options := eval[string](g.tab, `fetch("/api/webauthn/register/options/").then(r => r.json()).then(o => JSON.stringify(o.creation_options.publicKey))`)
		credential, err := kept.Create([]byte(options))
		if err != nil {
			g.t.Fatal(err)
		}
		if status := eval[int](g.tab, fmt.Sprintf(`fetch("/api/webauthn/register/complete/", {method: "POST", headers: {"Content-Type": "application/json"},
			body: JSON.stringify({credential: %s})}).then(r => r.status)`, credential)); status != 200 {
			g.t.Fatalf("passkey %d: %d", i, status)
		}
	}
	g.visit(g.s.url + "/account")
	g.until("document.querySelectorAll('.row[data-id] .badge:not(.current)').length === 4")
	g.want("document.body.innerText.includes('Google Password Manager') && document.body.innerText.includes('YubiKey 5 NFC')", "the models are known")
	g.screen("account-passkeys")
}

// refusing is the sign-in page of who has cancelled, and of a browser that
// knows no passkeys.
func (g *gallery) refusing(device *device) {
	g.visit(g.s.url + "/sign-in")
	device.verifies(false)
	device.once(func() {
		g.click("#passkey")
		g.until("document.querySelector('#status').textContent")
	})
	device.verifies(true)
	g.screen("sign-in-cancelled")
	old := &gallery{tab: g.another(), s: g.s, language: g.language, axe: g.axe}
	old.before("delete window.PublicKeyCredential")
	old.visit(g.s.url + "/sign-in")
	old.until("document.querySelector('#status').textContent")
	old.screen("sign-in-unsupported")
}

// signingIn is what comes before and after the account page.
func (g *gallery) signingIn() {
	g.visit(g.s.url + "/account")
	g.s.pass(11 * 60e9)
	g.click("a[href$='/account/password']")
	g.until("location.pathname === '/sign-in'")
	g.see("main .primary")
	g.screen("confirm")
	g.visit(g.s.url + "/account")
	signOut(g.tab)
	g.screen("signed-out")
	g.typeInto("#email", "ada@example.com")
	g.typeInto("#password", "not this one at all")
	g.click("form .primary")
	g.see("#notice")
	g.screen("sign-in-wrong")
	g.typeInto("#password", password)
	g.click("form .primary")
	g.see("[data-prove] .primary")
	g.click("details.ways summary")
	g.screen("second-factor")
	g.typeInto("#code", "000000")
	g.follow("form:has(#code) .primary")
	g.see("#notice")
	g.screen("second-factor-wrong")
}

// recovering is the way back in: with two proofs, and with one and patience.
func (g *gallery) recovering(device *device) {
	g.visit(g.s.url + "/recover")
	g.screen("recover")
	g.typeInto("#email", "ada@example.com")
	g.click("form .primary")
	g.see("#recovery-code")
	g.screen("recover-proofs")
	g.typeInto("#recovery-code", "0000")
	g.follow("form:has(#recovery-code) .primary")
	g.screen("recover-wrong")
	g.typeInto("#recovery-code", g.codes[0])
	g.follow("form:has(#recovery-code) .primary")
	g.screen("recover-more")
	g.typeInto("#code", g.s.code(g.t, g.secret))
	g.follow("form:has(#code) .primary")
	g.see("[data-recover]")
	g.screen("recover-ready")

	g.visit(g.s.url + "/recover")
	g.typeInto("#email", "ada@example.com")
	g.follow("form .primary")
	g.typeInto("#recovery-code", g.codes[1])
	g.follow("form:has(#recovery-code) .primary")
	g.follow("main form:last-of-type button")
	g.see("code.secret")
	g.screen("recover-waiting")
	device.once(func() {
		g.visit(g.s.url + "/sign-in") // autofill
		g.at("/account")
	})
	g.see(".waiting")
	g.screen("account-recovery")
	g.follow("a[href$='/account/activity']")
	g.screen("activity")
}

// byMail is what a site of its own shows that sends mail.
func (g *gallery) byMail() {
	s, mailed := mailSite(g.t)
	g.s = s
	g.chooseLanguage()
	g.screen("mail-sign-in")
	g.visit(s.url + "/email-code")
	g.screen("mail-code")
	g.typeInto("#email", "grace@example.com")
	g.click("form .primary")
	g.see("#mail-code")
	g.screen("mail-code-sent")
	g.visit(s.url + "/reset")
	g.screen("reset")
	g.typeInto("#email", "grace@example.com")
	g.click("form .primary")
	g.until("!document.querySelector('#email')")
	g.screen("reset-sent")
	beginSignUp(g.tab, s, "grace@example.com")
	g.screen("mail-sign-up-code")
	g.typeInto("#mail-code", "0000-0000")
	g.click("form .primary")
	g.until("document.querySelector('.alert')")
	g.screen("mail-sign-up-wrong")
	g.typeInto("#mail-code", mailed().Code)
	g.click("form .primary")
	g.see("[data-proven] .primary")
	g.screen("mail-sign-up-proven")
	choosePassword(g.tab)
	g.screen("mail-account")
	g.acting(mailed)
	g.doubting(mailed)
	g.visit(s.url + "/not-me?code=ml_x")
	g.screen("link-over")
}

// acting is what a step-up is made for and nothing else.
func (g *gallery) acting(mailed func() mapae.Message) {
	stepUp := func(path string) {
		g.visit(g.s.url + path)
		g.typeInto("#password", password)
		g.click("form[action$='/step-up/password'] .primary")
		g.until("!document.querySelector('#password')")
	}
	g.visit(g.s.url + "/account/email")
	g.screen("confirm-action")
	stepUp("/account/email")
	g.screen("change-email")
	g.typeInto("#email", "hopper@example.com")
	g.click("form .primary")
	g.see("#mail-code")
	g.screen("change-email-code")
	g.typeInto("#mail-code", mailed().Code)
	g.click("form .primary")
	g.see("#notice")
	g.screen("change-email-done")
	stepUp("/account/delete")
	g.screen("delete-account")
}
