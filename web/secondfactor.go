package web

import (
	"net/http"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// secondStepError answers a good first step that is not enough: 401
// second_factor_required with what to go on with.
type secondStepError struct{ step *mapae.SecondFactorStep }

func (e *secondStepError) Error() string { return e.Unwrap().Error() }

// Unwrap gives the code.
func (e *secondStepError) Unwrap() error {
	return &mapae.Error{Code: mapae.CodeSecondFactorRequired}
}

// secondStepJSON are the members of that problem beside those of every other:
// with the request options a client has a passkey's challenge at once.
type secondStepJSON struct {
	Methods []mapae.MethodName `json:"methods"` // the strongest first
	Ticket  string             `json:"ticket"`
	Options *publicKeyRequest  `json:"request_options,omitempty"` // where the user has a passkey
}

type publicKeyRequest struct {
	PublicKey *webauthn.RequestOptions `json:"publicKey"`
}

func (e *secondStepError) show() *secondStepJSON {
	out := &secondStepJSON{Methods: e.step.Methods, Ticket: e.step.Ticket}
	if e.step.Options != nil {
		out.Options = &publicKeyRequest{e.step.Options}
	}
	return out
}

// goOnWith answers a first step: the session, or what is missing.
func (s *Site) goOnWith(w http.ResponseWriter, r *http.Request, step mapae.SignInStep, err error) error {
	switch {
	case err != nil:
		return err
	case step.Second != nil:
		return &secondStepError{step.Second}
	}
	return answer(w, s.handOver(w, r, step.Admitted))
}
