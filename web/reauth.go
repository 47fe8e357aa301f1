package web

import (
	"net/http"

	"github.com/mapae/mapae"
)

// reauthOptions answers request options for a step-up by one of the user's own
// passkeys.
func (s *Site) reauthOptions(w http.ResponseWriter, r *http.Request) error {
	if err := readJSON(r); err != nil {
		return err
	}
	ex := on(r)
	o, err := s.auth.BeginReauth(r.Context(), ex.client, *ex.current, mapae.ActionNone)
	if err != nil {
		return err
	}
	return answerRequest(w, o)
}

// reauth finishes a step-up: the session goes on under a new token.
func (s *Site) reauth(w http.ResponseWriter, r *http.Request) error {
	var credential []byte
	if err := readJSON(r, member{name: "credential", object: &credential}); err != nil {
		return err
	}
	ex := on(r)
	a, err := s.auth.FinishReauth(r.Context(), ex.client, *ex.current, credential, mapae.ActionNone)
	if err != nil {
		return err
	}
	return answer(w, s.handOver(w, r, a))
}
