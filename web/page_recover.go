package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mapae/mapae"
)

// recoverData is what the page "recover" shows: one step of a recovery.
type recoverData struct {
	Step      string // start, proof, more, ready, waiting
	Email     string // as typed before
	Alert     string
	Ticket    string
	Methods   []mapae.MethodName // proofs that are left to give
	Claim     string             // shown once; or as the mail has it
	Code      string             // of the operator's link
	Mailed    bool               // a code was mailed as a proof
	Providers []mapae.Provider
	ReadyAt   time.Time
	Delay     int // days that a recovery with one proof waits
}

// Proof is the way of one of the methods that are left.
func (d recoverData) Proof(m mapae.MethodName) way {
	w := way{Method: m, Action: "/recover", Proof: proofData{Ticket: d.Ticket, Mailed: d.Mailed, Own: d.Providers, ways: d.Methods}}
	if m == mapae.MethodFederated {
		w.Action = "/recover/federated"
	}
	return w
}

// recoverPage asks whose account it is.
func (s *Site) recoverPage(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	s.renderRecover(w, r, http.StatusOK, recoverData{Step: "start", Claim: query.Get("claim"), Code: query.Get("code")})
	return nil
}

func (s *Site) renderRecover(w http.ResponseWriter, r *http.Request, status int, data recoverData) {
	data.Providers = s.auth.Providers()
	data.Delay = int((s.auth.Config().RecoveryDelay + 24*time.Hour - 1) / (24 * time.Hour))
	s.pages.render(w, r, status, "recover", data)
}

// recoverForm takes one step of a recovery; the ticket goes from form to form.
func (s *Site) recoverForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	steps := map[string]func(http.ResponseWriter, *http.Request) (recoverData, error){
		"start": s.recoverStart, "proof": s.recoverProof, "wait": s.recoverWait, "claim": s.recoverClaim, "password": s.recoverNewPassword,
		"link": s.recoverByLink, "mail": s.recoverMail,
	}
	step := steps[r.PostForm.Get("step")]
	if step == nil {
		return &mapae.Error{Code: mapae.CodeBadRequest}
	}
	s.againStart(r)
	data, err := step(w, r)
	switch {
	case err != nil:
		return err
	case data.Step == "":
		return s.seeOther(w, r, "/sign-in?did=recovered")
	}
	s.renderRecover(w, r, http.StatusOK, data)
	return nil
}

// againStart is what a step that failed goes back to: the start, unless the
// step says otherwise.
func (s *Site) againStart(r *http.Request) {
	s.orElse(r, "error.authentication_failed", func(w http.ResponseWriter, status int, alert string) {
		s.renderRecover(w, r, status, recoverData{Step: "start", Email: r.PostForm.Get("username"), Alert: alert})
	})
}

func (s *Site) recoverStart(w http.ResponseWriter, r *http.Request) (recoverData, error) {
	ticket, err := s.auth.BeginRecovery(r.Context(), s.bind(w, r), strings.TrimSpace(r.PostForm.Get("username")))
	return recoverData{Step: "proof", Ticket: ticket, Methods: s.auth.RecoveryMethods()}, err
}

func (s *Site) recoverProof(_ http.ResponseWriter, r *http.Request) (recoverData, error) {
	form := r.PostForm
	method := mapae.MethodName(form.Get("method"))
	given := s.leftProofs(form.Get("methods"))
	data := recoverData{Step: "proof", Ticket: form.Get("ticket"), Methods: given, Mailed: method == mapae.MethodEmailCode}
	if len(given) < len(s.auth.RecoveryMethods()) {
		data.Step = "more"
	}
	s.orElse(r, wrongProof[method], func(w http.ResponseWriter, status int, alert string) {
		if status == http.StatusBadRequest { // the ticket is over
			data = recoverData{Step: "start"}
		}
		data.Alert = alert
		s.renderRecover(w, r, status, data)
	})
	step, err := s.auth.ProveRecovery(r.Context(), on(r).client, data.Ticket, method, form.Get("code"))
	if method == mapae.MethodEmailCode {
		s.mailed(r, err)
	}
	if err != nil {
		return recoverData{}, err
	}
	next := recoverData{Step: "more", Ticket: step.Ticket, Methods: slices.DeleteFunc(slices.Clone(given), func(m mapae.MethodName) bool { return m == method })}
	if step.Ready {
		next.Step = "ready"
	}
	return next, nil
}

// leftProofs reads the proofs that a form says are left; no others are shown.
func (s *Site) leftProofs(names string) []mapae.MethodName {
	return slices.DeleteFunc(readWays(names), func(m mapae.MethodName) bool { return !slices.Contains(s.auth.RecoveryMethods(), m) })
}

func (s *Site) recoverWait(_ http.ResponseWriter, r *http.Request) (recoverData, error) {
	waiting, err := s.auth.WaitForRecovery(r.Context(), on(r).client, r.PostForm.Get("ticket"))
	return recoverData{Step: "waiting", Claim: waiting.Claim, ReadyAt: waiting.ReadyAt}, err
}

func (s *Site) recoverClaim(w http.ResponseWriter, r *http.Request) (recoverData, error) {
	on(r).again = func(w http.ResponseWriter, p problem) {
		rd := s.pages.locales.reader(r)
		data := recoverData{Step: "start", Alert: rd.T("recover.claim.invalid")}
		if p.Code == mapae.CodeConflict {
			data.Alert = rd.T("recover.claim.early", "Time", s.now().Add(time.Duration(p.RetryAfter)*time.Second).UTC().Format("2006-01-02 15:04 MST"))
		}
		s.renderRecover(w, r, p.Status, data)
	}
	step, err := s.auth.ClaimRecovery(r.Context(), s.bind(w, r), strings.TrimSpace(r.PostForm.Get("claim")))
	return recoverData{Step: "ready", Ticket: step.Ticket}, err
}

// recoverNewPassword ends a recovery with a new password, to sign in with.
func (s *Site) recoverNewPassword(_ http.ResponseWriter, r *http.Request) (recoverData, error) {
	data := recoverData{Step: "ready", Ticket: r.PostForm.Get("ticket")}
	on(r).again = func(w http.ResponseWriter, p problem) {
		data.Alert = s.formAlert(r, p, "")
		switch p.Code {
		case mapae.CodeCeremonyInvalid:
			data.Step = "start"
		case mapae.CodeForbidden:
			data.Alert = s.text(r, "recover.password.none")
		}
		s.renderRecover(w, r, p.Status, data)
	}
	return recoverData{}, s.auth.RecoverPassword(r.Context(), on(r).client, data.Ticket, r.PostForm.Get("password"))
}
