package e2e

import (
	"path/filepath"
	"testing"

	"github.com/mapae/mapae"
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
}

// screen looks at what the tab shows.
func (g gallery) screen(name string) {
	g.t.Helper()
	g.until("document.readyState === 'complete' && document.documentElement.lang === '" + g.language + "'")
	g.accessible(g.axe, name+" in "+g.language)
	if pictures != "" {
		g.through(frames, func(f look) { g.picture(filepath.Join(pictures, "screens"), name+"."+g.language+"."+f.name) })
	}
}

func TestEveryScreenIsForEverybody(t *testing.T) {
	t.Parallel()
	script := axe(t)
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			g := gallery{tab: openTab(t), s: methodSite(t), language: language, axe: script}
			device := g.attach(phone())
			g.chooseLanguage()
			g.signingUp()
			g.managing()
			device.touches(false)
			g.signingIn()
			g.recovering()
			g.byMail()
		})
	}
}

// chooseLanguage does so at the foot of the sign-in page.
func (g gallery) chooseLanguage() {
	g.visit(g.s.url + "/sign-in")
	g.click("[name=language][value=" + g.language + "]")
	g.until("document.documentElement.lang === '" + g.language + "'")
}

// signingUp is everything until there is an account with two passkeys.
func (g gallery) signingUp() {
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
func (g gallery) managing() {
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
	secret := eval[string](g.tab, "[...document.querySelectorAll('.secret span')].map(el => el.textContent).join('')")
	g.typeInto("#code", g.s.code(g.t, secret))
	g.click("form .primary")
	g.at("/account")
	g.screen("account-all")
	g.click("a[href$='/account/recovery-codes']")
	g.see("form .primary")
	g.screen("recovery-codes-new")
	g.visit(g.s.url + "/offer")
	g.screen("offer")
	g.visit(g.s.url + "/offer?local=1")
	g.screen("offer-local")
	g.visit(g.s.url + "/offer?second=1")
	g.screen("offer-second")
}

// signingIn is what comes before and after the account page.
func (g gallery) signingIn() {
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
}

// recovering is the way back in with two proofs.
func (g gallery) recovering() {
	g.visit(g.s.url + "/recover")
	g.screen("recover")
	g.typeInto("#email", "ada@example.com")
	g.click("form .primary")
	g.see("#recovery-code")
	g.screen("recover-proofs")
}

// byMail is what a site of its own shows that sends mail.
func (g gallery) byMail() {
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
	g.visit(s.url + "/not-me?code=ml_x")
	g.screen("link-over")
}

// acting is what a step-up is made for and nothing else.
func (g gallery) acting(mailed func() mapae.Message) {
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
