package web

import (
	"errors"
	"net/http"

	"github.com/mapae/mapae"
)

// mailing runs f, which mails something, unless too much was mailed for the
// client's address. What could not be asked for is not counted.
func (s *Site) mailing(r *http.Request, f func() error) error {
	key, now := limitKey(on(r).client.Address), s.now()
	if err := s.limits.mails.take(key, now); err != nil {
		return err
	}
	err := f()
	if err != nil {
		s.limits.mails.give(key, now)
	}
	return err
}

// mailed gives a mail back whose code was good: an office has one address.
func (s *Site) mailed(r *http.Request, err error) {
	if err == nil || errors.Is(err, &mapae.Error{Code: mapae.CodeSecondFactorRequired}) {
		s.limits.mails.give(limitKey(on(r).client.Address), s.now())
	}
}

// ticketAnswer is the answer to who asked for a code: the ticket takes it.
type ticketAnswer struct {
	Success bool   `json:"success"`
	Ticket  string `json:"ticket"`
}

// answerMailed mails a code by ask, and answers the ticket that takes it.
func (s *Site) answerMailed(w http.ResponseWriter, r *http.Request, ask func(c mapae.Client, locale string) (string, error)) error {
	return s.mailing(r, func() error {
		ticket, err := ask(s.bind(w, r), s.pages.locales.reader(r).Lang)
		if err != nil {
			return err
		}
		return answer(w, ticketAnswer{true, ticket})
	})
}

// requestEmailCode mails a code to sign in with. The answer is the same whoever
// has the address, if anybody.
func (s *Site) requestEmailCode(w http.ResponseWriter, r *http.Request) error {
	var email string
	if err := readJSON(r, member{name: "email", text: &email}); err != nil {
		return err
	}
	return s.answerMailed(w, r, func(c mapae.Client, locale string) (string, error) {
		return s.auth.BeginEmailCode(r.Context(), c, email, locale)
	})
}

// verifyEmailCode takes the code: a session, or the second step that is due.
func (s *Site) verifyEmailCode(w http.ResponseWriter, r *http.Request) error {
	var code string
	if err := readJSON(r, member{name: "code", text: &code}); err != nil {
		return err
	}
	step, err := s.auth.FinishEmailCode(r.Context(), on(r).client, on(r).ticket, code)
	err = s.goOnWith(w, r, &step, err)
	s.mailed(r, err)
	return err
}

// reauthEmailCodeOptions mails a code for a step-up.
func (s *Site) reauthEmailCodeOptions(w http.ResponseWriter, r *http.Request) error {
	if err := readJSON(r); err != nil {
		return err
	}
	return s.answerMailed(w, r, func(c mapae.Client, locale string) (string, error) {
		return s.auth.BeginReauthEmailCode(r.Context(), c, *on(r).current, locale)
	})
}

// reauthEmailCode is a step-up by the code.
func (s *Site) reauthEmailCode(w http.ResponseWriter, r *http.Request) error {
	var code string
	action, err := readReauth(r, member{name: "code", text: &code})
	if err != nil {
		return err
	}
	ex := on(r)
	a, err := s.auth.ReauthEmailCode(r.Context(), ex.client, *ex.current, ex.ticket, code, action)
	s.mailed(r, err)
	if err != nil {
		return err
	}
	return answer(w, s.handOver(w, r, a))
}
