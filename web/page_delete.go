package web

import (
	"net/http"

	"github.com/mapae/mapae"
)

// deleteData is what the page "delete" shows.
type deleteData struct {
	Ticket string // of the step-up; empty: it is over, and another is needed
	Alert  string // a sentence about why it was not done
	Login  string // of the account
}

func (s *Site) renderDelete(w http.ResponseWriter, r *http.Request, status int, data deleteData) error {
	data.Login = on(r).current.User.Login
	s.pages.render(w, r, status, "delete", data)
	return nil
}

// deleteForm removes the account of who is sure of it, by the ticket of a
// step-up for that. Who was not asked yet, as after a script's step-up, is.
func (s *Site) deleteForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	ex, ticket := on(r), r.PostForm.Get("ticket")
	switch {
	case ticket == "":
		return s.actionPage(mapae.ActionDeleteAccount)(w, r)
	case r.PostForm.Get("sure") == "":
		return s.renderDelete(w, r, http.StatusOK, deleteData{Ticket: ticket})
	}
	s.orElse(r, "", func(w http.ResponseWriter, status int, alert string) {
		_ = s.renderDelete(w, r, status, deleteData{Alert: alert})
	})
	if err := s.auth.DeleteAccount(r.Context(), ex.client, *ex.current, ticket); err != nil {
		return err
	}
	s.dropSession(w, r)
	return s.seeOther(w, r, "/sign-in?did=deleted")
}
