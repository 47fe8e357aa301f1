package web

import (
	"html/template"
	"net/http"
	"slices"

	"github.com/mapae/mapae"
)

// methodData is what the pages of the account's methods show.
type methodData struct {
	Has   bool   // the account has one: it is changed, or removed
	Alert string // a sentence about why it was not done
	Email string // for password managers

	// Of the authenticator app's set-up.
	Ticket, Secret string
	Picture        qrPicture
	URI            template.URL

	Left, All int // recovery codes
	Codes     codesData
}

// Groups is the secret in groups of four, to be typed.
func (d methodData) Groups() []string {
	var groups []string
	for group := range slices.Chunk([]byte(d.Secret), 4) {
		groups = append(groups, string(group))
	}
	return groups
}

// codesData is what the template "codes" shows.
type codesData struct {
	Codes []string
	Next  string // where to go on; empty: the account page
}

// allCodes is how many recovery codes are made at once.
const allCodes = 10

// passwordPage asks for a new password.
func (s *Site) passwordPage(w http.ResponseWriter, r *http.Request) error {
	if !s.offers(mapae.MethodPassword) {
		return errNoRoute
	}
	return s.renderPassword(w, r, http.StatusOK, "")
}

func (s *Site) renderPassword(w http.ResponseWriter, r *http.Request, status int, alert string) error {
	a, err := s.auth.Account(r.Context(), *on(r).current)
	if err == nil {
		s.pages.render(w, r, status, "password", methodData{Has: a.Password, Alert: alert, Email: a.User.Login})
	}
	return err
}

// passwordForm sets or changes the password.
func (s *Site) passwordForm(w http.ResponseWriter, r *http.Request) error {
	ex := on(r)
	s.orElse(r, "", func(w http.ResponseWriter, status int, alert string) {
		if err := s.renderPassword(w, r, status, alert); err != nil {
			ex.again = nil
			s.fail(w, r, err)
		}
	})
	a, err := s.auth.SetPassword(r.Context(), ex.client, *ex.current, r.PostForm.Get("password"))
	if err != nil {
		return err
	}
	s.handOver(w, r, a)
	return s.seeOther(w, r, "/account?did=password_set")
}

// removePasswordForm removes the password.
func (s *Site) removePasswordForm(w http.ResponseWriter, r *http.Request) error {
	s.orAccount(r)
	if err := s.auth.RemovePassword(r.Context(), on(r).client, *on(r).current); err != nil {
		return err
	}
	return s.seeOther(w, r, "/account?did=password_removed")
}

// orAccount says on the account page why something was not removed.
func (s *Site) orAccount(r *http.Request) {
	ex := on(r)
	ex.again = func(w http.ResponseWriter, p problem) {
		alert := s.formAlert(r, p, "")
		if p.Code == mapae.CodeLastFactor {
			alert = s.text(r, "account.last.method")
		}
		if err := s.renderAccount(w, r, p.Status, accountData{Alert: alert}); err != nil {
			ex.again = nil
			s.fail(w, r, err)
		}
	}
}

// totpPage shows the key of a new authenticator app. Nothing is stored before
// its first code.
func (s *Site) totpPage(w http.ResponseWriter, r *http.Request) error {
	if !s.offers(mapae.MethodTOTP) {
		return errNoRoute
	}
	ex := on(r)
	a, err := s.auth.Account(r.Context(), *ex.current)
	if err != nil {
		return err
	}
	setup, err := s.auth.BeginTOTP(r.Context(), ex.client, *ex.current)
	if err != nil {
		return err
	}
	return s.renderTOTP(w, r, http.StatusOK, methodData{Has: a.TOTP, Ticket: setup.Ticket, Secret: setup.Secret, URI: template.URL(setup.URI)})
}

// renderTOTP draws the QR code of data's URI and the page.
func (s *Site) renderTOTP(w http.ResponseWriter, r *http.Request, status int, data methodData) error {
	var err error
	if data.Picture, err = qrCode(string(data.URI)); err != nil {
		return err
	}
	s.pages.render(w, r, status, "totp", data)
	return nil
}

// totpForm takes the first code of an authenticator app.
func (s *Site) totpForm(w http.ResponseWriter, r *http.Request) error {
	ex := on(r)
	ticket := r.PostForm.Get("ticket")
	s.orElse(r, "form.code.wrong", func(w http.ResponseWriter, status int, alert string) {
		s.pages.render(w, r, status, "totp", methodData{Ticket: ticket, Alert: alert})
	})
	codes, err := s.auth.FinishTOTP(r.Context(), ex.client, *ex.current, ticket, r.PostForm.Get("code"))
	if err != nil {
		return err
	}
	if len(codes) == 0 {
		return s.seeOther(w, r, "/account?did=totp_added")
	}
	s.pages.render(w, r, http.StatusOK, "codes", methodData{Codes: codesData{codes, s.url("/account?did=totp_added")}})
	return nil
}

// removeTOTPForm removes the authenticator app.
func (s *Site) removeTOTPForm(w http.ResponseWriter, r *http.Request) error {
	s.orAccount(r)
	if err := s.auth.RemoveTOTP(r.Context(), on(r).client, *on(r).current); err != nil {
		return err
	}
	return s.seeOther(w, r, "/account?did=totp_removed")
}

// codesPage tells how many recovery codes are left.
func (s *Site) codesPage(w http.ResponseWriter, r *http.Request) error {
	left, err := s.auth.RecoveryCodesLeft(r.Context(), *on(r).current)
	if err == nil {
		s.pages.render(w, r, http.StatusOK, "codes", methodData{Left: left, All: allCodes})
	}
	return err
}

// codesForm replaces the recovery codes and shows the new ones, this once.
func (s *Site) codesForm(w http.ResponseWriter, r *http.Request) error {
	codes, err := s.auth.NewRecoveryCodes(r.Context(), on(r).client, *on(r).current)
	if err != nil {
		return err
	}
	s.pages.render(w, r, http.StatusOK, "codes", methodData{Codes: codesData{Codes: codes}})
	return nil
}
