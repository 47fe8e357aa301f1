package e2e

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/mapae/mapae/web"
)

// springPage is a page of a program that has a front end for Spring Security's
// webAuthn(): it turns options into what the browser takes, and credentials
// into Spring's JSON, by hand, as such front ends do.
const springPage = `<!doctype html><title>Old front end</title><script>
const encode = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
const decode = text => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0)).buffer
const ask = (path, body, method = "POST") => fetch(path, {method, headers: {"Content-Type": "application/json", "X-CSRF-TOKEN": "unused"},
	...(body ? {body: JSON.stringify(body)} : {})})

async function register(label, bare) {
	const asked = await ask("/webauthn/register/options")
	if (!asked.ok) return asked.status
	const options = await asked.json()
	const made = await navigator.credentials.create({publicKey: {...options, challenge: decode(options.challenge), user: {...options.user, id: decode(options.user.id)},
		excludeCredentials: (options.excludeCredentials ?? []).map(c => ({...c, id: decode(c.id)}))}})
	const credential = {id: made.id, rawId: encode(made.rawId), type: made.type, clientExtensionResults: made.getClientExtensionResults(),
		authenticatorAttachment: made.authenticatorAttachment, response: {attestationObject: encode(made.response.attestationObject),
			clientDataJSON: encode(made.response.clientDataJSON), transports: made.response.getTransports()}}
	const done = await ask("/webauthn/register", bare ? credential : {publicKey: {credential, label}})
	return done.ok && (await done.json()).success === true ? made.id : done.status
}

async function authenticate(path) {
	const options = await (await ask("/webauthn/authenticate/options")).json()
	const got = await navigator.credentials.get({publicKey: {...options, challenge: decode(options.challenge),
		allowCredentials: (options.allowCredentials ?? []).map(c => ({...c, id: decode(c.id)}))}})
	const {userHandle} = got.response
	const done = await ask(path, {id: got.id, rawId: encode(got.rawId), credType: got.type, clientExtensionResults: got.getClientExtensionResults(),
		authenticatorAttachment: got.authenticatorAttachment, response: {authenticatorData: encode(got.response.authenticatorData),
			clientDataJSON: encode(got.response.clientDataJSON), signature: encode(got.response.signature), userHandle: userHandle ? encode(userHandle) : undefined}})
	return done.ok ? JSON.stringify(await done.json()) : String(done.status)
}

const remove = async id => (await ask("/webauthn/register/" + id, null, "DELETE")).status
const session = async () => (await fetch("/api/auth/session")).status
const passkeys = async () => (await (await fetch("/api/webauthn/")).json()).passkeys.map(p => p.name).join("|")
</script>`

// oldFrontEnd puts Spring's routes and a page that calls them beside the site.
func oldFrontEnd(face *web.Site) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", face)
	for pattern, h := range face.Spring() {
		mux.Handle(pattern, h)
	}
	mux.HandleFunc("GET /old", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, springPage)
	})
	return mux
}

func TestAFrontEndOfSpringGoesOnAsItIs(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, oldFrontEnd)
	b := openTab(t)
	mine := b.attach(phone())
	signUp(b, s, "ada@example.com", "Ada Lovelace")
	signedIn := `{"redirectUrl":"/","authenticated":true}`
	equal := func(expression, want string) {
		t.Helper()
		if got := eval[string](b, "(async () => String(await "+expression+"))()"); got != want {
			t.Errorf("%s is %s, want %s", expression, got, want)
		}
	}

	b.visit(s.url + "/old")
	equal(`register("again").catch(e => e.name)`, "InvalidStateError") // excludeCredentials names what the phone has
	key := b.attach(securityKey())
	mine.touches(false)
	first := eval[string](b, `register("1password")`)
	equal(`passkeys()`, "1password|Passkey")
	if n := key.passkeys(); n != 1 {
		t.Fatalf("the security key has %d passkeys, want 1", n)
	}
	equal(`remove("`+first+`")`, "204")
	equal(`passkeys()`, "Passkey")
	equal(`remove("`+first+`")`, "404")
	key.touches(false) // it does not know that its passkey is gone
	mine.touches(true)

	for _, path := range []string{"/login/webauthn", "/webauthn/authenticate"} {
		b.do("sign out", forgetCookies)
		b.visit(s.url + "/old")
		equal("session()", "401")
		equal(`authenticate("`+path+`")`, signedIn)
		equal("session()", "200")
	}
	third := b.attach(securityKey())
	mine.touches(false)
	if got := eval[string](b, `register("", true)`); got == "" || third.passkeys() != 1 {
		t.Errorf("the bare credential: %s", got)
	}
	equal(`passkeys()`, "Passkey 2|Passkey")
}

func TestSpringsRoutesInABrowserAskForAFreshSession(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, oldFrontEnd)
	b := openTab(t)
	b.attach(phone())
	signUp(b, s, "ada@example.com", "Ada Lovelace")
	s.pass(11 * time.Minute)
	b.visit(s.url + "/old")
	if got := eval[int](b, `register("late")`); got != http.StatusForbidden {
		t.Errorf("a registration in a stale session answers %d", got)
	}
	if got := eval[int](b, `remove("AAAA")`); got != http.StatusForbidden {
		t.Errorf("a removal in a stale session answers %d", got)
	}
}
