package web

import (
	"net/http"

	"github.com/mapae/mapae"
)

// mailVerification mails a code to the user's address, which is not proven.
func (s *Site) mailVerification(w http.ResponseWriter, r *http.Request) error {
	if err := readJSON(r); err != nil {
		return err
	}
	return s.answerMailed(w, r, func(c mapae.Client, locale string) (string, error) {
		return s.auth.BeginVerifyEmail(r.Context(), c, *on(r).current, locale)
	})
}

// verifyEmail takes the code: from now on the address is proven. It answers as
// account does.
func (s *Site) verifyEmail(w http.ResponseWriter, r *http.Request) error {
	var code string
	if err := readJSON(r, member{name: "code", text: &code}); err != nil {
		return err
	}
	ex := on(r)
	u, err := s.auth.FinishVerifyEmail(r.Context(), ex.client, *ex.current, ex.ticket, code)
	s.mailed(r, err)
	if err != nil {
		return err
	}
	ex.current.User = u
	return s.account(w, r)
}
