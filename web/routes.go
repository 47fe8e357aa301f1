package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/mapae/mapae"
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
	visit               // a browser on its way to or from another site; answered with pages
	form                // an urlencoded form of a page
	static              // the same for everybody; sets its own caching
	probe               // for whatever watches the server: any Host
)

// needs is who may call a route.
type needs uint8

const (
	nobody    needs = iota // what a row without an entry lets in
	anyone                 // no session is looked for
	ticketed               // a Mapae-Ticket header; the flow opens it
	signedIn               // a live session, and no ticket
	either                 // a ticket, or else a live session
	confirmed              // a live session; the flow asks for a ticket that was issued in it
)

// row is one route: what it demands stands here and nowhere else.
type row struct {
	method, path string // path without Base; a slash at its end is optional for clients
	face         face
	needs        needs
	fresh        bool  // with a session that has authenticated within mapae.Config.FreshFor
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

// Names of what the tables say.
const (
	get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	fresh, stale          = true, false
)

// routes is every route of the site. A path that is not here is 404, a method
// that is not here 405.
func (s *Site) routes() []row {
	return slices.Concat(s.signInRoutes(), s.accountRoutes(), s.federatedRoutes(), s.pageRoutes(), s.linkRoutes())
}

// signInRoutes are how people come in, prove again who they are, and go.
func (s *Site) signInRoutes() []row {
	return []row{
		{get, "/api/auth/passkey/options", options, anyone, stale, nothing, none, s.autofillOptions},
		{post, "/api/auth/passkey/options", options, anyone, stale, nothing, small, s.signInOptions},
		{post, "/api/auth/passkey/verify", api, anyone, stale, failures, large, s.signIn},
		{post, "/api/auth/login", api, anyone, stale, passwords, small, s.signInPassword},
		{post, "/api/auth/sign-in-link", api, anyone, stale, failures, small, byCode(s.signInIssued)},
		{post, "/api/auth/email-code/request", options, anyone, stale, nothing, small, s.requestEmailCode},
		{post, "/api/auth/email-code/verify", api, ticketed, stale, failures, small, s.verifyEmailCode},
		{post, "/api/auth/password/forgot", options, anyone, stale, nothing, small, s.forgotPassword},
		{post, "/api/auth/password/reset", api, anyone, stale, failures, small, s.resetPassword},
		{get, "/api/webauthn/authenticate/options", options, either, stale, nothing, none, s.verifyOptions},
		{post, "/api/webauthn/verify", api, either, stale, failures, large, s.verify},
		{post, "/api/auth/totp/verify", api, ticketed, stale, failures, small, s.verifyTOTP},
		{post, "/api/auth/recovery-code/verify", api, ticketed, stale, failures, small, s.verifyRecoveryCode},

		{post, "/api/auth/signup/passkey/options", options, anyone, stale, begins, small, s.signUpOptions},
		{post, "/api/auth/signup/verify", options, ticketed, stale, failures, small, s.proveSignUp},
		{post, "/api/auth/signup/passkey/complete", api, ticketed, stale, signUps, large, s.signUp},
		{post, "/api/auth/signup", api, anyone, stale, signUps, small, s.signUpPassword},

		{post, "/api/auth/reauth/passkey/options", options, signedIn, stale, nothing, small, s.reauthOptions},
		{post, "/api/auth/reauth/passkey", api, signedIn, stale, failures, large, s.reauth},
		{post, "/api/auth/reauth/password", api, signedIn, stale, passwords, small, s.reauthPassword},
		{post, "/api/auth/reauth/totp", api, signedIn, stale, failures, small, s.reauthTOTP},
		{post, "/api/auth/reauth/email-code/options", options, signedIn, stale, nothing, small, s.reauthEmailCodeOptions},
		{post, "/api/auth/reauth/email-code", api, confirmed, stale, failures, small, s.reauthEmailCode},
		{post, "/api/auth/reauth/recovery-code", api, signedIn, stale, failures, small, s.reauthRecoveryCode},

		{get, "/api/auth/session", api, signedIn, stale, nothing, none, s.session},
		{get, "/api/auth/sessions", api, signedIn, stale, nothing, none, s.sessions},
		{del, "/api/auth/sessions", api, signedIn, stale, nothing, small, s.endOtherSessions},
		{del, "/api/auth/sessions/{id}", api, signedIn, stale, nothing, small, s.endSession},
		{post, "/api/auth/logout", api, signedIn, stale, nothing, small, s.signOut},

		{get, "/api/auth/recover/methods", api, anyone, stale, nothing, none, s.recoveryMethods},
		{post, "/api/auth/recover/start", options, anyone, stale, failures, small, s.startRecovery},
		{post, "/api/auth/recover/mail", options, ticketed, stale, nothing, small, s.mailRecoveryCode},
		{post, "/api/auth/recover/proof", api, ticketed, stale, failures, small, s.proveRecovery},
		{post, "/api/auth/recover/passkey/options", options, ticketed, stale, failures, small, s.recoveryOptions},
		{post, "/api/auth/recover/passkey/complete", api, ticketed, stale, failures, large, s.recoverPasskey},
		{post, "/api/auth/recover/password", api, ticketed, stale, failures, small, s.recoverPassword},
	}
}

// accountRoutes are how people manage what they sign in with, and take back what
// was not them.
func (s *Site) accountRoutes() []row {
	return []row{
		{get, "/api/webauthn/register/options", options, signedIn, fresh, nothing, none, s.addPasskeyOptions},
		{post, "/api/webauthn/register/complete", api, signedIn, stale, failures, large, s.addPasskey},
		{get, "/api/webauthn", api, signedIn, stale, nothing, none, s.passkeys},
		{patch, "/api/webauthn/{id}", api, signedIn, stale, nothing, small, s.renamePasskey},
		{del, "/api/webauthn/{id}", api, signedIn, fresh, nothing, small, s.removePasskey},

		{get, "/api/account", api, signedIn, stale, nothing, none, s.account},
		{patch, "/api/account", api, signedIn, stale, nothing, small, s.changeAccount},
		{del, "/api/account", api, confirmed, stale, failures, small, s.deleteAccount},
		{post, "/api/account/email", api, confirmed, stale, failures, small, s.changeEmail},
		{post, "/api/account/email/confirm", api, confirmed, stale, failures, small, s.confirmEmail},
		{post, "/api/account/email/code", options, signedIn, stale, nothing, small, s.mailVerification},
		{post, "/api/account/email/verify", api, confirmed, stale, failures, small, s.verifyEmail},
		{post, "/api/account/password", api, signedIn, fresh, nothing, small, s.setPassword},
		{del, "/api/account/password", api, signedIn, fresh, nothing, small, s.removePassword},
		{post, "/api/account/totp", api, signedIn, fresh, nothing, small, s.addTOTP},
		{post, "/api/account/totp/confirm", api, confirmed, stale, failures, small, s.confirmTOTP},
		{del, "/api/account/totp", api, signedIn, fresh, nothing, small, s.removeTOTP},
		{get, "/api/account/recovery-codes", api, signedIn, stale, nothing, none, s.recoveryCodesLeft},
		{post, "/api/account/recovery-codes", api, signedIn, fresh, nothing, small, s.newRecoveryCodes},
		{post, "/api/account/suggestions", api, signedIn, stale, nothing, small, s.answerOffer},
		{get, "/api/account/events", api, signedIn, stale, nothing, none, s.events},
		{del, "/api/account/recovery", api, signedIn, stale, nothing, small, s.cancelRecovery},
		{del, "/api/account/freeze", api, signedIn, fresh, nothing, small, s.unfreeze},

		{post, "/api/notice/not-me", options, anyone, stale, failures, small, s.disowned(s.auth.DisownNotice)},
		{post, "/api/notice/undo-email", options, anyone, stale, failures, small, s.disowned(s.auth.UndoEmail)},
		{post, "/api/notice/cancel-recovery", api, anyone, stale, failures, small, byCode(s.disownRecovery)},
	}
}

// pageRoutes are what people see, and what watches the server.
func (s *Site) pageRoutes() []row {
	rows := []row{
		{get, "/", page, anyone, stale, nothing, none, s.homePage},
		{get, "/sign-in", page, anyone, stale, nothing, none, s.signInPage},
		{post, "/sign-in", form, anyone, stale, passwords, small, s.signInForm},
		{get, "/sign-up", page, anyone, stale, nothing, none, s.signUpPage},
		{post, "/sign-up", form, anyone, stale, s.signUpFormCounts(), small, s.signUpForm},
		{post, "/sign-up/code", form, anyone, stale, failures, small, s.signUpCodeForm},
		{post, "/sign-up/password", form, anyone, stale, signUps, small, s.signUpProvenForm},
		{get, "/email-code", page, anyone, stale, nothing, none, s.emailCodePage},
		{post, "/email-code", form, anyone, stale, failures, small, s.emailCodeForm},
		{get, "/reset", page, anyone, stale, nothing, none, s.resetPage},
		{post, "/reset", form, anyone, stale, failures, small, s.resetForm},
		{get, "/verify-email", page, signedIn, stale, nothing, none, s.verifyPage},
		{post, "/verify-email", form, signedIn, stale, failures, small, s.verifyForm},
		{get, "/second-factor", page, anyone, stale, nothing, none, s.secondFactorPage},
		{post, "/second-factor", form, anyone, stale, failures, small, s.secondFactorForm},
		{post, "/step-up/password", form, signedIn, stale, passwords, small, s.stepUpPasswordForm},
		{post, "/step-up/code", form, signedIn, stale, failures, small, s.stepUpCodeForm},
		{post, "/step-up/email-code", form, signedIn, stale, failures, small, s.stepUpEmailCodeForm},
		{get, "/passkeys", page, anyone, stale, nothing, none, s.passkeysPage},
		{get, "/recover", page, anyone, stale, nothing, none, s.recoverPage},
		{post, "/recover", form, anyone, stale, failures, small, s.recoverForm},
		{get, "/offer", page, signedIn, stale, nothing, none, s.offerPage},
		{post, "/offer", form, signedIn, stale, nothing, small, s.offerForm},
		{get, "/account", page, signedIn, stale, nothing, none, s.accountPage},
		{post, "/account/{action}", form, signedIn, stale, nothing, small, s.accountForm},
		{get, "/account/activity", page, signedIn, stale, nothing, none, s.activityPage},
		{get, "/account/email", page, signedIn, stale, nothing, none, s.actionPage(mapae.ActionChangeEmail)},
		{post, "/account/email", form, signedIn, stale, failures, small, s.changeEmailForm},
		{post, "/account/email/code", form, signedIn, stale, failures, small, s.confirmEmailForm},
		{get, "/account/delete", page, signedIn, stale, nothing, none, s.actionPage(mapae.ActionDeleteAccount)},
		{post, "/account/delete", form, signedIn, stale, failures, small, s.deleteForm},
		{get, "/account/password", page, signedIn, fresh, nothing, none, s.passwordPage},
		{post, "/account/password", form, signedIn, stale, nothing, small, s.freshForm("/account/password", s.passwordForm)},
		{post, "/account/password/remove", form, signedIn, stale, nothing, small, s.freshForm("/account/password", s.removePasswordForm)},
		{get, "/account/totp", page, signedIn, fresh, nothing, none, s.totpPage},
		{post, "/account/totp", form, signedIn, stale, failures, small, s.freshForm("/account/totp", s.totpForm)},
		{post, "/account/totp/remove", form, signedIn, stale, nothing, small, s.freshForm("/account/totp", s.removeTOTPForm)},
		{get, "/account/recovery-codes", page, signedIn, fresh, nothing, none, s.codesPage},
		{post, "/account/recovery-codes", form, signedIn, stale, nothing, small, s.freshForm("/account/recovery-codes", s.codesForm)},

		{post, "/language", form, anyone, stale, nothing, small, s.languageForm},

		{get, "/mapae.js", static, anyone, stale, nothing, none, s.module("mapae.js")},
		{get, "/elements.js", static, anyone, stale, nothing, none, s.module("elements.js")},
		{get, "/openapi.json", api, anyone, stale, nothing, none, s.describe},
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

// newMux registers each path of rows with and without the slash at its end, and
// everything else as a resource without rows.
func (s *Site) newMux(rows []row) *http.ServeMux {
	mux := http.NewServeMux()
	byPath := map[string]*resource{}
	for _, r := range rows {
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

// mounted returns a handler for rows by the pattern of each path, for the mux
// of the program that the site is part of.
func (s *Site) mounted(rows []row) map[string]http.Handler {
	mux := s.newMux(rows)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.exchange(w, r, func(w http.ResponseWriter, r *http.Request) error {
			mux.ServeHTTP(w, r)
			return nil
		})
	})
	byPattern := map[string]http.Handler{}
	for _, r := range rows {
		byPattern[r.path] = h
	}
	return byPattern
}
