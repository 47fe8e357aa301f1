package e2e

import (
	"testing"

	"github.com/mapae/mapae"
)

// signUpByMail makes an account with a proven address and a passkey, and ends
// on the account page.
func signUpByMail(b *tab, s *site, mailed func() mapae.Message, email string) {
	b.t.Helper()
	beginSignUp(b, s, email)
	b.typeInto("#mail-code", mailed().Code)
	b.click("form .primary")
	b.click("[data-proven] .primary")
	b.click("#codes-done")
	b.at("/account")
}

// signUpByMailWithPassword is signUpByMail with a password, and without scripts
// too.
func signUpByMailWithPassword(b *tab, s *site, mailed func() mapae.Message, email string) {
	b.t.Helper()
	beginSignUp(b, s, email)
	b.typeInto("#mail-code", mailed().Code)
	b.click("form .primary")
	choosePassword(b)
}

// choosePassword ends a sign-up whose address is proven.
func choosePassword(b *tab) {
	b.t.Helper()
	b.see("summary")
	b.click("main summary")
	b.typeInto("#password", password)
	b.click("form[action$='/sign-up/password'] button:not([type=button])")
	b.at("/account")
}

// changeAddress goes from the page that a step-up returned to, to the account
// page.
func changeAddress(b *tab, mailed func() mapae.Message, to string) {
	b.t.Helper()
	b.until("document.querySelector('h1').textContent === 'Change your e-mail address'")
	b.shoot("new-address")
	b.typeInto("#email", to)
	b.click("form .primary")
	b.see("#mail-code")
	b.shoot("code")
	b.typeInto("#mail-code", "0000-0000")
	b.click("form .primary")
	b.until("document.querySelector('.alert')")
	m := mailed()
	if m.To != to {
		b.t.Fatalf("the mail is to %s, want %s", m.To, to)
	}
	b.typeInto("#mail-code", m.Code)
	b.click("form .primary")
	b.until("document.querySelector('#notice')?.textContent === 'Your e-mail address is changed.'")
	b.at("/account")
	b.want("document.querySelector('.who').textContent.includes('"+to+"')", "the account has the new address")
	b.shoot("changed")
}

func TestAStepUpByAPasskeyReturnsToTheAction(t *testing.T) {
	s, mailed := mailSite(t)
	b := openTab(t)
	device := b.attach(phone())
	signUpByMail(b, s, mailed, "ada@example.com")
	b.shoot("account")
	b.click("a[href$='/account/email']")
	b.see("[data-prove] .primary")
	device.verifies(false)
	b.click("[data-prove] .primary")
	b.says("nothing has changed")
	b.want(calm, "cancelling is no error")
	device.verifies(true)
	b.click("[data-prove] .primary")
	changeAddress(b, mailed, "countess@example.com")

	b.click("a[href$='/account/delete']")
	b.click("[data-prove] .primary")
	b.until("document.querySelector('h1').textContent === 'Delete your account'")
	b.shoot("delete")
	b.click(".links a")
	b.at("/account")
	b.click("a[href$='/account/delete']")
	b.click("[data-prove] .primary")
	b.click("button.danger")
	b.at("/sign-in")
	b.until("document.querySelector('.notice').textContent === 'Your account is deleted.'")
	b.shoot("deleted")
	if got := s.answers("DELETE /api/account"); len(got) != 1 || got[0] != 200 {
		t.Errorf("deleting was answered %v", got)
	}
}

func TestAStepUpWithoutScriptsReturnsToTheAction(t *testing.T) {
	s, mailed := mailSite(t)
	b := openTab(t)
	b.do("turn scripts off", noScripts)
	signUpByMailWithPassword(b, s, mailed, "joan@example.com")
	b.click("a[href$='/account/email']")
	b.typeInto("#password", password)
	b.click("form[action$='/step-up/password'] .primary")
	changeAddress(b, mailed, "clarke@example.com")

	b.click("a[href$='/account/delete']")
	b.click("details.ways summary")
	b.click("form[action$='/step-up/email-code'] .primary")
	b.see("#mail-code")
	b.typeInto("#mail-code", mailed().Code)
	b.click("form[action$='/step-up/email-code'] .primary")
	b.until("document.querySelector('h1').textContent === 'Delete your account'")
	b.click("button.danger")
	b.at("/sign-in")
	enterPassword(b, s, "clarke@example.com", password)
	b.until("document.querySelector('.alert')")
}
