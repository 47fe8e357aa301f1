package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/mapae/mapae"
	"github.com/mapae/mapae/web"
)

// cancels presses a button five times, and each time the device refuses: the
// person is told so calmly, and has the focus where it was. The device answers
// from the first press on: the autofill that waited until then may have
// recognised the person already, and is over by then.
func (d *device) cancels(button string) {
	d.b.t.Helper()
	d.verifies(false)
	for i := range 5 {
		d.b.click(button)
		if i == 0 {
			d.touches(true)
		}
		d.b.says("nothing has changed")
		d.b.want(calm, "cancelling is not an error")
		d.b.want("document.activeElement === document.querySelector("+quote(button)+")", "the focus is back")
	}
	d.touches(false)
	d.verifies(true)
}

// everyWay is a site that offers every method, and an account on it that has
// them all: a passkey of mine, a password, an app with that secret, recovery
// codes, a proven address, an account of elsewhere.
func everyWay(t *testing.T) (b *tab, s *site, mine *device, secret string, codes []string, mailed func() mapae.Message) {
	t.Helper()
	box := &postbox{}
	_, elsewhere := idp(t, false)
	s = newSiteOf(t, func(c *mapae.Config) {
		c.Mailer = box
		c.Methods = append(c.Methods, cheapPasswords, mapae.TOTP{}, mapae.EmailCode{}, elsewhere)
	}, func(face *web.Site) http.Handler { return face })
	mailed = box.newest(t, s)
	b = openTab(t)
	mine = b.attach(phone())
	beginSignUp(b, s, "lea@example.org")
	b.typeInto("#mail-code", mailed().Code)
	b.click("form .primary")
	b.click("[data-proven] .primary")
	b.see("#codes-done")
	codes = eval[[]string](b, "[...document.querySelectorAll('#codes code')].map(el => el.textContent)")
	b.click("#codes-done")
	b.click("a[href$='/account/password']")
	b.typeInto("#password", password)
	b.click("form .primary")
	b.click("a[href$='/account/totp']")
	b.see("#code")
	secret = eval[string](b, "[...document.querySelectorAll('.secret span')].map(el => el.textContent).join('')")
	b.typeInto("#code", s.code(t, secret))
	b.click("form .primary")
	b.at("/account")
	b.click("form[action$='/account/identities'] button")
	b.until("document.querySelector('#notice')?.textContent.includes('is connected')")
	mine.touches(false)
	return b, s, mine, secret, codes, mailed
}

func TestWhoCancelsFiveTimesComesInByEveryOtherWay(t *testing.T) {
	t.Parallel()
	b, s, mine, secret, codes, mailed := everyWay(t)
	second := func() { // by the app, after five refusals there too
		t.Helper()
		b.see("[data-prove] .primary")
		mine.cancels("[data-prove] .primary")
		b.click("details.ways summary")
		b.typeInto("#code", s.code(t, secret))
		b.follow("form:has(#code) .primary")
	}
	ways := []struct {
		name string
		come func()
	}{
		{"password and app", func() {
			b.typeInto("#email", "lea@example.org")
			b.typeInto("#password", password)
			b.follow("form .primary")
			second()
		}},
		{"password and recovery code", func() {
			b.typeInto("#email", "lea@example.org")
			b.typeInto("#password", password)
			b.follow("form .primary")
			b.click("details.ways summary")
			b.typeInto("#recovery-code", codes[0])
			b.follow("form:has(#recovery-code) .primary")
		}},
		{"mailed code and app", func() {
			b.follow("a[href$='/email-code']")
			b.typeInto("#email", "lea@example.org")
			b.follow("form .primary")
			b.typeInto("#mail-code", mailed().Code)
			b.follow("form .primary")
			second()
		}},
		{"account of elsewhere and app", func() {
			b.follow(".providers a")
			second()
		}},
		{"two proofs and a new passkey", func() {
			b.follow("a[href$='/recover']")
			b.typeInto("#email", "lea@example.org")
			b.follow("form .primary")
			b.typeInto("#recovery-code", codes[1])
			b.follow("form:has(#recovery-code) .primary")
			b.typeInto("#code", s.code(t, secret))
			b.follow("form:has(#code) .primary")
			b.see("[data-recover] .primary")
			mine.detach() // it has a passkey, and another is wanted
			mine = b.attach(securityKey())
			mine.cancels("[data-recover] .primary")
			mine.once(func() {
				b.click("[data-recover] .primary")
				b.at("/account")
			})
		}},
		{"the passkey after all", func() {
			mine.once(func() {
				b.click("#passkey")
				b.at("/account")
			})
		}},
	}
	for _, way := range ways {
		signOut(b)
		b.see("#passkey")
		mine.cancels("#passkey")
		way.come()
		b.until("document.readyState === 'complete' && (location.pathname === '/account' || location.pathname === '/offer')")
		if eval[bool](b, "location.pathname === '/offer'") {
			b.click("[value=not_now]") // a passkey for this device
		}
		b.at("/account")
		b.want("document.body.innerText.includes('lea@example.org')", way.name+" leads into the account")
	}
}

// knows says whether the device's answers say that it knew its owner: a key
// without a PIN can't.
func (d *device) knows(owner bool) {
	d.b.t.Helper()
	d.b.do("override user verification", call(webauthn.SetResponseOverrideBits,
		webauthn.SetResponseOverrideBitsParams{AuthenticatorID: d.id, IsBadUV: new(!owner)}))
}

func TestAKeyThatAskedForNoPINIsASecondStepOnly(t *testing.T) {
	t.Parallel()
	s := methodSite(t)
	b := openTab(t)
	signUpPassword(b, s, "ada@example.com")
	key := b.attach(securityKey())
	key.knows(false)
	b.click("#add")
	b.click("#codes-done")
	b.until("document.querySelector('.row[data-id] .badge')?.textContent === 'Second step only'")
	b.shoot("badge")

	for _, pin := range []bool{false, true} { // whoever finds the key can set one
		key.touches(false)
		signOut(b)
		b.see("#passkey")
		key.knows(pin)
		key.once(func() {
			b.click("#passkey")
			b.until("document.querySelector('#status').textContent")
		})
		b.want("location.pathname === '/sign-in'", "nobody is signed in")
		b.shoot("refused")

		enterPassword(b, s, "ada@example.com", password)
		b.see("[data-prove] .primary")
		key.once(func() {
			b.click("[data-prove] .primary")
			b.at("/account")
		})
		b.want("document.body.innerText.includes('You signed in with this one')", "the key was the second step")
	}
	for _, status := range s.answers("POST /api/auth/passkey/verify") {
		if status != http.StatusUnauthorized {
			t.Errorf("a second step alone was answered %d, want 401", status)
		}
	}
	if n := s.count("POST /api/auth/passkey/verify"); n < 2 {
		t.Errorf("%d answers were sent, want one each time", n)
	}
	s.statuses(t, "POST /api/webauthn/verify/", http.StatusOK, http.StatusOK)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }
