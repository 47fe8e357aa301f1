package web

import (
	"net/http"
	"strings"

	"github.com/mapae/mapae"
)

// changeEmailData is what the page "change-email" shows.
type changeEmailData struct {
	Ticket string // of the step-up; empty: it is over, and another is needed
	Email  string // as typed before
	Alert  string // a sentence about why it was not done
	Now    string // the address until then; empty: there is none
	Mail   bool   // a code goes to the new address
}

func (s *Site) renderChangeEmail(w http.ResponseWriter, r *http.Request, status int, data changeEmailData) error {
	data.Now, data.Mail = on(r).current.User.Email, s.provesAddresses()
	s.pages.render(w, r, status, "change-email", data)
	return nil
}

// changeEmailForm takes the new address by the ticket of a step-up for that:
// where there is mail it asks for the code that went there. Without an address
// it draws the page, for a ticket that a script got.
func (s *Site) changeEmailForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	data := changeEmailData{Ticket: r.PostForm.Get("ticket"), Email: strings.TrimSpace(r.PostForm.Get("username"))}
	switch {
	case data.Ticket == "":
		return s.actionPage(mapae.ActionChangeEmail)(w, r)
	case !r.PostForm.Has("username"):
		return s.renderChangeEmail(w, r, http.StatusOK, data)
	}
	s.orChangeAgain(r, data)
	ticket, err := s.askForEmail(r, data.Ticket, data.Email)
	switch {
	case err != nil:
		return err
	case ticket == "":
		return s.seeOther(w, r, "/account?did=email_changed")
	}
	s.renderMailCode(w, r, http.StatusOK, changeByCode(data.Email, ticket))
	return nil
}

// orChangeAgain draws the page again, with what was typed where its ticket is
// still good.
func (s *Site) orChangeAgain(r *http.Request, data changeEmailData) {
	on(r).again = func(w http.ResponseWriter, p problem) {
		switch p.Code {
		case mapae.CodeCeremonyInvalid:
			data = changeEmailData{Alert: p.Detail}
		case mapae.CodeLoginTaken:
			on(r).fault = fault{"email", s.text(r, "email.taken")}
		default:
			data.Alert = s.formAlert(r, p, "")
		}
		_ = s.renderChangeEmail(w, r, p.Status, data)
	}
}

func changeByCode(email, ticket string) mailCodeData {
	return mailCodeData{Title: "email.title", Sent: "mailcode.signup.sent", Own: true,
		Action: "/account/email/code", Restart: "/account/email", Email: email, Ticket: ticket}
}

// confirmEmailForm takes the code that was mailed to the new address.
func (s *Site) confirmEmailForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	ex, data := on(r), changeByCode(strings.TrimSpace(r.PostForm.Get("username")), r.PostForm.Get("ticket"))
	ex.again = func(w http.ResponseWriter, p problem) {
		switch p.Code {
		case mapae.CodeCeremonyInvalid:
			_ = s.renderChangeEmail(w, r, p.Status, changeEmailData{Alert: p.Detail})
		case mapae.CodeLoginTaken:
			_ = s.renderChangeEmail(w, r, p.Status, changeEmailData{Alert: s.text(r, "email.taken")})
		default:
			data.Alert = s.formAlert(r, p, "mailcode.wrong")
			s.renderMailCode(w, r, p.Status, data)
		}
	}
	a, err := s.auth.FinishChangeEmail(r.Context(), ex.client, *ex.current, data.Ticket, r.PostForm.Get("code"))
	s.mailed(r, err)
	if err != nil {
		return err
	}
	s.handOver(w, r, a)
	return s.seeOther(w, r, "/account?did=email_changed")
}
