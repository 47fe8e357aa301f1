package web

import (
	"net/http"
	"strings"

	"github.com/mapae/mapae"
)

// mailCodeData is what the page "email-code" shows: whom to mail a code or,
// once there is a ticket, where to type it.
type mailCodeData struct {
	Title, Why, Sent string // keys of its sentences: without and with a ticket

	Own     bool   // the address is that of who is signed in
	Action  string // where the code goes
	Restart string // where another code is asked for
	Ticket  string
	Email   string
	Name    string // of a sign-up
	Next    string // where to go afterwards: a path on this origin, or empty
	Alert   string
}

// renderMailCode draws the page. A ticket that is over asks for another code.
func (s *Site) renderMailCode(w http.ResponseWriter, r *http.Request, status int, data mailCodeData) {
	s.pages.render(w, r, status, "email-code", data)
}

// orAnotherCode draws the page again where the code was not good, and without
// its ticket where that is over.
func (s *Site) orAnotherCode(r *http.Request, data mailCodeData, over func(w http.ResponseWriter, status int, alert string)) {
	s.orElse(r, "mailcode.wrong", func(w http.ResponseWriter, status int, alert string) {
		if status == http.StatusBadRequest {
			over(w, status, alert)
			return
		}
		data.Alert = alert
		s.renderMailCode(w, r, status, data)
	})
}

// emailCodePage asks whom to mail a code to.
func (s *Site) emailCodePage(w http.ResponseWriter, r *http.Request) error {
	if !s.offers(mapae.MethodEmailCode) {
		return errNoRoute
	}
	s.renderMailCode(w, r, http.StatusOK, s.signInByCode("", "", localPath(r.URL.Query().Get("next"))))
	return nil
}

func (s *Site) signInByCode(email, ticket, next string) mailCodeData {
	return mailCodeData{Title: "mailcode.signin.title", Why: "mailcode.signin.why", Sent: "mailcode.signin.sent",
		Action: "/email-code", Restart: "/email-code", Email: email, Ticket: ticket, Next: next}
}

// emailCodeForm mails a code to who typed an address; with a ticket it takes the
// code: the person goes on, or is asked for the second step that is due.
func (s *Site) emailCodeForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	form := r.PostForm
	data := s.signInByCode(strings.TrimSpace(form.Get("username")), form.Get("ticket"), localPath(form.Get("next")))
	again := func(w http.ResponseWriter, status int, alert string) {
		data.Ticket, data.Alert = "", alert
		s.renderMailCode(w, r, status, data)
	}
	if data.Ticket != "" {
		s.orAnotherCode(r, data, again)
		return s.finishEmailCode(w, r, data)
	}
	s.orElse(r, "", again)
	return s.mailing(r, func() (err error) {
		data.Ticket, err = s.auth.BeginEmailCode(r.Context(), s.bind(w, r), data.Email, s.pages.locales.reader(r).Lang)
		if err == nil {
			s.renderMailCode(w, r, http.StatusOK, data)
		}
		return err
	})
}

func (s *Site) finishEmailCode(w http.ResponseWriter, r *http.Request, data mailCodeData) error {
	step, err := s.auth.FinishEmailCode(r.Context(), on(r).client, data.Ticket, r.PostForm.Get("code"))
	if err != nil {
		return err
	}
	s.mailed(r, nil)
	if step.Second != nil {
		return s.renderSecond(w, r, http.StatusOK, proofData{Ticket: step.Second.Ticket, Next: data.Next, ways: step.Second.Methods})
	}
	return s.welcome(w, r, step.Admitted, data.Next)
}

// stepUpEmailCodeForm mails a code to who is signed in, and takes it.
func (s *Site) stepUpEmailCodeForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	ticket := r.PostForm.Get("mail_ticket")
	if ticket == "" {
		return s.mailing(r, func() error { return s.stepUpMail(w, r) })
	}
	return s.stepUpForm(w, r, mapae.MethodEmailCode, func(c mapae.Client, cur mapae.Current, action mapae.Action) (mapae.Admitted, error) {
		a, err := s.auth.ReauthEmailCode(r.Context(), c, cur, ticket, r.PostForm.Get("code"), action)
		s.mailed(r, err)
		return a, err
	})
}

func (s *Site) stepUpMail(w http.ResponseWriter, r *http.Request) error {
	cur := *on(r).current
	data, err := s.stepUpData(r, cur, r.PostForm)
	if err != nil {
		return err
	}
	data.MailTicket, err = s.auth.BeginReauthEmailCode(r.Context(), on(r).client, cur, s.pages.locales.reader(r).Lang)
	if err == nil {
		s.pages.render(w, r, http.StatusOK, "confirm", data.begin(mapae.MethodEmailCode))
	}
	return err
}
