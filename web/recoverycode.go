package web

import "net/http"

// codesAnswer carries recovery codes, the only time that they are shown.
type codesAnswer struct {
	Success       bool     `json:"success"`
	RecoveryCodes []string `json:"recovery_codes,omitempty"` // absent: none were made
}

// recoveryCodesLeft answers how many of the user's recovery codes are unused.
// The codes themselves nobody can tell any more.
func (s *Site) recoveryCodesLeft(w http.ResponseWriter, r *http.Request) error {
	left, err := s.auth.RecoveryCodesLeft(r.Context(), *on(r).current)
	if err != nil {
		return err
	}
	return answer(w, struct {
		Success bool `json:"success"`
		Left    int  `json:"left"`
	}{true, left})
}

// newRecoveryCodes replaces the user's recovery codes.
func (s *Site) newRecoveryCodes(w http.ResponseWriter, r *http.Request) error {
	if err := readJSON(r); err != nil {
		return err
	}
	ex := on(r)
	codes, err := s.auth.NewRecoveryCodes(r.Context(), ex.client, *ex.current)
	if err != nil {
		return err
	}
	return answer(w, codesAnswer{true, codes})
}
