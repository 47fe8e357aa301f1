package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync"

	"golang.org/x/crypto/bcrypt"

	"github.com/mapae/mapae"
)

// app is the application with its own users and sessions. Yours has them in its
// database.
type app struct {
	auth *mapae.Auth

	mu       sync.Mutex
	users    []user
	sessions map[string]*session // by the value of the cookie
}

// user is somebody whom the application knows.
type user struct {
	id       string
	email    string
	name     string
	password []byte // bcrypt
}

// session is a browser that the application knows; user is empty until somebody
// signs in. mapae is the token of the session that Mapae has for them: it stays
// on the server.
type session struct {
	user  string
	mapae string
}

const cookieName = "app"

func newApp(auth *mapae.Auth) *app {
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		panic(err) // the cost is one that there is
	}
	return &app{auth: auth, sessions: map[string]*session{}, users: []user{{"7", "ann@example.com", "Ann", hash}}}
}

func (a *app) routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /login", a.login)
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) { a.begin(w, r, &session{}); say(w, http.StatusOK, nil) })
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		if u, ok := a.user(r); ok {
			say(w, http.StatusOK, map[string]string{"name": u.name})
			return
		}
		say(w, http.StatusUnauthorized, nil)
	})
}

// login takes the password of the application, as it always did. Before somebody
// is in, Mapae is asked whether a second step is due.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	var typed struct{ Email, Password string }
	if !read(w, r, &typed) {
		return
	}
	u, ok := a.find(func(u user) bool { return u.email == typed.Email })
	if !ok || bcrypt.CompareHashAndPassword(u.password, []byte(typed.Password)) != nil {
		say(w, http.StatusUnauthorized, map[string]string{"error": "wrong e-mail address or password"})
		return
	}
	a.afterPassword(w, r, u)
}

type sessionKey struct{}

// visitors gives every browser a session of the application.
func (a *app) visitors(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value := ""
		if c, err := r.Cookie(cookieName); err == nil {
			value = c.Value
		}
		a.mu.Lock()
		_, known := a.sessions[value]
		a.mu.Unlock()
		if !known {
			value = a.begin(w, r, &session{})
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, value)))
	})
}

// begin puts s in the place of the browser's session, under a new cookie.
func (a *app) begin(w http.ResponseWriter, r *http.Request, s *session) string {
	value := rand.Text()
	a.mu.Lock()
	delete(a.sessions, cookieOf(r))
	a.sessions[value] = s
	a.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil})
	return value
}

// cookieOf is the cookie of the browser's session.
func cookieOf(r *http.Request) string {
	value, _ := r.Context().Value(sessionKey{}).(string)
	return value
}

func (a *app) session(r *http.Request) session {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.sessions[cookieOf(r)]; s != nil {
		return *s
	}
	return session{}
}

// user is who is signed in.
func (a *app) user(r *http.Request) (user, bool) {
	id := a.session(r).user
	return a.find(func(u user) bool { return u.id == id })
}

func (a *app) find(is func(user) bool) (user, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, u := range a.users {
		if is(u) {
			return u, true
		}
	}
	return user{}, false
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(into); err != nil {
		say(w, http.StatusBadRequest, map[string]string{"error": "not JSON"})
		return false
	}
	return true
}

func say(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what) // the browser is gone
}
