package e2e

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/idptest"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/web"
)

// doubting is what somebody sees who changed the password, and then says that
// it was not them.
func (g gallery) doubting(mailed func() mapae.Message) {
	const another = "another horse another battery"
	g.visit(g.s.url + "/account/password")
	g.typeInto("#password", another)
	g.click("form .primary")
	g.at("/account")
	g.visit(mailed().Link)
	g.screen("link-not-me")
	g.click("form .primary")
	g.until("document.querySelector('.alert')")
	g.screen("link-not-me-done")
	enterPassword(g.tab, g.s, "hopper@example.com", another)
	g.at("/account") // nothing is offered
	g.screen("account-frozen")
	g.visit(g.s.url + "/account/email")
	g.screen("account-frozen-change")
	link, err := g.s.auth.IssueSignIn(g.t.Context(), "hopper@example.com", time.Hour, false)
	if err != nil {
		g.t.Fatal(err)
	}
	g.visit(link.URL)
	g.screen("link-sign-in")
}

// passOffer says no to the passkey that is offered after a sign-in.
func (g gallery) passOffer() {
	g.t.Helper()
	g.click("[value=never]")
	g.at("/account")
}

// verifying is what who signed up while there was no mail sees once there is.
func (g gallery) verifying() {
	store, keys := memory.New(), []mapae.RootKey{mapae.NewRootKey()}
	mailer := mapae.Mailer(nil)
	start := func() *site {
		return newSiteOf(g.t, func(c *mapae.Config) {
			c.Store, c.Secrets, c.Mailer, c.Methods = store, keys, mailer, append(c.Methods, cheapPasswords)
		}, func(face *web.Site) http.Handler { return face })
	}
	signUpPassword(g.tab, start(), "mary@example.com")
	mailer = &postbox{}
	g.s = start()
	g.chooseLanguage()
	enterPassword(g.tab, g.s, "mary@example.com", password)
	g.passOffer()
	g.screen("account-unproven")
	g.click("a[href$='/verify-email']")
	g.at("/verify-email")
	g.screen("verify-email")
	g.click("main form .primary")
	g.see("#mail-code")
	g.screen("verify-email-code")
}

// byProvider is what a site of its own shows where people sign in by another.
func (g gallery) byProvider() {
	there, methods := idp(g.t, false)
	var stay atomic.Bool
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if stay.Load() {
			w.WriteHeader(http.StatusNoContent) // browsers stay where they are
			return
		}
		http.Redirect(w, r, there.URL+"/authorize?"+r.URL.RawQuery, http.StatusSeeOther)
	}))
	g.t.Cleanup(door.Close)
	there.Document = func(document map[string]any) { document["authorization_endpoint"] = door.URL }
	g.s, _ = mailSite(g.t, methods)
	g.chooseLanguage()
	g.screen("federated-sign-in")
	g.click(".providers a")
	g.passOffer()
	g.screen("federated-account")
	stay.Store(true)
	g.click("form[action$='/account/identities'] button")
	g.until("location.pathname === '/account/identities'")
	g.screen("federated-leave")
	stay.Store(false)
	g.s.pass(11 * time.Minute)
	g.visit(g.s.url + "/account/totp")
	g.click("details.ways summary")
	g.see("form[action$='/step-up/federated'] button")
	g.screen("federated-confirm")
	g.visit(g.s.url + "/account")
	signOut(g.tab)
	come := func(who idptest.Person, step string) {
		g.t.Helper()
		there.SignIn(who)
		g.visit(g.s.url + "/sign-in")
		g.click(".providers a")
		g.until("location.pathname === '/api/auth/federated/test/callback'")
		g.screen(step)
	}
	come(idptest.Person{Subject: "2", Email: lea.Email, Verified: true, Name: "Lea"}, "federated-taken")
	come(idptest.Person{Subject: "3", Name: "Kim"}, "federated-address")
	g.typeInto("#email", "kim@example.org")
	g.click("main form .primary")
	g.see("#code")
	g.screen("federated-code")
}
