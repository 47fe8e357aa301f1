package web

import (
	"net/http"
	"strings"

	"github.com/mapae/mapae"
)

// resetData is what the page "reset" shows: one step of a reset.
type resetData struct {
	Step  string // start: whose password; sent: a link may be on its way; new: the password
	Email string // as typed before
	Code  string // of the mailed link
	Alert string
}

// resetPage asks whose password is to be reset, or, by the link of a mail, for
// the new one. It changes nothing, and does not look whether the code is good:
// scanners of mail open every link.
func (s *Site) resetPage(w http.ResponseWriter, r *http.Request) error {
	if !s.resets() {
		return errNoRoute
	}
	data := resetData{Step: "start", Code: r.URL.Query().Get("code")}
	if data.Code != "" {
		data.Step = "new"
	}
	s.pages.render(w, r, http.StatusOK, "reset", data)
	return nil
}

// resets reports whether a forgotten password can be reset by mail.
func (s *Site) resets() bool { return s.offers(mapae.MethodPassword) && s.provesAddresses() }

// resetForm mails a link, or sets the new password by its code.
func (s *Site) resetForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	data := resetData{Step: "start", Email: strings.TrimSpace(r.PostForm.Get("username")), Code: r.PostForm.Get("code")}
	if data.Code != "" {
		return s.resetNew(w, r, data)
	}
	s.orElse(r, "", func(w http.ResponseWriter, status int, alert string) {
		data.Alert = alert
		s.pages.render(w, r, status, "reset", data)
	})
	if err := s.forget(r, data.Email); err != nil {
		return err
	}
	data.Step = "sent"
	s.pages.render(w, r, http.StatusOK, "reset", data)
	return nil
}

func (s *Site) resetNew(w http.ResponseWriter, r *http.Request, data resetData) error {
	on(r).again = func(w http.ResponseWriter, p problem) {
		data.Step, data.Alert = "new", s.formAlert(r, p, "")
		if p.Code == mapae.CodeCeremonyInvalid {
			data = resetData{Step: "start", Alert: s.text(r, "reset.over")}
		}
		s.pages.render(w, r, p.Status, "reset", data)
	}
	err := s.auth.ResetPassword(r.Context(), on(r).client, data.Code, r.PostForm.Get("password"))
	s.mailed(r, err)
	if err != nil {
		return err
	}
	return s.seeOther(w, r, "/sign-in?did=recovered")
}
