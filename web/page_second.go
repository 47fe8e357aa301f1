package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/mapae/mapae"
)

// secondRoutes are where the forms of the second-factor page go.
var secondRoutes = map[mapae.MethodName]string{mapae.MethodTOTP: "/second-factor", mapae.MethodRecoveryCode: "/second-factor"}

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
