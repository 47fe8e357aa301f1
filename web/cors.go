package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/mapae/mapae"
)

// What pages of Config.CORS may send beside what every page may, and read of
// answers. A bearer token is not among it: their session is in the cookie.
const (
	corsMethods = "GET, POST, PUT, PATCH, DELETE"
	corsHeaders = "Content-Type, " + ticketHeader
	corsExposed = "X-Request-Id, Retry-After"
	corsMaxAge  = "600" // seconds
)

// CORS are the origins of page applications elsewhere on the relying party's
// domain, such as "https://app.example.com".
type CORS []string

// Check returns an error that names every origin that is not one of the relying
// party's own, which origins are: elsewhere passkeys would be refused, and
// browsers would leave the cookies out. [New] panics with it.
func (c CORS) Check(origins []string) error {
	var wrong []error
	for _, origin := range c {
		switch {
		case !strings.HasPrefix(origin, "https://") && !strings.HasPrefix(origin, "http://"):
			wrong = append(wrong, fmt.Errorf("CORS: %q is not the origin of a page, such as https://app.example.com", origin))
		case !slices.Contains(origins, origin):
			wrong = append(wrong, fmt.Errorf("CORS: %q is not among RP.Origins: a passkey that is used there would be refused", origin))
		}
	}
	return errors.Join(wrong...)
}

// sharedWith returns the listed origin that r says it comes from, if that is
// another one than it is sent to; else "". It compares whole values.
func (s *Site) sharedWith(r *http.Request) string {
	from, at := r.Header.Values("Origin"), on(r).origin
	if len(from) != 1 || at == nil || from[0] == at.url || !slices.Contains(s.cfg.CORS, from[0]) {
		return ""
	}
	return from[0]
}

// share lets a page of a listed origin read the answer to r. True: r only asked
// whether it may, and is answered.
func (s *Site) share(w http.ResponseWriter, r *http.Request) (answered bool) {
	if len(s.cfg.CORS) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	from := s.sharedWith(r)
	if from == "" {
		return false
	}
	h.Set("Access-Control-Allow-Origin", from)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", corsExposed)
	if !isPreflight(r) {
		return false
	}
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsHeaders)
	h.Set("Access-Control-Max-Age", corsMaxAge)
	w.WriteHeader(http.StatusNoContent)
	return true
}

// mayShare reports whether scripts elsewhere have to do with the path of r: it is
// somebody else's route, or one of our JSON API, and no page of ours.
func (s *Site) mayShare(r *http.Request) bool {
	if len(s.cfg.CORS) == 0 {
		return false
	}
	rows := s.ownRows(r)
	return len(rows) == 0 || rows[0].face == api || rows[0].face == options
}

// isPreflight reports whether a browser asks by r what it may send (Fetch
// standard, "CORS-preflight request").
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// Preflight answers browsers that ask whether a page of Config.CORS may send
// what it wants to routes behind [Site.Require], for routers that tell methods
// apart:
//
//	mux.Handle("OPTIONS /api/", site.Preflight())
//
// The site's own routes answer by themselves. Who is not listed gets 405
// method_not_allowed.
func (s *Site) Preflight() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.exchange(w, r, func(w http.ResponseWriter, r *http.Request) error {
			switch {
			case on(r).origin == nil:
				return errForeignHost
			case s.share(w, r):
				return nil
			}
			return &mapae.Error{Code: mapae.CodeMethodNotAllowed}
		})
	})
}
