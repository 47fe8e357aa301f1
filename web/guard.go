package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mapae/mapae"
)

// Require returns h for people who are signed in and whose session meets the
// demands, all by one and the same use of a method. Others are turned away: a
// browser that asks for a page goes to the sign-in page and comes back
// afterwards, everybody else gets 401 unauthenticated or 403 step_up_required.
// Requests that change something are refused (403 origin_rejected) when they
// come from another origin. Unless h says otherwise its answers are not stored
// by caches.
//
// Pages of Config.CORS may call h and read its answers; [Site.Preflight] answers
// what their browsers ask before.
//
// In h, [SessionFrom] and [Site.User] tell who it is.
func (s *Site) Require(h http.Handler, demands ...mapae.Demand) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ex := on(r)
		if ex == nil {
			ex = s.newExchange(r)
			r = r.WithContext(ex)
		}
		start := time.Now()
		if s.mayShare(r) && s.share(w, r) {
			return
		}
		if err := s.checkGuest(r, demands); err != nil {
			ex.route = r.Pattern
			ex.setHeaders(w.Header())
			rec := &recorder{ResponseWriter: w}
			if err = s.turnAway(rec, r, err); err != nil {
				s.fail(rec, r, err)
			}
			s.logRequest(r, ex, rec.status, time.Since(start))
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		h.ServeHTTP(w, r)
	})
}

// PublicPaths are the paths that Site.Protect leaves open.
type PublicPaths []string

// Public names paths that need no session: each is compared whole, and one
// that ends in "/*" stands for all paths below.
func Public(paths ...string) PublicPaths { return paths }

// Protect returns h behind Require for every path but the public ones and the
// site's own, which have their own demands: what is not named is closed. So is a
// path with what needed no escape escaped: routers differ in what they take
// /public%2Fa/secret for.
func (s *Site) Protect(h http.Handler, public PublicPaths) http.Handler {
	closed := s.Require(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.RawPath, "%") && public.match(r.URL.Path) || s.opens(r) {
			h.ServeHTTP(w, r)
			return
		}
		closed.ServeHTTP(w, r)
	})
}

// match compares p, which must be in its clean form: what a router would clean
// up could end elsewhere.
func (public PublicPaths) match(p string) bool {
	if clean := path.Clean(p); clean != p && clean+"/" != p {
		return false
	}
	for _, open := range public {
		if below, ok := strings.CutSuffix(open, "*"); p == open || ok && strings.HasSuffix(below, "/") && strings.HasPrefix(p, below) {
			return true
		}
	}
	return false
}

// opens reports whether r is for a route of the site that does not need a
// session.
func (s *Site) opens(r *http.Request) bool {
	rows := s.ownRows(r)
	for _, row := range rows {
		if row.needs == signedIn || row.needs == confirmed || row.needs == nobody {
			return false
		}
	}
	return len(rows) > 0
}

// confirms reports whether r is for a route of the site that takes a ticket
// beside a session.
func (s *Site) confirms(r *http.Request) bool {
	return slices.ContainsFunc(s.ownRows(r), func(row row) bool { return row.needs == confirmed && row.method == r.Method })
}

// ownRows returns the rows that the site has for the path of r.
func (s *Site) ownRows(r *http.Request) []row {
	inner, ok := s.below(r)
	if !ok {
		return nil
	}
	h, _ := s.mux.Handler(inner)
	res, ok := h.(*resource)
	if !ok {
		return nil
	}
	return res.rows
}

// User returns who is signed in. In a handler behind Require or Protect it
// costs nothing; elsewhere it reads the session, and a request that can't be
// matched to a live one, for whatever reason, is nobody's.
func (s *Site) User(r *http.Request) (mapae.User, bool) {
	cur, ok := s.current(r)
	return cur.User, ok
}

// current returns the session and user of r if it carries a live session.
func (s *Site) current(r *http.Request) (mapae.Current, bool) {
	ex := on(r)
	if ex == nil {
		ex = s.newExchange(r)
		r = r.WithContext(ex)
	}
	if ex.clientErr != nil || s.requireSession(r, nil) != nil {
		return mapae.Current{}, false
	}
	return *ex.current, true
}

// SessionFrom returns the session and user that Require or Protect let in.
func SessionFrom(ctx context.Context) (mapae.Current, bool) {
	ex := fromContext(ctx)
	if ex == nil || ex.current == nil {
		return mapae.Current{}, false
	}
	return *ex.current, true
}

// checkGuest asks of a request to somebody else's route what the gate asks of
// ours. Its body may be anything, so only JSON may come without an Origin.
func (s *Site) checkGuest(r *http.Request, demands []mapae.Demand) error {
	ex := on(r)
	switch {
	case ex.origin == nil:
		return errForeignHost
	case ex.clientErr != nil:
		return ex.clientErr
	}
	f := form
	if isMediaType(r, "application/json") {
		f = api
	}
	if err := s.checkOrigin(r, f); err != nil {
		return err
	}
	if r.Header.Values(ticketHeader) != nil && s.confirms(r) { // behind Protect: the gate looks at the ticket
		return s.liveSession(r, demands)
	}
	return s.requireSession(r, demands)
}

// asked is what r asks for as a path on this origin, whatever the program has cut
// off r.URL since; empty where a browser could take it for another place.
func asked(r *http.Request) string {
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		return ""
	}
	return localPath(u.RequestURI())
}

// turnAway sends who asked for a page to the sign-in page, with where to come
// back to, or from an address of a development server to the same page at its
// origin; for everybody else it returns err as it is.
func (s *Site) turnAway(w http.ResponseWriter, r *http.Request, err error) error {
	if errors.Is(err, errForeignHost) && s.wantsPage(r) {
		if away := s.developmentDetour(r, asked(r)); away != "" {
			on(r).err = err
			http.Redirect(w, r, away, http.StatusTemporaryRedirect)
			return nil
		}
	}
	signIn, stepUp := errors.Is(err, mapae.ErrUnauthenticated), errors.Is(err, mapae.ErrStepUpRequired)
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !s.wantsPage(r) || !signIn && !stepUp {
		return err
	}
	on(r).err = err
	back := url.Values{"next": {asked(r)}}
	if stepUp {
		back.Set("step_up", "1")
	}
	http.Redirect(w, r, s.url("/sign-in")+"?"+back.Encode(), http.StatusSeeOther)
	return nil
}
