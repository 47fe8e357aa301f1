package e2e

import (
	"io"
	"net/http"
	"testing"

	"github.com/mapae/mapae/web"
)

// silent is a browser whose dialogues never come, as password managers that are
// locked make it: it settles nothing, not even what is aborted. Autofill works.
const silent = `for (const name of ["get", "create"]) {
	const call = CredentialsContainer.prototype[name]
	CredentialsContainer.prototype[name] = function (options) {
		return options.mediation || window.speaks ? call.call(this, options) : new Promise(() => {})
	}
}`

// TestADialogueThatNeverComesCanBeCancelled on the page, and the next try works.
func TestADialogueThatNeverComesCanBeCancelled(t *testing.T) {
	s := newSite(t)
	b := openTab(t)
	b.attach(phone())
	b.before(silent)
	b.visit(s.url + "/sign-up")
	b.typeInto("#email", "grace@example.com")
	b.typeInto("#name", "Grace Hopper")
	b.want("document.querySelector('#waiting').hidden", "there is nothing to cancel")
	b.click("form .primary")
	b.see("#cancel")
	b.says("Waiting for your browser.")
	b.want(calm, "waiting is no error")
	b.shoot("waiting")

	b.want(`(dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })), document.querySelector("#waiting").hidden)`,
		"back from the browser's cache nothing is waited for")
	b.want("!document.querySelector('[aria-busy]') && !document.querySelector('#status').textContent", "the page is as it was before the click")
	b.click("form .primary")
	b.see("#cancel")

	b.click("#cancel")
	b.says("nothing has changed")
	b.want(calm, "cancelling is not an error")
	b.until("document.querySelector('#waiting').hidden && !document.querySelector('[aria-busy]')")
	b.until("document.activeElement === document.querySelector('form .primary')")
	b.want("document.querySelector('#name').value === 'Grace Hopper'", "what was typed stays")
	eval[bool](b, "window.speaks = true")
	b.click("form .primary")
	b.click("#codes-done")
	b.at("/account")
}

// TestAnElementOffersToCancelWhatNeverComes in a page of somebody's own.
func TestAnElementOffersToCancelWhatNeverComes(t *testing.T) {
	s := newSiteWith(t, func(face *web.Site) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/", face)
		mux.HandleFunc("GET /own", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, `<!DOCTYPE html><title>own</title><link rel="icon" href="data:,"><mapae-sign-in>
<button type="button" id="in" data-passkey>Sign in</button> <button type="button" id="off" data-cancel hidden>Cancel</button></mapae-sign-in>
<script type="module" src="/elements.js"></script>
<script>window.said = []; addEventListener("mapae-error", e => said.push(e.detail.name + " " + e.detail.code + " " + e.detail.quiet))</script>`)
		})
		return mux
	})
	b := openTab(t)
	b.attach(phone())
	b.before(silent)
	b.visit(s.url + "/own")
	b.click("#in")
	b.see("#off")
	b.click("#off")
	b.until("said.length === 1 && said[0] === 'PasskeyError cancelled true'")
	b.until("document.querySelector('#off').hidden && !document.querySelector('[aria-busy]')")
}
