package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/mapae/mapae"
)

// secondRoutes are where the forms of the second-factor page go.
var secondRoutes = map[mapae.MethodName]string{mapae.MethodTOTP: "/second-factor", mapae.MethodRecoveryCode: "/second-factor"}

// stepUpRoutes are where the forms of the step-up page go.
var stepUpRoutes = map[mapae.MethodName]string{
	mapae.MethodPassword: "/step-up/password", mapae.MethodTOTP: "/step-up/code", mapae.MethodRecoveryCode: "/step-up/code", mapae.MethodFederated: "/step-up/federated",
	mapae.MethodEmailCode: "/step-up/email-code",
}

// secondFactorPage sends who comes without a ticket to the start.
func (s *Site) secondFactorPage(w http.ResponseWriter, r *http.Request) error {
	return s.seeOther(w, r, "/sign-in")
}

// renderSecond draws the second-factor page.
func (s *Site) renderSecond(w http.ResponseWriter, r *http.Request, status int, data proofData) error {
	data.routes = secondRoutes
	s.pages.render(w, r, status, "second-factor", data)
	return nil
}

// secondFactorForm takes the code of an authenticator app or a recovery code,
// with the ticket in the form. Without a code it draws the page, for a ticket
// that a script got.
func (s *Site) secondFactorForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	form := r.PostForm
	method := mapae.MethodName(form.Get("method"))
	data := proofData{Ticket: form.Get("ticket"), Next: localPath(form.Get("next")), ways: readWays(form.Get("methods"))}.begin(method)
	if data.Ticket == "" || len(data.ways) == 0 {
		return s.seeOther(w, r, "/sign-in")
	}
	finish := map[mapae.MethodName]func(context.Context, mapae.Client, string, string) (mapae.Admitted, error){
		mapae.MethodTOTP: s.auth.SecondFactorTOTP, mapae.MethodRecoveryCode: s.auth.SecondFactorRecoveryCode,
	}[method]
	if finish == nil {
		return s.renderSecond(w, r, http.StatusOK, data)
	}
	s.orElse(r, wrongProof[method], func(w http.ResponseWriter, status int, alert string) {
		if status == http.StatusBadRequest { // the ticket is over: from the start
			s.renderSignIn(w, r, status, signInData{Next: data.Next, Alert: alert})
			return
		}
		data.Alert = alert
		s.renderSecond(w, r, status, data)
	})
	a, err := finish(r.Context(), on(r).client, data.Ticket, form.Get("code"))
	if err != nil {
		return err
	}
	return s.welcome(w, r, a, data.Next)
}

// wrongProof are the sentences for a proof that was not good.
var wrongProof = map[mapae.MethodName]string{
	mapae.MethodPassword: "form.password.wrong", mapae.MethodEmailCode: "mailcode.wrong", mapae.MethodTOTP: "form.code.wrong", mapae.MethodRecoveryCode: "form.recovery_code.wrong",
}

// readWays reads the methods that a form carries on. They only say what the
// page shows: what a ticket takes is the domain's to decide.
func readWays(names string) []mapae.MethodName {
	var ways []mapae.MethodName
	for _, m := range []mapae.MethodName{mapae.MethodPasskey, mapae.MethodTOTP, mapae.MethodRecoveryCode, mapae.MethodEmailCode, mapae.MethodFederated} {
		if strings.Contains(" "+names+" ", " "+string(m)+" ") {
			ways = append(ways, m)
		}
	}
	return ways
}

// stepUpData is what who is signed in can prove themselves with, the strongest
// first.
func (s *Site) stepUpData(r *http.Request, cur mapae.Current, next string) (proofData, error) {
	a, err := s.auth.Account(r.Context(), cur)
	if err != nil {
		return proofData{}, err
	}
	data := proofData{Next: next, Email: cur.User.Login, routes: stepUpRoutes}
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

// stepUpPasswordForm proves by the password who is signed in.
func (s *Site) stepUpPasswordForm(w http.ResponseWriter, r *http.Request) error {
	return s.stepUpForm(w, r, mapae.MethodPassword, func(c mapae.Client, cur mapae.Current) (mapae.Admitted, error) {
		return s.auth.ReauthPassword(r.Context(), c, cur, r.PostForm.Get("password"), mapae.ActionNone)
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
	return s.stepUpForm(w, r, method, func(c mapae.Client, cur mapae.Current) (mapae.Admitted, error) {
		return s.auth.ReauthCode(r.Context(), c, cur, method, r.PostForm.Get("code"), mapae.ActionNone)
	})
}

func (s *Site) stepUpForm(w http.ResponseWriter, r *http.Request, method mapae.MethodName, prove func(mapae.Client, mapae.Current) (mapae.Admitted, error)) error {
	data, err := s.readStepUp(r, method)
	if err != nil {
		return err
	}
	a, err := prove(on(r).client, *on(r).current)
	if err != nil {
		return err
	}
	s.handOver(w, r, a)
	return s.goOn(w, r, data.Next)
}

// readStepUp reads a form of the step-up page.
func (s *Site) readStepUp(r *http.Request, method mapae.MethodName) (proofData, error) {
	if err := readForm(r); err != nil {
		return proofData{}, err
	}
	data, err := s.stepUpData(r, *on(r).current, localPath(r.PostForm.Get("next")))
	if err != nil {
		return proofData{}, err
	}
	s.orElse(r, wrongProof[method], func(w http.ResponseWriter, status int, alert string) {
		data.Alert = alert
		s.pages.render(w, r, status, "confirm", data.begin(method))
	})
	return data, nil
}
