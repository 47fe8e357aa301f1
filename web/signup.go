package web

import (
	"net/http"

	"github.com/mapae/mapae"
)

// signUpMembers are what every sign-up is asked for.
func signUpMembers(req *mapae.SignUpRequest) []member {
	return []member{{name: "email", text: &req.Login}, {name: "name", text: &req.Name}, {name: "invitation", text: &req.Invitation, optional: true}}
}

// signUpOptions answers a ticket and the creation options of a new account's
// first passkey.
func (s *Site) signUpOptions(w http.ResponseWriter, r *http.Request) error {
	req := mapae.SignUpRequest{Locale: s.pages.locales.reader(r).Lang}
	if err := readJSON(r, signUpMembers(&req)...); err != nil {
		return err
	}
	step, err := s.auth.BeginSignUp(r.Context(), s.bind(w, r), req)
	if err != nil {
		return err
	}
	return answerCreation(w, step.Ticket, step.Options)
}

// signUp finishes a sign-up: account, passkey and session.
func (s *Site) signUp(w http.ResponseWriter, r *http.Request) error {
	var credential []byte
	if err := readJSON(r, member{name: "credential", object: &credential}); err != nil {
		return err
	}
	a, err := s.auth.FinishSignUp(r.Context(), on(r).client, on(r).ticket, credential)
	if err != nil {
		return err
	}
	return answer(w, s.handOver(w, r, a))
}
