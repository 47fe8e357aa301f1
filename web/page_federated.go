package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mapae/mapae"
)

// federatedData is what the page "federated" shows.
type federatedData struct {
	Step            string // leave, taken, email, code
	Provider, Label string
	To              string // the provider's page
	Email           string
	Ticket, Next    string
	Alert           string
}

// linkedRow is an account elsewhere on the account page.
type linkedRow struct {
	ID, Label, Email string
	LastUsedAt       time.Time
}

// Providers are those that people can sign in with.
func (v view) Providers() []mapae.Provider { return v.providers }

// linkedRows shows identities of providers that are configured.
func (s *Site) linkedRows(own []mapae.Identity) []linkedRow {
	var rows []linkedRow
	for _, i := range own {
		for _, p := range s.auth.Providers() {
			if p.Issuer() == i.Provider {
				rows = append(rows, linkedRow{encode64(i.ID()), p.Label(), i.Email, i.LastUsedAt})
			}
		}
	}
	return rows
}

// linkedProviders are those that a has an identity of.
func (s *Site) linkedProviders(a mapae.Account) []mapae.Provider {
	var own []mapae.Provider
	for _, p := range s.auth.Providers() {
		for _, i := range a.Identities {
			if i.Provider == p.Issuer() {
				own = append(own, p)
				break
			}
		}
	}
	return own
}

// tripFails says what went wrong with a trip on the page that it began on, so
// that people can go on another way.
func (s *Site) tripFails(r *http.Request, p mapae.Provider, step mapae.FederatedStep) {
	ex := on(r)
	ex.again = func(w http.ResponseWriter, problem problem) {
		alert := s.tripAlert(r, p, problem)
		ex.again = nil
		switch cur, signedIn := s.current(r); {
		case step.Purpose == mapae.FederatedLink && signedIn:
			if err := s.renderAccount(w, r, problem.Status, accountData{Alert: alert}); err != nil {
				s.fail(w, r, err)
			}
		case step.Purpose == mapae.FederatedReauth && signedIn:
			data, err := s.stepUpData(r, cur, url.Values{"next": {step.Next}, "action": {string(step.Action)}})
			if err != nil {
				s.fail(w, r, err)
				return
			}
			data.Alert = alert
			s.pages.render(w, r, problem.Status, "confirm", data)
		case step.Purpose == mapae.FederatedRecover:
			s.renderRecover(w, r, problem.Status, recoverData{Step: "start", Alert: alert})
		default:
			s.renderSignIn(w, r, problem.Status, signInData{Next: step.Next, Alert: alert})
		}
	}
}

// tripAlert is the sentence for a trip that failed.
func (s *Site) tripAlert(r *http.Request, p mapae.Provider, problem problem) string {
	key := map[mapae.Code]string{
		mapae.CodeUnavailable: "federated.down", mapae.CodeAuthenticationFailed: "federated.failed", mapae.CodeConflict: "federated.linked",
		mapae.CodeForbidden: "federated.closed",
	}[problem.Code]
	rd := s.pages.locales.reader(r)
	switch {
	case problem.Code == mapae.CodeForbidden && problem.Field == "provider":
		return rd.T("federated.unproven", "Provider", p.Label())
	case key == "":
		return problem.Detail
	}
	return rd.T(key, "Provider", p.Label())
}

// leave shows where a form leads to. A page of our own stands between, for
// browsers hold the redirects of a form against form-action, which names this
// site alone.
func (s *Site) leave(w http.ResponseWriter, r *http.Request, p mapae.Provider, to string) error {
	w.Header().Set("Refresh", "0; url="+to)
	s.pages.render(w, r, http.StatusOK, "federated", federatedData{Step: "leave", Label: p.Label(), To: to})
	return nil
}

// linkForm sends who is signed in to a provider, to link an account there.
func (s *Site) linkForm(w http.ResponseWriter, r *http.Request) error {
	return s.tripForm(w, r, mapae.FederatedLink, func(c mapae.Client, req mapae.FederatedRequest) (string, error) {
		return s.auth.BeginLink(r.Context(), c, *on(r).current, req)
	})
}

