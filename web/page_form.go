package web

import (
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mapae/mapae"
)

// readForm reads the urlencoded body of r into r.PostForm.
func readForm(r *http.Request) error {
	err := r.ParseForm()
	if err != nil && codeOf(err) != mapae.CodeBodyTooLarge {
		return &mapae.Error{Code: mapae.CodeBadRequest, Err: err}
	}
	return err
}

// orElse makes fail draw the form's own page again, with the sentence of what
// went wrong, in place of the error page. wrong is the key of the sentence for
// a proof that was not good.
func (s *Site) orElse(r *http.Request, wrong string, draw func(w http.ResponseWriter, status int, alert string)) {
	on(r).again = func(w http.ResponseWriter, p problem) { draw(w, p.Status, s.formAlert(r, p, wrong)) }
}

// readAnyway reads a form that the limits refused before its handler saw it, so
// that its page is drawn again with what was typed. A form that can't be read
// is answered with the error page.
func (s *Site) readAnyway(r *http.Request, path string) {
	switch path {
	case "/sign-in":
		_, _ = s.readSignIn(r)
	case "/sign-up":
		_, _ = s.readSignUp(r)
	case "/sign-up/password":
		_, _ = s.readProven(r)
	case "/step-up/password":
		_, _ = s.readStepUp(r, mapae.MethodPassword)
	}
}

// formAlert is the sentence for p at the top of the page of a form; empty where
// it stands beside the field at fault.
func (s *Site) formAlert(r *http.Request, p problem, wrong string) string {
	if besideField[p.Field] {
		on(r).fault = fault{p.Field, p.Detail}
		return ""
	}
	return s.sentence(r, p, wrong)
}

// sentence is what pages say about p. wrong is the key of the sentence for a
// proof that was not good.
func (s *Site) sentence(r *http.Request, p problem, wrong string) string {
	rd := s.pages.locales.reader(r)
	switch {
	case p.Code == mapae.CodeAuthenticationFailed:
		return rd.T(wrong)
	case p.Code == mapae.CodeRateLimited && p.RetryAfter > 0:
		wait := time.Duration(p.RetryAfter) * time.Second
		return rd.N("form.wait", int(math.Ceil(wait.Minutes())))
	}
	return p.Detail
}

// offers reports whether people can use the method.
func (s *Site) offers(name mapae.MethodName) bool { return slices.Contains(s.methodNames(), name) }

// freshForm is handle for who has authenticated lately; others come back to the
// page that the form stands on once they have.
func (s *Site) freshForm(back string, handle handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !on(r).current.Session.Meets(s.now(), mapae.Within(s.auth.Config().FreshFor)) {
			return s.confirmFirst(w, r, back)
		}
		if err := readForm(r); err != nil {
			return err
		}
		return handle(w, r)
	}
}

// way is one method that a person can prove with on a page.
type way struct {
	Method mapae.MethodName
	Action string // where its form goes
	Proof  proofData
}

// proofData is what the pages show that ask for one more proof.
type proofData struct {
	Ticket string           // empty: a step-up of who is signed in
	Next   string           // where to go afterwards: a path on this origin, or empty
	Action mapae.Action     // what a step-up is for; empty: anything
	Alert  string           // why the last try was not good
	Email  string           // of who confirms, for password managers
	Own    []mapae.Provider // with federated among the ways: those that count

	MailTicket string // takes the code that was mailed; empty: none was
	Mailed     bool   // by a recovery, whose own ticket takes the code

	ways   []mapae.MethodName
	routes map[mapae.MethodName]string
}

// Methods are the names of the ways, as a form carries them on.
func (d proofData) Methods() string {
	var names []string
	for _, m := range d.ways {
		names = append(names, string(m))
	}
	return strings.Join(names, " ")
}

// First is the way that is asked for, Others are behind "Try another way".
func (d proofData) First() way { return d.way(0) }

// Others are all ways but the first.
func (d proofData) Others() []way {
	var all []way
	for i := 1; i < len(d.ways); i++ {
		all = append(all, d.way(i))
	}
	return all
}

func (d proofData) way(i int) way {
	if i >= len(d.ways) {
		return way{Proof: d}
	}
	return way{d.ways[i], d.routes[d.ways[i]], d}
}

// begin puts the method that was tried before in front.
func (d proofData) begin(with mapae.MethodName) proofData {
	if i := slices.Index(d.ways, with); i > 0 {
		d.ways = append([]mapae.MethodName{with}, slices.Delete(slices.Clone(d.ways), i, i+1)...)
	}
	return d
}
