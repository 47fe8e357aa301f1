package web

import (
	"context"
	"net/http"

	"github.com/mapae/mapae"
)

// byCode reads the code of a link, which somebody was mailed or the operator
// gave them, and acts on it. It is what the page that the link leads to does.
func byCode(act func(w http.ResponseWriter, r *http.Request, code string) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		var code string
		if err := readJSON(r, member{name: "code", text: &code}); err != nil {
			return err
		}
		return act(w, r, code)
	}
}

// disownAnswer is what a disowned event led to. The ticket goes on with the
// recovery that it began.
type disownAnswer struct {
	Success     bool   `json:"success"`
	Ticket      string `json:"ticket"`
	Ready       bool   `json:"ready"`
	FrozenUntil string `json:"frozen_until"`
	Suspended   bool   `json:"suspended"` // the passkey that it was about
}

// disowned acts on what the owner says was not them, and answers what it led to.
func (s *Site) disowned(act func(context.Context, mapae.Client, string) (mapae.NotMe, error)) handler {
	return byCode(func(w http.ResponseWriter, r *http.Request, code string) error {
		out, err := act(r.Context(), s.bind(w, r), code)
		if err != nil {
			return err
		}
		return answer(w, disownAnswer{true, out.Recovery.Ticket, out.Recovery.Ready, stamp(out.FrozenUntil), out.Suspended})
	})
}

// disownRecovery cancels a recovery that waits, by the link in the mail about it.
func (s *Site) disownRecovery(w http.ResponseWriter, r *http.Request, code string) error {
	if err := s.auth.DisownRecovery(r.Context(), on(r).client, code); err != nil {
		return err
	}
	return answer(w, done{Success: true})
}

// signInIssued signs in by the operator's link: a session, or the second step
// that is due.
func (s *Site) signInIssued(w http.ResponseWriter, r *http.Request, code string) error {
	step, err := s.auth.SignInByLink(r.Context(), s.bind(w, r), code)
	return s.goOnWith(w, r, &step, err)
}

// unfreeze takes back what a disowned notice did.
func (s *Site) unfreeze(w http.ResponseWriter, r *http.Request) error {
	ex := on(r)
	if err := s.auth.Unfreeze(r.Context(), ex.client, *ex.current); err != nil {
		return err
	}
	return answer(w, done{Success: true})
}
