package web

import (
	"net/http"
	"strings"

	"github.com/mapae/mapae"
)

// signInData is what the pages "sign-in" and "sign-up" show.
type signInData struct {
	Email, Name string // as typed before
	Next        string // where to go afterwards: a path on this origin, or empty
	Notice      string // a sentence about what happened before
	Alert       string // a sentence about why it was not done
	Password    bool   // passwords are offered
}

// homePage sends people to where they can go on.
func (s *Site) homePage(w http.ResponseWriter, r *http.Request) error {
	if _, ok := s.current(r); ok {
		return s.seeOther(w, r, "/account")
	}
	return s.seeOther(w, r, "/sign-in")
}

// signInPage draws the sign-in page. Who is signed in goes on at once, unless
// what they want asks for a fresh proof.
func (s *Site) signInPage(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	data := signInData{Next: localPath(query.Get("next"))}
	if cur, ok := s.current(r); ok {
		if query.Get("step_up") == "" {
			return s.goOn(w, r, data.Next)
		}
		proof, err := s.stepUpData(r, cur, data.Next)
		if err == nil {
			s.pages.render(w, r, http.StatusOK, "confirm", proof)
		}
		return err
	}
	switch query.Get("did") {
	case "signed-out":
		data.Notice = s.text(r, "signin.notice.signed_out")
	case "recovered":
		data.Notice = s.text(r, "signin.notice.recovered")
	}
	s.renderSignIn(w, r, http.StatusOK, data)
	return nil
}

func (s *Site) renderSignIn(w http.ResponseWriter, r *http.Request, status int, data signInData) {
	data.Password = s.offers(mapae.MethodPassword)
	s.pages.render(w, r, status, "sign-in", data)
}

// signInForm takes an e-mail address and a password: the person goes on, or is
// asked for the second step that is due.
func (s *Site) signInForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	data := signInData{Email: strings.TrimSpace(r.PostForm.Get("username")), Next: localPath(r.PostForm.Get("next"))}
	s.orElse(r, "signin.wrong", func(w http.ResponseWriter, status int, alert string) {
		data.Alert = alert
		s.renderSignIn(w, r, status, data)
	})
	step, err := s.auth.SignInPassword(r.Context(), s.bind(w, r), data.Email, r.PostForm.Get("password"))
	switch {
	case err != nil:
		return err
	case step.Second != nil:
		return s.renderSecond(w, r, http.StatusOK, proofData{Ticket: step.Second.Ticket, Next: data.Next, ways: step.Second.Methods})
	}
	return s.welcome(w, r, step.Admitted, data.Next)
}

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
	data.Password = s.offers(mapae.MethodPassword)
	s.pages.render(w, r, status, "sign-up", data)
}

// signUpForm makes an account with a password.
func (s *Site) signUpForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	form := r.PostForm
	data := signInData{Email: strings.TrimSpace(form.Get("username")), Name: strings.TrimSpace(form.Get("name")), Next: localPath(form.Get("next"))}
	s.orElse(r, "", func(w http.ResponseWriter, status int, alert string) {
		data.Alert = alert
		s.renderSignUp(w, r, status, data)
	})
	req := mapae.SignUpRequest{Login: data.Email, Name: data.Name, Locale: s.pages.locales.reader(r).Lang}
	a, err := s.auth.SignUpPassword(r.Context(), on(r).client, req, form.Get("password"))
	if err != nil {
		return err
	}
	s.handOver(w, r, a)
	return s.goOn(w, r, or(data.Next, s.url("/account?did=signed_up")))
}

// goOn sends who is signed in to next, or to the account page.
func (s *Site) goOn(w http.ResponseWriter, r *http.Request, next string) error {
	if next == "" {
		return s.seeOther(w, r, "/account")
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}
