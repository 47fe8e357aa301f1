package web

import (
	"errors"
	"net/http"

	"github.com/mapae/mapae"
)

// recoveryMethods answers the proofs that a recovery takes, the same for
// everybody.
func (s *Site) recoveryMethods(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, struct {
		Success bool               `json:"success"`
		Methods []mapae.MethodName `json:"methods"`
	}{true, s.auth.RecoveryMethods()})
}

// recoveryStep answers what a recovery goes on with.
type recoveryStep struct {
	Success bool   `json:"success"`
	Ticket  string `json:"ticket"`
	Ready   bool   `json:"ready"` // a passkey can be bound now; else one more proof, or the delay, is needed
}

// startRecovery begins a recovery in one of four ways: by an e-mail address,
// whoever has it; by the claim of one that has waited; by the code of a link of
// the operator's; or, with the ticket of one proof and "wait", by letting it
// wait.
func (s *Site) startRecovery(w http.ResponseWriter, r *http.Request) error {
	var email, claim, code *string
	var wait bool
	if err := readJSON(r, member{name: "email", maybe: &email}, member{name: "claim", maybe: &claim}, member{name: "code", maybe: &code},
		member{name: "wait", flag: &wait, optional: true}); err != nil {
		return err
	}
	if !oneOf(email != nil, claim != nil, code != nil, wait) {
		return &mapae.Error{Code: mapae.CodeBadRequest, Err: errors.New("not exactly one of email, claim, code and wait")}
	}
	var step mapae.RecoveryStep
	var err error
	switch c := s.bind(w, r); {
	case email != nil:
		step.Ticket, err = s.auth.BeginRecovery(r.Context(), c, *email)
	case claim != nil:
		step, err = s.auth.ClaimRecovery(r.Context(), c, *claim)
	case code != nil:
		step, err = s.auth.BeginIssuedRecovery(r.Context(), c, *code)
	default:
		return s.waitForRecovery(w, r, c)
	}
	if err != nil {
		return err
	}
	return answer(w, recoveryStep{true, step.Ticket, step.Ready})
}

// oneOf reports whether exactly one of all is true.
func oneOf(all ...bool) bool {
	n := 0
	for _, is := range all {
		if is {
			n++
		}
	}
	return n == 1
}

// mailRecoveryCode mails a code as a proof to the account that the ticket is of.
// The answer is the same whether or not there is one.
func (s *Site) mailRecoveryCode(w http.ResponseWriter, r *http.Request) error {
	if err := readJSON(r); err != nil {
		return err
	}
	return s.answerMailed(w, r, func(c mapae.Client, locale string) (string, error) {
		return s.auth.MailRecoveryCode(r.Context(), c, on(r).ticket, locale)
	})
}

func (s *Site) waitForRecovery(w http.ResponseWriter, r *http.Request, c mapae.Client) error {
	ticket, err := readTicket(r)
	if err != nil {
		return err
	}
	waiting, err := s.auth.WaitForRecovery(r.Context(), c, ticket)
	if err != nil {
		return err
	}
	return answer(w, struct {
		Success bool   `json:"success"`
		Claim   string `json:"claim"` // shown once; finishes the recovery from then on, on any browser
		ReadyAt string `json:"ready_at"`
	}{true, waiting.Claim, stamp(waiting.ReadyAt)})
}

// proveRecovery takes one proof.
func (s *Site) proveRecovery(w http.ResponseWriter, r *http.Request) error {
	var method, code string
	if err := readJSON(r, member{name: "method", text: &method}, member{name: "code", text: &code}); err != nil {
		return err
	}
	ex := on(r)
	step, err := s.auth.ProveRecovery(r.Context(), ex.client, ex.ticket, mapae.MethodName(method), code)
	if mapae.MethodName(method) == mapae.MethodEmailCode {
		s.mailed(r, err)
	}
	if err != nil {
		return err
	}
	return answer(w, recoveryStep{true, step.Ticket, step.Ready})
}

// recoveryOptions answers the creation options of the passkey that a recovery
// binds.
func (s *Site) recoveryOptions(w http.ResponseWriter, r *http.Request) error {
	if err := readJSON(r); err != nil {
		return err
	}
	o, err := s.auth.BeginRecoveryPasskey(r.Context(), s.bind(w, r), on(r).ticket)
	if err != nil {
		return err
	}
	return answerCreation(w, o)
}

// recoverPasskey ends a recovery with a new passkey and a session; all others
// end.
func (s *Site) recoverPasskey(w http.ResponseWriter, r *http.Request) error {
	var credential []byte
	if err := readJSON(r, member{name: "credential", object: &credential}); err != nil {
		return err
	}
	ex := on(r)
	a, err := s.auth.FinishRecoveryPasskey(r.Context(), ex.client, ex.ticket, credential)
	if err != nil {
		return err
	}
	return answer(w, s.handOver(w, r, a))
}

// recoverPassword ends a recovery with a new password, to sign in with.
func (s *Site) recoverPassword(w http.ResponseWriter, r *http.Request) error {
	var password string
	if err := readJSON(r, member{name: "password", text: &password}); err != nil {
		return err
	}
	ex := on(r)
	if err := s.auth.RecoverPassword(r.Context(), ex.client, ex.ticket, password); err != nil {
		return err
	}
	return answer(w, done{Success: true})
}
