package web

import (
	"context"
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
func (s *Site) goOnWith(w http.ResponseWriter, r *http.Request, step *mapae.SignInStep, err error) error {
	switch {
	case err != nil:
		return err
	case step.Second != nil:
		return &secondStepError{step.Second}
	}
	return answer(w, s.handOver(w, r, step.Admitted))
}

// verifyOptions answers request options with the user's own passkeys: with a
// ticket for the second step of a sign-in, in a session for a step-up.
func (s *Site) verifyOptions(w http.ResponseWriter, r *http.Request) error {
	ex := on(r)
	var o *webauthn.RequestOptions
	var err error
	if ex.current == nil {
		o, err = s.auth.BeginSecondFactor(r.Context(), s.bind(w, r), ex.ticket)
	} else {
		o, err = s.auth.BeginReauth(r.Context(), ex.client, *ex.current, mapae.ActionNone)
	}
	if err != nil {
		return err
	}
	return answerRequest(w, o)
}

// verify finishes what verifyOptions began.
func (s *Site) verify(w http.ResponseWriter, r *http.Request) error {
	var credential []byte
	if err := readJSON(r, member{name: "credential", object: &credential}); err != nil {
		return err
	}
	ex := on(r)
	var a mapae.Admitted
	var err error
	if ex.current == nil {
		a, err = s.auth.FinishSecondFactor(r.Context(), ex.client, ex.ticket, credential)
	} else {
		a, err = s.auth.FinishReauth(r.Context(), ex.client, *ex.current, credential, mapae.ActionNone)
	}
	if err != nil {
		return naming(credential, err)
	}
	return answer(w, s.handOver(w, r, a))
}

// verifyTOTP finishes the second step with a code of an authenticator app.
func (s *Site) verifyTOTP(w http.ResponseWriter, r *http.Request) error {
	return s.verifyCode(w, r, s.auth.SecondFactorTOTP)
}

// verifyRecoveryCode finishes the second step with a recovery code.
func (s *Site) verifyRecoveryCode(w http.ResponseWriter, r *http.Request) error {
	return s.verifyCode(w, r, s.auth.SecondFactorRecoveryCode)
}

func (s *Site) verifyCode(w http.ResponseWriter, r *http.Request, finish func(ctx context.Context, c mapae.Client, ticket, code string) (mapae.Admitted, error)) error {
	var code string
	if err := readJSON(r, member{name: "code", text: &code}); err != nil {
		return err
	}
	ex := on(r)
	a, err := finish(r.Context(), ex.client, ex.ticket, code)
	if err != nil {
		return err
	}
	return answer(w, s.handOver(w, r, a))
}
