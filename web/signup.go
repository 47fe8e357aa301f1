package web

import (
	"net/http"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// signUpMembers are what every sign-up is asked for.
func signUpMembers(req *mapae.SignUpRequest) []member {
	return []member{{name: "email", text: &req.Login}, {name: "name", text: &req.Name}, {name: "invitation", text: &req.Invitation, optional: true}}
}

// signUpAnswer is what a sign-up goes on with.
type signUpAnswer struct {
	Success      bool               `json:"success"`
	Ticket       string             `json:"ticket"`
	CodeRequired bool               `json:"email_code_required,omitempty"` // a code was mailed, and comes next
	Options      *publicKeyCreation `json:"creation_options,omitempty"`    // of the first passkey
}

type publicKeyCreation struct {
	PublicKey *webauthn.CreationOptions `json:"publicKey"`
}

func answerSignUp(w http.ResponseWriter, step mapae.SignUpStep) error {
	a := signUpAnswer{Success: true, Ticket: step.Ticket, CodeRequired: step.CodeRequired}
	if step.Options != nil {
		a.Options = &publicKeyCreation{step.Options}
	}
	return answer(w, a)
}

// signUpOptions begins a sign-up: a ticket, and the creation options of a new
// account's first passkey or, where addresses are proven, a code in the mail.
// With the ticket of a proven address it answers new options.
func (s *Site) signUpOptions(w http.ResponseWriter, r *http.Request) error {
	if carriesTicket(r) {
		return s.signUpOptionsAgain(w, r)
	}
	req := mapae.SignUpRequest{Locale: s.pages.locales.reader(r).Lang}
	if err := readJSON(r, signUpMembers(&req)...); err != nil {
		return err
	}
	step, err := s.beginSignUp(w, r, req)
	if err != nil {
		return err
	}
	return answerSignUp(w, step)
}

// beginSignUp begins a sign-up, within the limit of mails where one is sent.
func (s *Site) beginSignUp(w http.ResponseWriter, r *http.Request, req mapae.SignUpRequest) (step mapae.SignUpStep, err error) {
	begin := func() error {
		step, err = s.auth.BeginSignUp(r.Context(), s.bind(w, r), req)
		return err
	}
	if s.provesAddresses() {
		err = s.mailing(r, begin)
		return step, err
	}
	return step, begin()
}

// provesAddresses reports whether an account is made once its address is proven.
func (s *Site) provesAddresses() bool { return s.auth.Config().Mailer != nil }

// carriesTicket reports whether r has a ticket, or something in its place.
func carriesTicket(r *http.Request) bool { return r.Header.Values(ticketHeader) != nil }

func (s *Site) signUpOptionsAgain(w http.ResponseWriter, r *http.Request) error {
	ticket, err := readTicket(r)
	if err == nil {
		err = readJSON(r)
	}
	if err != nil {
		return err
	}
	step, err := s.auth.BeginSignUpPasskey(r.Context(), s.bind(w, r), ticket)
	if err != nil {
		return err
	}
	return answerSignUp(w, step)
}

// proveSignUp takes the mailed code: a ticket for the proven address, and the
// creation options of the first passkey.
func (s *Site) proveSignUp(w http.ResponseWriter, r *http.Request) error {
	var code string
	if err := readJSON(r, member{name: "code", text: &code}); err != nil {
		return err
	}
	step, err := s.auth.ProveSignUp(r.Context(), s.bind(w, r), on(r).ticket, code)
	s.mailed(r, err)
	if err != nil {
		return err
	}
	return answerSignUp(w, step)
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