// stepUpFederatedForm sends who is signed in to a provider, to confirm that it
// is them.
func (s *Site) stepUpFederatedForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	action, err := mapae.ParseAction(r.PostForm.Get("action"))
	if err != nil {
		return err
	}
	return s.tripForm(w, r, mapae.FederatedReauth, func(c mapae.Client, req mapae.FederatedRequest) (string, error) {
		req.Action = action
		return s.auth.BeginReauthFederated(r.Context(), c, *on(r).current, req)
	})
}

// recoverFederatedForm sends who recovers an account to a provider, for a proof.
func (s *Site) recoverFederatedForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	return s.tripForm(w, r, mapae.FederatedRecover, func(c mapae.Client, req mapae.FederatedRequest) (string, error) {
		return s.auth.BeginRecoveryFederated(r.Context(), c, r.PostForm.Get("ticket"), req)
	})
}

// tripForm is a form that leads to a provider.
func (s *Site) tripForm(w http.ResponseWriter, r *http.Request, purpose mapae.FederatedPurpose, begin func(mapae.Client, mapae.FederatedRequest) (string, error)) error {
	p, err := s.provider(r.PostForm.Get("provider"))
	if err != nil {
		return badRequest("provider", "there is none of that name")
	}
	req := s.tripTo(r, p, r.PostForm.Get("next"))
	s.tripFails(r, p, mapae.FederatedStep{Purpose: purpose, Next: req.Next, Action: mapae.Action(r.PostForm.Get("action"))})
	to, err := begin(s.bindTrip(w, r), req)
	if err != nil {
		return err
	}
	return s.leave(w, r, p, to)
}

// unlinkForm takes an identity away.
func (s *Site) unlinkForm(w http.ResponseWriter, r *http.Request) error {
	s.orAccount(r)
	id, err := formID(r)
	if err != nil {
		return err
	}
	if err := s.auth.Unlink(r.Context(), on(r).client, *on(r).current, id); err != nil {
		return err
	}
	return s.seeOther(w, r, "/account?did=unlinked")
}

// federatedForm proves the address of somebody new whose provider vouches for
// none: first it is asked for, then the code that was mailed to it.
func (s *Site) federatedForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	form := r.PostForm
	p, err := s.provider(form.Get("provider"))
	if err != nil {
		return badRequest("provider", "there is none of that name")
	}
	data := federatedData{Step: form.Get("step"), Provider: p.Name(), Label: p.Label(), Email: strings.TrimSpace(form.Get("username")),
		Ticket: form.Get("ticket"), Next: localPath(form.Get("next"))}
	s.orElse(r, "federated.code.wrong", func(w http.ResponseWriter, status int, alert string) {
		if on(r).err != nil && codeOf(on(r).err) == mapae.CodeCeremonyInvalid { // from the start
			s.renderSignIn(w, r, status, signInData{Next: data.Next, Alert: alert})
			return
		}
		data.Alert = alert
		s.pages.render(w, r, status, "federated", data)
	})
	switch c := on(r).client; data.Step {
	case "email":
		return s.mailing(r, func() error {
			ticket, err := s.auth.RequestFederatedCode(r.Context(), c, data.Ticket, data.Email)
			if err != nil {
				return err
			}
			data.Step, data.Ticket = "code", ticket
			s.pages.render(w, r, http.StatusOK, "federated", data)
			return nil
		})
	case "code":
		in, err := s.auth.FinishFederatedSignUp(r.Context(), c, data.Ticket, form.Get("code"))
		s.mailed(r, err)
		if err != nil {
			return err
		}
		return s.welcome(w, r, in, data.Next)
	}
	return &mapae.Error{Code: mapae.CodeBadRequest}
}

// afterProof is what a recovery goes on with after a provider's proof.
func (s *Site) afterProof(step mapae.RecoveryStep) recoverData {
	data := recoverData{Step: "more", Ticket: step.Ticket, Methods: slices.DeleteFunc(s.auth.RecoveryMethods(), func(m mapae.MethodName) bool {
		return m == mapae.MethodFederated
	})}
	if step.Ready {
		data.Step = "ready"
	}
	return data
}
