package web

import "net/http"

// signInData is what the pages "sign-in" and "sign-up" show.
type signInData struct {
	Email, Name string // as typed before
	Next        string // where to go afterwards: a path on this origin, or empty
	Notice      string // a sentence about what happened before
	Confirming  string // login of who is signed in and must prove it again
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
		data.Confirming = cur.User.Login
	}
	if query.Get("did") == "signed-out" {
		data.Notice = s.text(r, "signin.notice.signed_out")
	}
	s.pages.render(w, r, http.StatusOK, "sign-in", data)
	return nil
}

// signUpPage draws the sign-up page.
func (s *Site) signUpPage(w http.ResponseWriter, r *http.Request) error {
	data := signInData{Next: localPath(r.URL.Query().Get("next"))}
	if _, ok := s.current(r); ok {
		return s.goOn(w, r, data.Next)
	}
	s.pages.render(w, r, http.StatusOK, "sign-up", data)
	return nil
}

// goOn sends who is signed in to next, or to the account page.
func (s *Site) goOn(w http.ResponseWriter, r *http.Request, next string) error {
	if next == "" {
		return s.seeOther(w, r, "/account")
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}
