package web

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/mapae/mapae"
)

// Refusals of the gate.
var (
	errNoRoute     = &mapae.Error{Code: mapae.CodeNotFound, Err: errors.New("no such route")}
	errMediaType   = &mapae.Error{Code: mapae.CodeUnsupportedMediaType}
	errNoTicket    = &mapae.Error{Code: mapae.CodeCeremonyInvalid, Err: errors.New("not exactly one ticket")}
	errTicketFirst = &mapae.Error{Code: mapae.CodeUnauthenticated, Err: errors.New("a ticket is not a session")}
	errNobody      = &mapae.Error{Code: mapae.CodeForbidden, Err: errors.New("the route is for nobody")}
)

// ServeHTTP takes the request through the gate to the handler of its method.
func (res *resource) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := res.serve(w, r); err != nil {
		res.site.fail(w, r, err)
	}
}

func (res *resource) serve(w http.ResponseWriter, r *http.Request) error {
	if len(res.rows) == 0 {
		return errNoRoute
	}
	ex := on(r)
	ex.route = res.rows[0].path
	row, err := res.row(w, r.Method)
	ex.visit = row.face == visit
	if row.face != probe && ex.origin == nil {
		if away := res.site.developmentDetour(r, res.site.cfg.Base+r.URL.RequestURI()); row.face == page && away != "" {
			http.Redirect(w, r, away, http.StatusTemporaryRedirect)
			return nil
		}
		return errForeignHost
	}
	if ex.clientErr != nil {
		return ex.clientErr
	}
	if f := res.rows[0].face; (f == api || f == options) && res.site.share(w, r) {
		return nil
	}
	if err != nil {
		return err
	}
	return res.site.pass(w, r, row)
}

// row returns the row for method; HEAD is answered as GET, without the body.
func (res *resource) row(w http.ResponseWriter, method string) (row, error) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allowed []string
	for _, row := range res.rows {
		if row.method == method {
			return row, nil
		}
		allowed = append(allowed, row.method)
		if row.method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return row{face: res.rows[0].face}, &mapae.Error{Code: mapae.CodeMethodNotAllowed}
}

// pass asks all that the row demands, in the order that costs least, and calls
// its handler.
func (s *Site) pass(w http.ResponseWriter, r *http.Request, row row) error {
	if err := s.checkOrigin(r, row.face); err != nil {
		return err
	}
	if err := checkContent(r, row.face); err != nil {
		return err
	}
	if r.Body != http.NoBody {
		r.Body = http.MaxBytesReader(w, r.Body, row.body)
	}
	if err := s.letIn(r, row); err != nil {
		return s.turnAway(w, r, err)
	}
	handled := false
	err := s.limits.guard(row.counts, on(r).client.Address, s.now, func() error {
		handled = true
		return row.handle(w, r)
	})
	if !handled && row.face == form {
		s.readAnyway(r, row.path)
	}
	return err
}

// ticketHeader carries the ticket of a half-finished flow. Where it stands, a
// session does not count: a second step or a recovery never falls back on who
// happens to be signed in. The one exception are rows that are confirmed: their
// tickets were issued in the session, which they say again.
const ticketHeader = "Mapae-Ticket"

// letIn asks for the session or the ticket, or both, that the row needs, and
// puts them into the exchange.
func (s *Site) letIn(r *http.Request, row row) (err error) {
	ex, carried := on(r), r.Header.Values(ticketHeader) != nil
	var demands []mapae.Demand
	if row.fresh {
		demands = append(demands, mapae.Within(s.auth.Config().FreshFor))
	}
	switch {
	case row.needs == anyone:
		return nil
	case row.needs == ticketed, row.needs == either && carried:
		ex.ticket, err = readTicket(r)
		return err
	case row.needs == signedIn, row.needs == either:
		return s.requireSession(r, demands)
	case row.needs == confirmed:
		if err := s.liveSession(r, demands); err != nil || !carried {
			return err
		}
		ex.ticket, err = readTicket(r)
		return err
	}
	return errNobody
}

// readTicket returns the one ticket that r carries.
func readTicket(r *http.Request) (string, error) {
	tickets := r.Header.Values(ticketHeader)
	if len(tickets) != 1 {
		return "", errNoTicket
	}
	return tickets[0], nil
}

// requireSession is liveSession for who carries no ticket.
func (s *Site) requireSession(r *http.Request, demands []mapae.Demand) error {
	if r.Header.Values(ticketHeader) != nil {
		return errTicketFirst
	}
	return s.liveSession(r, demands)
}

// liveSession puts the live session of the request into its exchange, or
// returns why there is none that meets the demands.
func (s *Site) liveSession(r *http.Request, demands []mapae.Demand) error {
	ex := on(r)
	if ex.current == nil {
		cur, err := s.readSession(r)
		if err != nil {
			return err
		}
		ex.current = &cur
	}
	if !ex.current.Session.Meets(s.now(), demands...) {
		return mapae.ErrStepUpRequired
	}
	return nil
}

// checkContent demands JSON of the API and an urlencoded body of forms: a page
// of another site can't send JSON without asking first. DELETE asks first by
// itself and may come without a body.
func checkContent(r *http.Request, f face) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return nil
	case http.MethodDelete:
		if r.ContentLength == 0 {
			return nil
		}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return errMediaType
	}
	want := "application/json"
	if f == form || f == visit {
		want = "application/x-www-form-urlencoded"
	}
	if !isMediaType(r, want) {
		return errMediaType
	}
	return nil
}

// isMediaType reports whether the request has exactly one Content-Type, which
// is want, in UTF-8.
func isMediaType(r *http.Request, want string) bool {
	types := r.Header.Values("Content-Type")
	if len(types) != 1 {
		return false
	}
	if types[0] == want {
		return true
	}
	got, params, err := mime.ParseMediaType(types[0])
	charset, ok := params["charset"]
	return err == nil && got == want && (!ok || strings.EqualFold(charset, "utf-8"))
}

// wantsPage reports whether the answer is read by a person: a browser's
// navigation asks for HTML by name.
func (s *Site) wantsPage(r *http.Request) bool {
	return !on(r).client.App && (on(r).visit || !strings.HasPrefix(strings.TrimPrefix(r.URL.Path, s.cfg.Base), "/api/")) &&
		slices.ContainsFunc(r.Header.Values("Accept"), func(accept string) bool { return strings.Contains(accept, "text/html") })
}
