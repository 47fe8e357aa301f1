package web

import (
	"net/http"
	"strings"
)

// handler answers a request, or returns an error that problem.go answers with.
type handler func(w http.ResponseWriter, r *http.Request) error

// face is the kind of a route: which forged requests it must expect, and what
// it says about caching.
type face uint8

const (
	api     face = iota // JSON
	options             // JSON that starts a ceremony: for our own pages and apps only, by GET too
	page                // HTML
	form                // an urlencoded form of a page
	static              // the same for everybody; sets its own caching
	probe               // for whatever watches the server: any Host
)

// needs is who may call a route.
type needs uint8

const (
	nobody   needs = iota // what a row without an entry lets in
	anyone                // no session is looked for
	ticketed              // a Mapae-Ticket header; the flow opens it
	signedIn              // a live session
)

// row is one route: what it demands stands here and nowhere else.
type row struct {
	method, path string // path without Base; a slash at its end is optional for clients
	face         face
	needs        needs
	fresh        bool  // signed in, and authenticated within mapae.Config.FreshFor
	counts       count // what is limited by client address
	body         int64 // bytes of body that are read
	handle       handler
}

// Bounds of request bodies, in bytes.
const (
	none  = 0
	small = 8 << 10
	large = 64 << 10 // what carries a credential
)

// routes is every route of the site. A path that is not here is 404, a method
// that is not here 405.
func (s *Site) routes() []row {
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	const fresh, stale = true, false
	rows := []row{
		{get, "/api/auth/passkey/options", options, anyone, stale, nothing, none, s.autofillOptions},
		{post, "/api/auth/passkey/options", options, anyone, stale, nothing, small, s.signInOptions},
		{post, "/api/auth/passkey/verify", api, anyone, stale, failures, large, s.signIn},
		{post, "/api/auth/signup/passkey/options", options, anyone, stale, begins, small, s.signUpOptions},
		{post, "/api/auth/signup/passkey/complete", api, ticketed, stale, signUps, large, s.signUp},

		{get, "/api/auth/session", api, signedIn, stale, nothing, none, s.session},
		{get, "/api/auth/sessions", api, signedIn, stale, nothing, none, s.sessions},
		{del, "/api/auth/sessions", api, signedIn, stale, nothing, small, s.endOtherSessions},
		{del, "/api/auth/sessions/{id}", api, signedIn, stale, nothing, small, s.endSession},
		{post, "/api/auth/logout", api, signedIn, stale, nothing, small, s.signOut},
		{post, "/api/auth/reauth/passkey/options", options, signedIn, stale, nothing, small, s.reauthOptions},
		{post, "/api/auth/reauth/passkey", api, signedIn, stale, failures, large, s.reauth},

		{get, "/api/webauthn/register/options", options, signedIn, fresh, nothing, none, s.addPasskeyOptions},
		{post, "/api/webauthn/register/complete", api, signedIn, stale, failures, large, s.addPasskey},
		{get, "/api/webauthn", api, signedIn, stale, nothing, none, s.passkeys},
		{patch, "/api/webauthn/{id}", api, signedIn, stale, nothing, small, s.renamePasskey},
		{del, "/api/webauthn/{id}", api, signedIn, fresh, nothing, small, s.removePasskey},

		{get, "/", page, anyone, stale, nothing, none, s.homePage},
		{get, "/sign-in", page, anyone, stale, nothing, none, s.signInPage},
		{get, "/sign-up", page, anyone, stale, nothing, none, s.signUpPage},
		{get, "/account", page, signedIn, stale, nothing, none, s.accountPage},
		{post, "/account/{action}", form, signedIn, stale, nothing, small, s.accountForm},

		{get, "/mapae.js", static, anyone, stale, nothing, none, s.module},
		{get, "/healthz", probe, anyone, stale, nothing, none, s.healthy},
		{get, "/readyz", probe, anyone, stale, nothing, none, s.ready},
	}
	for name, a := range s.pages.assets {
		if strings.Contains(name, a.hash) {
			rows = append(rows, row{get, "/" + name, static, anyone, stale, nothing, none, a.immutable})
		}
	}
	return rows
}

// resource is a path with the rows of its methods.
type resource struct {
	site *Site
	rows []row
}

// newMux registers each path with and without the slash at its end, and
// everything else as a resource without rows.
func (s *Site) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	byPath := map[string]*resource{}
	for _, r := range s.routes() {
		res := byPath[r.path]
		if res == nil {
			res = &resource{site: s}
			byPath[r.path] = res
			if r.path != "/" {
				mux.Handle(r.path, res)
				mux.Handle(r.path+"/{$}", res)
			} else {
				mux.Handle("/{$}", res)
			}
		}
		res.rows = append(res.rows, r)
	}
	mux.Handle("/", &resource{site: s})
	return mux
}
