package web

import (
	"net/http"

	"github.com/mapae/mapae"
)

// Each step-up may name the action that it is for: then its answer carries the
// ticket that allows that action once.

// readReauth reads members and the action that the step-up is for.
func readReauth(r *http.Request, members ...member) (mapae.Action, error) {
	var action string
	if err := readJSON(r, append(members, member{name: "action", text: &action, optional: true})...); err != nil {
		return mapae.ActionNone, err
	}
	return mapae.ParseAction(action)
}

// reauthOptions answers request options for a step-up by one of the user's own
// passkeys.
func (s *Site) reauthOptions(w http.ResponseWriter, r *http.Request) error {
	action, err := readReauth(r)
	if err != nil {
		return err
	}
	ex := on(r)
	o, err := s.auth.BeginReauth(r.Context(), ex.client, *ex.current, action)
	if err != nil {
		return err
	}
	return answerRequest(w, o)
}

// reauth finishes a step-up by a passkey: the session goes on under a new token.
func (s *Site) reauth(w http.ResponseWriter, r *http.Request) error {
	var credential []byte
	action, err := readReauth(r, member{name: "credential", object: &credential})
	if err != nil {
		return err
	}
	ex := on(r)
	a, err := s.auth.FinishReauth(r.Context(), ex.client, *ex.current, credential, action)
	if err != nil {
		return naming(credential, err)
	}
	return answer(w, s.handOver(w, r, a))
}

// reauthPassword is a step-up by the user's password.
func (s *Site) reauthPassword(w http.ResponseWriter, r *http.Request) error {
	var password string
	action, err := readReauth(r, member{name: "password", text: &password})
	if err != nil {
		return err
	}
	ex := on(r)
	a, err := s.auth.ReauthPassword(r.Context(), ex.client, *ex.current, password, action)
	if err != nil {
		return err
	}
	return answer(w, s.handOver(w, r, a))
}

// reauthTOTP is a step-up by the user's authenticator app.
func (s *Site) reauthTOTP(w http.ResponseWriter, r *http.Request) error {
	return s.reauthCode(w, r, mapae.MethodTOTP)
}

// reauthRecoveryCode is a step-up by a recovery code.
func (s *Site) reauthRecoveryCode(w http.ResponseWriter, r *http.Request) error {
	return s.reauthCode(w, r, mapae.MethodRecoveryCode)
}

func (s *Site) reauthCode(w http.ResponseWriter, r *http.Request, method mapae.MethodName) error {
	var code string
	action, err := readReauth(r, member{name: "code", text: &code})
	if err != nil {
		return err
	}
	ex := on(r)
	a, err := s.auth.ReauthCode(r.Context(), ex.client, *ex.current, method, code, action)
	if err != nil {
		return err
	}
	return answer(w, s.handOver(w, r, a))
}
