package web

import (
	"net/http"
	"net/url"

	"github.com/mapae/mapae"
)

// stepUpRoutes are where the forms of the step-up page go.
var stepUpRoutes = map[mapae.MethodName]string{
	mapae.MethodPassword: "/step-up/password", mapae.MethodTOTP: "/step-up/code", mapae.MethodRecoveryCode: "/step-up/code", mapae.MethodFederated: "/step-up/federated",
	mapae.MethodEmailCode: "/step-up/email-code",
}

// actionPages are the pages of what a step-up is made for and nothing else.
// Asked for, they lead to that step-up; posted to with its ticket, they go on.
var actionPages = map[mapae.Action]string{mapae.ActionChangeEmail: "/account/email", mapae.ActionDeleteAccount: "/account/delete"}

// Onward is where a script goes on with the ticket of the step-up.
func (d proofData) Onward() string { return actionPages[d.Action] }

// confirmFirst sends a browser whose session is too old for a form to the
// step-up page, and from there to the page that the form stands on.
func (s *Site) confirmFirst(w http.ResponseWriter, r *http.Request, back string) error {
	return s.confirmFor(w, r, mapae.ActionNone, s.url(back))
}

// confirmFor sends a browser to the page of a step-up for action, or in general,
// and from there to next.
func (s *Site) confirmFor(w http.ResponseWriter, r *http.Request, action mapae.Action, next string) error {
	query := url.Values{"step_up": {"1"}, "next": {next}}
	if action != mapae.ActionNone {
		query.Set("action", string(action))
	}
	return s.seeOther(w, r, "/sign-in?"+query.Encode())
}

// actionPage is the page of an action for who has no ticket for it.
func (s *Site) actionPage(action mapae.Action) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if s.auth.Frozen(on(r).current.User) {
			return s.renderAccount(w, r, statuses[mapae.CodeFrozen], accountData{Alert: s.text(r, "error.frozen")})
		}
		return s.confirmFor(w, r, action, s.url("/account"))
	}
}

// stepUpPage asks who is signed in to prove it again.
func (s *Site) stepUpPage(w http.ResponseWriter, r *http.Request, cur mapae.Current) error {
	data, err := s.stepUpData(r, cur, r.URL.Query())
	if err == nil {
		s.pages.render(w, r, http.StatusOK, "confirm", data)
	}
	return err
}

// stepUpData is what who is signed in can prove themselves with, the strongest
// first. What the step-up is for, and where it leads, is in values.
func (s *Site) stepUpData(r *http.Request, cur mapae.Current, values url.Values) (proofData, error) {
	action, err := mapae.ParseAction(values.Get("action"))
	if err != nil {
		return proofData{}, err
	}
	a, err := s.auth.Account(r.Context(), cur)
	if err != nil {
		return proofData{}, err
	}
	data := proofData{Next: localPath(values.Get("next")), Action: action, Email: cur.User.Login, routes: stepUpRoutes}
	for _, own := range []struct {
		method mapae.MethodName
		has    bool
	}{
		{mapae.MethodPasskey, len(a.Passkeys) > 0}, {mapae.MethodPassword, a.Password && s.offers(mapae.MethodPassword)},
		{mapae.MethodTOTP, a.TOTP && s.offers(mapae.MethodTOTP)}, {mapae.MethodEmailCode, a.EmailCode}, {mapae.MethodRecoveryCode, a.RecoveryCodesLeft > 0},
	} {
		if own.has {
			data.ways = append(data.ways, own.method)
		}
	}
	if data.Own = s.linkedProviders(a); len(data.Own) > 0 {
		data.ways = append(data.ways, mapae.MethodFederated)
	}
	return data, nil
}

// prover proves again who is signed in, for an action or in general.
type prover func(c mapae.Client, cur mapae.Current, action mapae.Action) (mapae.Admitted, error)

// stepUpPasswordForm proves by the password who is signed in.
func (s *Site) stepUpPasswordForm(w http.ResponseWriter, r *http.Request) error {
	return s.stepUpForm(w, r, mapae.MethodPassword, func(c mapae.Client, cur mapae.Current, action mapae.Action) (mapae.Admitted, error) {
		return s.auth.ReauthPassword(r.Context(), c, cur, r.PostForm.Get("password"), action)
	})
}

// stepUpCodeForm proves by a code who is signed in.
func (s *Site) stepUpCodeForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	method := mapae.MethodTOTP
	if r.PostForm.Get("method") == string(mapae.MethodRecoveryCode) {
		method = mapae.MethodRecoveryCode
	}
	return s.stepUpForm(w, r, method, func(c mapae.Client, cur mapae.Current, action mapae.Action) (mapae.Admitted, error) {
		return s.auth.ReauthCode(r.Context(), c, cur, method, r.PostForm.Get("code"), action)
	})
}

func (s *Site) stepUpForm(w http.ResponseWriter, r *http.Request, method mapae.MethodName, prove prover) error {
	data, err := s.readStepUp(r, method)
	if err != nil {
		return err
	}
	a, err := prove(on(r).client, *on(r).current, data.Action)
	if err != nil {
		return err
	}
	return s.afterStepUp(w, r, a, data.Action, data.Next)
}

// readStepUp reads a form of the step-up page.
func (s *Site) readStepUp(r *http.Request, method mapae.MethodName) (proofData, error) {
	if err := readForm(r); err != nil {
		return proofData{}, err
	}
	data, err := s.stepUpData(r, *on(r).current, r.PostForm)
	if err != nil {
		return proofData{}, err
	}
	s.orElse(r, wrongProof[method], func(w http.ResponseWriter, status int, alert string) {
		data.Alert = alert
		s.pages.render(w, r, status, "confirm", data.begin(method))
	})
	return data, nil
}

// afterStepUp goes on with what the step-up was for: the action, with the ticket
// that allows it, or the page next.
func (s *Site) afterStepUp(w http.ResponseWriter, r *http.Request, a mapae.Admitted, action mapae.Action, next string) error {
	s.handOver(w, r, a)
	switch action {
	case mapae.ActionChangeEmail:
		return s.renderChangeEmail(w, r, http.StatusOK, changeEmailData{Ticket: a.Ticket})
	case mapae.ActionDeleteAccount:
		return s.renderDelete(w, r, http.StatusOK, deleteData{Ticket: a.Ticket})
	}
	return s.goOn(w, r, next)
}
