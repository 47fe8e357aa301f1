package web

import (
	"net/http"

	"github.com/mapae/mapae"
)

// signInPassword takes an e-mail address and a password: a session, or the
// second step that is due. What it answers to a name that nobody has differs in
// nothing from a wrong password, down to the cookie of the step that may follow.
func (s *Site) signInPassword(w http.ResponseWriter, r *http.Request) error {
	var email, password string
	if err := readJSON(r, member{name: "email", text: &email}, member{name: "password", text: &password}); err != nil {
		return err
	}
	step, err := s.auth.SignInPassword(r.Context(), s.bind(w, r), email, password)
	return s.goOnWith(w, r, &step, err)
}

// signUpPassword makes an account with a password; where addresses are proven,
// with the ticket of a proven one, which stands for name and address.
func (s *Site) signUpPassword(w http.ResponseWriter, r *http.Request) error {
	if carriesTicket(r) {
		return s.signUpProvenPassword(w, r)
	}
	req, password := mapae.SignUpRequest{Locale: s.pages.locales.reader(r).Lang}, ""
	if err := readJSON(r, append(signUpMembers(&req), member{name: "password", text: &password})...); err != nil {
		return err
	}
	a, err := s.auth.SignUpPassword(r.Context(), on(r).client, req, password)
	if err != nil {
		return err
	}
	return answer(w, s.handOver(w, r, a))
}

func (s *Site) signUpProvenPassword(w http.ResponseWriter, r *http.Request) error {
	ticket, err := readTicket(r)
	if err != nil {
		return err
	}
	var password string
	if err := readJSON(r, member{name: "password", text: &password}); err != nil {
		return err
	}
	a, err := s.auth.FinishSignUpPassword(r.Context(), on(r).client, ticket, password)
	if err != nil {
		return err
	}
	return answer(w, s.handOver(w, r, a))
}

// forgotPassword mails a link that resets a password. The answer is the same
// whoever has the address, if anybody.
func (s *Site) forgotPassword(w http.ResponseWriter, r *http.Request) error {
	var email string
	if err := readJSON(r, member{name: "email", text: &email}); err != nil {
		return err
	}
	if err := s.forget(r, email); err != nil {
		return err
	}
	return answer(w, done{Success: true})
}

func (s *Site) forget(r *http.Request, email string) error {
	return s.mailing(r, func() error {
		return s.auth.ForgotPassword(r.Context(), on(r).client, email, s.pages.locales.reader(r).Lang)
	})
}

// resetPassword sets a new password by the code of a mailed link. The person
// then signs in.
func (s *Site) resetPassword(w http.ResponseWriter, r *http.Request) error {
	var code, password string
	if err := readJSON(r, member{name: "code", text: &code}, member{name: "password", text: &password}); err != nil {
		return err
	}
	err := s.auth.ResetPassword(r.Context(), on(r).client, code, password)
	s.mailed(r, err)
	if err != nil {
		return err
	}
	return answer(w, done{Success: true})
}

// setPassword sets or changes the user's password. This session goes on under a
// new token, all others end.
func (s *Site) setPassword(w http.ResponseWriter, r *http.Request) error {
	var password string
	if err := readJSON(r, member{name: "password", text: &password}); err != nil {
		return err
	}
	ex := on(r)
	a, err := s.auth.SetPassword(r.Context(), ex.client, *ex.current, password)
	if err != nil {
		return err
	}
	return answer(w, s.handOver(w, r, a))
}

// removePassword removes the user's password.
func (s *Site) removePassword(w http.ResponseWriter, r *http.Request) error {
	ex := on(r)
	if err := s.auth.RemovePassword(r.Context(), ex.client, *ex.current); err != nil {
		return err
	}
	return answer(w, done{Success: true})
}
