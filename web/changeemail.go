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
	ticket, err := s.askForEmail(r, on(r).ticket, email)
	switch {
	case err != nil:
		return err
	case ticket == "":
		return s.answerAccount(w, r, s.signalDetails(on(r).current.User))
	}
	return answer(w, ticketAnswer{true, ticket})
}

// askForEmail asks for another address by the ticket of a step-up, and returns
// the ticket that takes the mailed code; empty: the change is made.
func (s *Site) askForEmail(r *http.Request, stepUp, email string) (ticket string, err error) {
	ex := on(r)
	ask := func() error {
		step, err := s.auth.BeginChangeEmail(r.Context(), ex.client, *ex.current, stepUp, email, s.pages.locales.reader(r).Lang)
		if err != nil {
			return err
		}
		ticket, ex.current.User = step.Ticket, step.User
		return nil
	}
	if s.provesAddresses() {
		err = s.mailing(r, ask)
	} else {
		err = ask()
	}
	return ticket, err
}

// confirmEmail takes the code that was mailed to the new address. The session
// goes on under a new token, and all others end.
func (s *Site) confirmEmail(w http.ResponseWriter, r *http.Request) error {
	var code string
	if err := readJSON(r, member{name: "code", text: &code}); err != nil {
		return err
	}
	ex := on(r)
	a, err := s.auth.FinishChangeEmail(r.Context(), ex.client, *ex.current, ex.ticket, code)
	s.mailed(r, err)
	if err != nil {
		return err
	}
	out := s.handOver(w, r, a)
	out.Signals = s.signalDetails(a.User)
	return answer(w, out)
}
