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
const listening = `for (const name of ["signalUnknownCredential", "signalAllAcceptedCredentials", "signalCurrentUserDetails"])
	PublicKeyCredential[name] = async argument => {
		const heard = JSON.parse(sessionStorage.heard || "[]")
		sessionStorage.heard = JSON.stringify([...heard, {name, ...argument}])
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
	both := "s.name === 'signalAllAcceptedCredentials' && s.allAcceptedCredentialIds.length === 2"
	b.heard(both + " && s.rpId === 'localhost' && s.userId")

	b.click(fmt.Sprintf("[data-id=%q] [name=remove]", first))
	b.click("dialog[open] .danger")
	b.until("document.querySelectorAll('.row[data-id]').length === 1")
	b.heard("s.name === 'signalAllAcceptedCredentials' && s.allAcceptedCredentialIds.length === 1 && s.allAcceptedCredentialIds[0] !== '" + first + "'")
	b.want("!JSON.parse(sessionStorage.heard).some(s => s.allAcceptedCredentialIds && !s.allAcceptedCredentialIds.length)", "an empty list is never sent")

	key.touches(false)
	signOut(b)
	mine.touches(true) // it does not know that its passkey is gone
	b.click("#passkey")
	b.heard("s.name === 'signalUnknownCredential' && s.rpId === 'localhost' && s.credentialId === '" + first + "'")
	b.says("isn’t known here any more")
	b.want(calm, "the person has done nothing wrong")
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
