package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"

	"github.com/mapae/mapae"
)

func (a *app) passkeyRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /login/second", a.loginSecond)
	mux.HandleFunc("POST /login/passkey/options", a.loginOptions)
	mux.HandleFunc("POST /login/passkey", a.loginPasskey)
	mux.HandleFunc("POST /passkeys/options", a.addOptions)
	mux.HandleFunc("POST /passkeys", a.add)
}

// client is the browser as Mapae knows it: a ceremony is finished by the session
// of the application that began it.
func client(r *http.Request) mapae.Client {
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	return mapae.Client{Bindings: [][32]byte{sha256.Sum256([]byte(cookieOf(r)))}, Address: address, UserAgent: r.UserAgent()}
}

// afterPassword goes on after the application's own password: u is in, or has a
// passkey and is asked for it.
func (a *app) afterPassword(w http.ResponseWriter, r *http.Request, u user) {
	step, err := a.auth.SignInExternal(r.Context(), client(r), mapae.ExternalUser{ID: u.id, Login: u.email, Name: u.name})
	switch {
	case err != nil:
		fail(w, err)
	case step.Second != nil:
		say(w, http.StatusOK, map[string]any{"ticket": step.Second.Ticket, "publicKey": step.Second.Options})
	default:
		a.welcome(w, r, step.Admitted)
	}
}

// welcome begins the application's session of who has signed in.
func (a *app) welcome(w http.ResponseWriter, r *http.Request, in mapae.Admitted) {
	a.begin(w, r, &session{user: in.User.ExternalID, mapae: in.Token})
	say(w, http.StatusOK, map[string]string{"name": in.User.Name})
}

// answer is what a browser sends after its dialogue.
type answer struct {
	Ticket, Name string
	Credential   json.RawMessage
}

func (a *app) loginSecond(w http.ResponseWriter, r *http.Request) {
	var got answer
	if !read(w, r, &got) {
		return
	}
	in, err := a.auth.FinishSecondFactor(r.Context(), client(r), got.Ticket, got.Credential)
	if err != nil {
		fail(w, err)
		return
	}
	a.welcome(w, r, in)
}

func (a *app) loginOptions(w http.ResponseWriter, r *http.Request) {
	options, err := a.auth.BeginSignIn(r.Context(), client(r), mapae.SignInRequest{})
	if err != nil {
		fail(w, err)
		return
	}
	say(w, http.StatusOK, map[string]any{"publicKey": options})
}

func (a *app) loginPasskey(w http.ResponseWriter, r *http.Request) {
	var got answer
	if !read(w, r, &got) {
		return
	}
	step, err := a.auth.FinishSignIn(r.Context(), client(r), got.Credential)
	switch {
	case err != nil:
		fail(w, err)
	case step.Second != nil: // a passkey without PIN or fingerprint, and another factor
		say(w, http.StatusOK, map[string]any{"ticket": step.Second.Ticket, "publicKey": step.Second.Options})
	default:
		a.welcome(w, r, step.Admitted)
	}
}

// current is the session that Mapae has for who is signed in.
func (a *app) current(r *http.Request) (mapae.Current, error) {
	return a.auth.Session(r.Context(), a.session(r).mapae)
}

func (a *app) addOptions(w http.ResponseWriter, r *http.Request) {
	current, err := a.current(r)
	if err != nil {
		fail(w, err)
		return
	}
	options, err := a.auth.BeginAddPasskey(r.Context(), client(r), current, false)
	if err != nil {
		fail(w, err)
		return
	}
	say(w, http.StatusOK, map[string]any{"publicKey": options})
}

func (a *app) add(w http.ResponseWriter, r *http.Request) {
	var got answer
	if !read(w, r, &got) {
		return
	}
	current, err := a.current(r)
	if err != nil {
		fail(w, err)
		return
	}
	made, codes, err := a.auth.FinishAddPasskey(r.Context(), client(r), current, got.Credential, got.Name)
	if err != nil {
		fail(w, err)
		return
	}
	say(w, http.StatusCreated, map[string]any{"name": made.Name, "recovery_codes": codes})
}

// fail answers with what went wrong, in one word. Who has not signed in for ten
// minutes is to type the password again before anything is added.
func fail(w http.ResponseWriter, err error) {
	status, code := http.StatusInternalServerError, mapae.CodeInternal
	if wrong := new(mapae.Error); errors.As(err, &wrong) {
		code = wrong.Code
	}
	switch code {
	case mapae.CodeUnavailable, mapae.CodeInternal:
		log.Print(err)
	case mapae.CodeUnauthenticated, mapae.CodeAuthenticationFailed, mapae.CodePasskeyUnknown:
		status = http.StatusUnauthorized
	case mapae.CodeStepUpRequired, mapae.CodeForbidden:
		status = http.StatusForbidden
	default:
		status = http.StatusBadRequest
	}
	say(w, status, map[string]string{"error": string(code)})
}
