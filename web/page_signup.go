package web

import (
	"net/http"
	"strings"

	"github.com/mapae/mapae"
)

// signUpPage draws the sign-up page.
func (s *Site) signUpPage(w http.ResponseWriter, r *http.Request) error {
	data := signInData{Next: localPath(r.URL.Query().Get("next"))}
	if _, ok := s.current(r); ok {
		return s.goOn(w, r, data.Next)
	}
	s.renderSignUp(w, r, http.StatusOK, data)
	return nil
}

func (s *Site) renderSignUp(w http.ResponseWriter, r *http.Request, status int, data signInData) {
	data.Password, data.Mail = s.offers(mapae.MethodPassword), s.provesAddresses()
	s.pages.render(w, r, status, "sign-up", data)
}

// signUpFormCounts is what a sign-up by form counts as: where addresses are
// proven it only begins one.
func (s *Site) signUpFormCounts() count {
	if s.provesAddresses() {
		return begins
	}
	return signUps
}

// signUpForm makes an account with a password; where addresses are proven, it
// mails a code and asks for it.
func (s *Site) signUpForm(w http.ResponseWriter, r *http.Request) error {
	data, err := s.readSignUp(r)
	if err != nil {
		return err
	}
	req := mapae.SignUpRequest{Login: data.Email, Name: data.Name, Locale: s.pages.locales.reader(r).Lang}
	if s.provesAddresses() {
		step, err := s.beginSignUp(w, r, req)
		if err == nil {
			s.renderMailCode(w, r, http.StatusOK, signUpByCode(data, step.Ticket))
		}
		return err
	}
	a, err := s.auth.SignUpPassword(r.Context(), on(r).client, req, r.PostForm.Get("password"))
	if err != nil {
		return err
	}
	s.handOver(w, r, a)
	return s.goOn(w, r, or(data.Next, s.url("/account?did=signed_up")))
}

// readSignUp reads the form of the sign-up page.
func (s *Site) readSignUp(r *http.Request) (signInData, error) {
	if err := readForm(r); err != nil {
		return signInData{}, err
	}
	form := r.PostForm
	data := signInData{Email: strings.TrimSpace(form.Get("username")), Name: strings.TrimSpace(form.Get("name")), Next: localPath(form.Get("next"))}
	s.orElse(r, "", func(w http.ResponseWriter, status int, alert string) {
		data.Alert = alert
		s.renderSignUp(w, r, status, data)
	})
	return data, nil
}

func signUpByCode(d signInData, ticket string) mailCodeData {
	return mailCodeData{Title: "mailcode.signup.title", Sent: "mailcode.signup.sent",
		Action: "/sign-up/code", Restart: "/sign-up", Ticket: ticket, Email: d.Email, Name: d.Name, Next: d.Next}
}

// signUpCodeForm takes the mailed code, and asks for the passkey or password of
// the account.
func (s *Site) signUpCodeForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	form := r.PostForm
	data := signInData{Email: form.Get("username"), Name: form.Get("name"), Next: localPath(form.Get("next"))}
	s.orAnotherCode(r, signUpByCode(data, form.Get("ticket")), func(w http.ResponseWriter, status int, alert string) {
		data.Alert = alert
		s.renderSignUp(w, r, status, data)
	})
	step, err := s.auth.ProveSignUp(r.Context(), s.bind(w, r), form.Get("ticket"), form.Get("code"))
	s.mailed(r, err)
	if err != nil {
		return err
	}
	data.Ticket = step.Ticket
	s.renderProven(w, r, http.StatusOK, data)
	return nil
}

// renderProven draws the page on which a sign-up whose address is proven ends.
func (s *Site) renderProven(w http.ResponseWriter, r *http.Request, status int, data signInData) {
	data.Password, data.Passkey = s.offers(mapae.MethodPassword), s.offers(mapae.MethodPasskey)
	s.pages.render(w, r, status, "sign-up-proven", data)
}

// signUpProvenForm makes the account with a password.
func (s *Site) signUpProvenForm(w http.ResponseWriter, r *http.Request) error {
	data, err := s.readProven(r)
	if err != nil {
		return err
	}
	a, err := s.auth.FinishSignUpPassword(r.Context(), on(r).client, data.Ticket, r.PostForm.Get("password"))
	if err != nil {
		return err
	}
	s.handOver(w, r, a)
	return s.goOn(w, r, or(data.Next, s.url("/account?did=signed_up")))
}

// readProven reads the form of the page on which a sign-up ends.
func (s *Site) readProven(r *http.Request) (signInData, error) {
	if err := readForm(r); err != nil {
		return signInData{}, err
	}
	form := r.PostForm
	data := signInData{Email: form.Get("username"), Ticket: form.Get("ticket"), Next: localPath(form.Get("next"))}
	on(r).again = func(w http.ResponseWriter, p problem) {
		data.Alert = s.formAlert(r, p, "")
		if p.Code != mapae.CodeBadRequest && p.Code != mapae.CodeRateLimited { // over, or somebody was faster
			s.renderSignUp(w, r, p.Status, data)
			return
		}
		s.renderProven(w, r, p.Status, data)
	}
	return data, nil
}
