package web

import (
	"net/http"
	"strings"

	"github.com/mapae/mapae"
)

// signInData is what the pages "sign-in", "sign-up" and "sign-up-proven" show.
type signInData struct {
	Email, Name string // as typed before
	Next        string // where to go afterwards: a path on this origin, or empty
	Notice      string // a sentence about what happened before
	Alert       string // a sentence about why it was not done
	Password    bool   // passwords are offered
	Passkey     bool   // passkeys are offered
	EmailCode   bool   // codes are mailed to sign in with
	Resets      bool   // a forgotten password can be reset by mail
	Mail        bool   // an address is proven before its account is made
	Ticket      string // of a proven address
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
		return s.stepUpPage(w, r, cur)
	}
	switch query.Get("did") {
	case "signed-out":
		data.Notice = s.text(r, "signin.notice.signed_out")
	case "deleted":
		data.Notice = s.text(r, "signin.notice.deleted")
	case "recovered":
		data.Notice = s.text(r, "signin.notice.recovered")
	}
	s.renderSignIn(w, r, http.StatusOK, data)
	return nil
}

func (s *Site) renderSignIn(w http.ResponseWriter, r *http.Request, status int, data signInData) {
	data.Password, data.EmailCode, data.Resets = s.offers(mapae.MethodPassword), s.offers(mapae.MethodEmailCode), s.resets()
	s.pages.render(w, r, status, "sign-in", data)
}

// signInForm takes an e-mail address and a password: the person goes on, or is
// asked for the second step that is due.
func (s *Site) signInForm(w http.ResponseWriter, r *http.Request) error {
	data, err := s.readSignIn(r)
	if err != nil {
		return err
	}
	step, err := s.auth.SignInPassword(r.Context(), s.bind(w, r), data.Email, r.PostForm.Get("password"))
	switch {
	case err != nil:
		return err
	case step.Second != nil:
		return s.renderSecond(w, r, http.StatusOK, proofData{Ticket: step.Second.Ticket, Next: data.Next, ways: step.Second.Methods})
	}
	return s.welcome(w, r, step.Admitted, data.Next)
}

// readSignIn reads the form of the sign-in page.
func (s *Site) readSignIn(r *http.Request) (signInData, error) {
	if err := readForm(r); err != nil {
		return signInData{}, err
	}
	data := signInData{Email: strings.TrimSpace(r.PostForm.Get("username")), Next: localPath(r.PostForm.Get("next"))}
	s.orElse(r, "signin.wrong", func(w http.ResponseWriter, status int, alert string) {
		data.Alert = alert
		s.renderSignIn(w, r, status, data)
	})
	return data, nil
}

// goOn sends who is signed in to next, or to the account page.
func (s *Site) goOn(w http.ResponseWriter, r *http.Request, next string) error {
	if next == "" {
		return s.seeOther(w, r, "/account")
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}
