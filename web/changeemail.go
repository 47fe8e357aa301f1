package web

import "net/http"

// changeEmail begins a change of the user's address, by the ticket of a step-up
// for change_email: a code goes to the new one, and the answer is the ticket
// that takes it. Where there is no mail the change is made, and the answer is
// account's.
func (s *Site) changeEmail(w http.ResponseWriter, r *http.Request) error {
	var email string
	if err := readJSON(r, member{name: "email", text: &email}); err != nil {
		return err
	}
	ex := on(r)
	step, err := s.auth.BeginChangeEmail(r.Context(), ex.client, *ex.current, ex.ticket, email, s.pages.locales.reader(r).Lang)
	switch {
	case err != nil:
		return err
	case step.Ticket == "":
		ex.current.User = step.User
		return s.answerAccount(w, r, s.signalDetails(step.User))
	}
	return answer(w, struct {
		Success bool   `json:"success"`
		Ticket  string `json:"ticket"`
	}{true, step.Ticket})
}
