package web

import "net/http"

// totpJSON is what a person puts into an authenticator app. The ticket comes
// back with the first code.
type totpJSON struct {
	Success bool   `json:"success"`
	Ticket  string `json:"ticket"`
	Secret  string `json:"secret"` // base32, to be typed
	URI     string `json:"uri"`    // otpauth://, for apps on the same device
	QR      string `json:"qr"`     // the URI as a picture: an SVG in a data URI
}

// addTOTP makes the key of an authenticator app. Nothing is stored before
// confirmTOTP.
func (s *Site) addTOTP(w http.ResponseWriter, r *http.Request) error {
	if err := readJSON(r); err != nil {
		return err
	}
	ex := on(r)
	setup, err := s.auth.BeginTOTP(r.Context(), ex.client, *ex.current)
	if err != nil {
		return err
	}
	picture, err := qrCode(setup.URI)
	if err != nil {
		return err
	}
	return answer(w, totpJSON{true, setup.Ticket, setup.Secret, setup.URI, picture.dataURI()})
}

// confirmTOTP stores the key of addTOTP's ticket once the app has shown a code
// for it.
func (s *Site) confirmTOTP(w http.ResponseWriter, r *http.Request) error {
	var code string
	if err := readJSON(r, member{name: "code", text: &code}); err != nil {
		return err
	}
	ex := on(r)
	codes, err := s.auth.FinishTOTP(r.Context(), ex.client, *ex.current, ex.ticket, code)
	if err != nil {
		return err
	}
	return answer(w, codesAnswer{true, codes})
}

// removeTOTP removes the user's authenticator app.
func (s *Site) removeTOTP(w http.ResponseWriter, r *http.Request) error {
	ex := on(r)
	if err := s.auth.RemoveTOTP(r.Context(), ex.client, *ex.current); err != nil {
		return err
	}
	return answer(w, done{Success: true})
}
