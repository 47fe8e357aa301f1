package web

import "net/http"

// verifyPage offers who is signed in a code that proves the address.
func (s *Site) verifyPage(w http.ResponseWriter, r *http.Request) error {
	if !s.provesAddresses() {
		return errNoRoute
	}
	if on(r).current.User.EmailKey != "" {
		return s.seeOther(w, r, "/account")
	}
	s.renderMailCode(w, r, http.StatusOK, s.verifyByCode(r, ""))
	return nil
}

func (s *Site) verifyByCode(r *http.Request, ticket string) mailCodeData {
	return mailCodeData{Title: "mailcode.verify.title", Why: "mailcode.verify.why", Sent: "mailcode.verify.sent", Own: true,
		Action: "/verify-email", Restart: "/verify-email", Email: on(r).current.User.Email, Ticket: ticket}
}

// verifyForm mails the code; with a ticket it takes it.
func (s *Site) verifyForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	ex, data := on(r), s.verifyByCode(r, r.PostForm.Get("ticket"))
	if data.Ticket == "" {
		return s.mailing(r, func() (err error) {
			data.Ticket, err = s.auth.BeginVerifyEmail(r.Context(), ex.client, *ex.current, s.pages.locales.reader(r).Lang)
			if err == nil {
				s.renderMailCode(w, r, http.StatusOK, data)
			}
			return err
		})
	}
	s.orAnotherCode(r, data, func(w http.ResponseWriter, status int, alert string) {
		data.Ticket, data.Alert = "", alert
		s.renderMailCode(w, r, status, data)
	})
	_, err := s.auth.FinishVerifyEmail(r.Context(), ex.client, *ex.current, data.Ticket, r.PostForm.Get("code"))
	s.mailed(r, err)
	if err != nil {
		return err
	}
	return s.seeOther(w, r, "/account?did=verified")
}
