package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/mapae/mapae/web"
)

// listening keeps what the pages signal to password managers where it outlives
// a navigation.
const listening = `for (const signal of ["signalUnknownCredential", "signalAllAcceptedCredentials", "signalCurrentUserDetails"])
	PublicKeyCredential[signal] = async argument => {
		const heard = JSON.parse(sessionStorage.heard || "[]")
		sessionStorage.heard = JSON.stringify([...heard, {signal, ...argument}])
	}`

// heard is a condition: the page has signalled something that fits.
func (b *tab) heard(fits string) {
	b.t.Helper()
	b.until("JSON.parse(sessionStorage.heard || '[]').some(s => " + fits + ")")
}

func TestPasswordManagersHearWhatIsRemovedAndWhatIsUnknown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.before(listening)
	mine := b.attach(phone())
	signUp(b, s, "ada@example.com", "Ada Lovelace")
	first := eval[string](b, "document.querySelector('.row[data-id]').dataset.id")
	key := b.attach(securityKey())
	mine.touches(false)
	b.click("#add")
	b.until("document.querySelectorAll('.row[data-id]').length === 2")
	both := "s.signal === 'signalAllAcceptedCredentials' && s.allAcceptedCredentialIds.length === 2"
	b.heard(both + " && s.rpId === 'localhost' && s.userId")

	b.click(fmt.Sprintf("[data-id=%q] [name=remove]", first))
	b.click("dialog[open] .danger")
	b.until("document.querySelectorAll('.row[data-id]').length === 1")
	b.heard("s.signal === 'signalAllAcceptedCredentials' && s.allAcceptedCredentialIds.length === 1 && s.allAcceptedCredentialIds[0] !== '" + first + "'")
	b.want("!JSON.parse(sessionStorage.heard).some(s => s.allAcceptedCredentialIds && !s.allAcceptedCredentialIds.length)", "an empty list is never sent")

	key.touches(false)
	signOut(b)
	mine.touches(true) // it does not know that its passkey is gone
	b.click("#passkey")
	b.heard("s.signal === 'signalUnknownCredential' && s.rpId === 'localhost' && s.credentialId === '" + first + "'")
	b.says("isn’t known here any more")
	b.want(calm, "the person has done nothing wrong")
}

func TestPasswordManagersHearOfANewName(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	b.before(listening)
	b.attach(phone())
	signUp(b, s, "ada@example.com", "Ada Lovelace")
	id := eval[string](b, "document.querySelector('.row[data-id]').dataset.id")
	eval[bool](b, "delete sessionStorage.heard")

	b.click(".row [name=rename]")
	b.typeInto(".row .rename:not([hidden]) [name=name]", "Blue phone\r")
	b.until("document.querySelector('.row h3').textContent === 'Blue phone'")
	b.heard("s.signal === 'signalAllAcceptedCredentials' && s.allAcceptedCredentialIds.join() === '" + id + "'")

	const renamed = `import("/mapae.js").then(m => new m.Passkeys().call("PATCH", "/api/account", {name: "Ada King"})).then(answer => answer.account.user.name)`
	if got := eval[string](b, renamed); got != "Ada King" {
		t.Fatalf("the person is called %s", got)
	}
	b.heard("s.signal === 'signalCurrentUserDetails' && s.rpId === 'localhost' && s.userId && s.name === 'ada@example.com' && s.displayName === 'Ada King'")
	b.visit(s.url + "/account")
	b.want("document.querySelector('.who').textContent.includes('Ada King')", "the page has the new name")
}

// TestThePlainExampleOfTheGuideWorks: what docs/browser.md tells people to
// paste, at the root instead of below /auth.
func TestThePlainExampleOfTheGuideWorks(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../docs/browser.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```html\n(.*?)```").FindAllSubmatch(guide, -1)
	pasted := strings.NewReplacer(`base="/auth"`, `base=""`, "/auth/", "/", `next="/home"`, `next="/account"`).Replace(string(blocks[0][1]))
	s := newSiteWith(t, func(face *web.Site) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/", face)
		mux.HandleFunc("GET /plain", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'self'; require-trusted-types-for 'script'")
			_, _ = io.WriteString(w, "<!DOCTYPE html><title>plain</title>"+pasted)
		})
		return mux
	})
	b := openTab(t)
	mine := b.attach(phone())
	signUp(b, s, "ada@example.com", "Ada Lovelace")
	b.do("sign out", forgetCookies)
	b.visit(s.url + "/plain")
	b.at("/account") // autofill

	mine.touches(false)
	b.do("sign out", forgetCookies)
	b.visit(s.url + "/plain")
	b.see("[data-passkey]")
	mine.touches(true)
	b.typeInto("[name=username]", "ada@example.com\r")
	b.at("/account")
}
