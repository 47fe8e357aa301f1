package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
)

// ticketRoutes are the routes that a ticket of each kind is for. All others
// refuse it.
var ticketRoutes = map[string][]string{
	"second step":         {"/api/webauthn/authenticate/options", "/api/webauthn/verify", "/api/auth/totp/verify", "/api/auth/recovery-code/verify"},
	"sign-up":             {"/api/auth/signup/passkey/complete"},
	"recovery":            {"/api/auth/recover/proof", "/api/auth/recover/mail"},
	"recovery that waits": {"/api/auth/recover/proof", "/api/auth/recover/mail"},
	"ready recovery":      {"/api/auth/recover/passkey/options", "/api/auth/recover/passkey/complete", "/api/auth/recover/password"},
	"set-up of an app":    {"/api/account/totp/confirm"},
	"deletion":            {"/api/account"},
	"change of address":   {"/api/account/email"},
}

// issue returns a good ticket of each kind, as a person gets them who has
// everything.
func (p person) issue(t *testing.T) map[string]string {
	t.Helper()
	ctx, w := p.w.ctx, p.w
	secret, codes := p.addTOTP()
	tickets := map[string]string{"second step": p.due(alice).Ticket}
	var err error
	tickets["sign-up"], _, err = p.BeginSignUp(ctx, "new@example.com", "New", "")
	ok(t, err)
	tickets["recovery"], err = p.BeginRecovery(ctx, alice)
	ok(t, err)
	one, err := p.ProveRecovery(ctx, tickets["recovery"], "recovery_code", codes[0])
	ok(t, err)
	two, err := p.ProveRecovery(ctx, one.Ticket, "totp", w.code(secret))
	ok(t, err)
	again, err := p.BeginRecovery(ctx, alice)
	ok(t, err)
	waits, err := p.ProveRecovery(ctx, again, "recovery_code", codes[1])
	ok(t, err)
	tickets["recovery that waits"], tickets["ready recovery"] = waits.Ticket, two.Ticket
	setup, err := p.BeginTOTP(ctx)
	ok(t, err)
	tickets["set-up of an app"] = setup.Ticket
	for kind, action := range map[string]string{"deletion": client.ActionDeleteAccount, "change of address": client.ActionChangeEmail} {
		up, err := p.ReauthPassword(ctx, password, action)
		ok(t, err)
		tickets[kind] = up.Ticket
	}
	return tickets
}

func TestATicketOpensOnlyWhatItIsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited) // BI-460: what a first step gives is no session anywhere
	p := w.passwordMember(alice)
	tickets := p.issue(t)
	if len(tickets) != len(ticketRoutes) {
		t.Fatalf("%d kinds of tickets, %d are known", len(tickets), len(ticketRoutes))
	}
	refused := 0
	for _, row := range w.site.routes() {
		for kind, ticket := range tickets {
			if strings.Contains(strings.Join(ticketRoutes[kind], " ")+" ", row.path+" ") || row.needs == anyone {
				continue
			}
			c := cast{world: w, p: p, passkey: "AAAA"}
			status, code := 400, mapae.CodeCeremonyInvalid
			if row.needs == signedIn {
				status, code = 401, mapae.CodeUnauthenticated
			}
			w.unchanged([]string{alice}, func() {
				a := c.call(row, p, filledFor(row), header(ticketHeader, ticket))
				if a.StatusCode != status || a.json("code") != string(code) {
					t.Errorf("%s %s with the ticket of a %s: %d %s", row.method, row.path, kind, a.StatusCode, a.body)
				}
			})
			refused++
		}
	}
	if refused < 200 {
		t.Errorf("%d refusals", refused)
	}
}

func filledFor(row row) edit {
	if row.face == form {
		return func(*http.Request) {}
	}
	return filled
}

func TestATicketStaysWithWhoGotIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p, stranger := w.passwordMember(alice), w.passwordMember(bob)
	tickets := p.issue(t)
	for kind, send := range map[string]func(q person, ticket string) error{
		"second step": func(q person, ticket string) error {
			_, err := q.VerifyTOTP(w.ctx, ticket, "000000")
			return err
		},
		"recovery": func(q person, ticket string) error {
			_, err := q.ProveRecovery(w.ctx, ticket, "totp", "000000")
			return err
		},
		"recovery that waits": func(q person, ticket string) error {
			_, err := q.WaitForRecovery(w.ctx, ticket)
			return err
		},
		"ready recovery": func(q person, ticket string) error {
			_, err := q.BeginRecoverPasskey(w.ctx, ticket)
			return err
		},
		"set-up of an app": func(q person, ticket string) error {
			_, err := q.FinishTOTP(w.ctx, ticket, "000000")
			return err
		},
		"deletion": func(q person, ticket string) error { return q.DeleteAccount(w.ctx, ticket) },
		"change of address": func(q person, ticket string) error {
			_, err := q.BeginChangeEmail(w.ctx, ticket, "new@example.com")
			return err
		},
	} {
		app := stranger.app()
		_, err := app.SignInPassword(w.ctx, bob, password)
		ok(t, err)
		w.unchanged([]string{alice, bob}, func() {
			wantCode(t, send(stranger, tickets[kind]), 400, mapae.CodeCeremonyInvalid)
			wantCode(t, send(app, tickets[kind]), 400, mapae.CodeCeremonyInvalid)
			for _, i := range []int{3, 10, len(tickets[kind]) / 2, len(tickets[kind]) - 2} { // BI-350
				bent := []byte(tickets[kind])
				bent[i] = map[bool]byte{true: 'B', false: 'A'}[bent[i] == 'A']
				wantCode(t, send(p, string(bent)), 400, mapae.CodeCeremonyInvalid)
				wantCode(t, send(p, tickets[kind][:i]), 400, mapae.CodeCeremonyInvalid)
			}
		})
	}
}

func TestATicketEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited, func(c *mapae.Config, _ *Config) { c.FreshFor = time.Hour })
	p := w.passwordMember(alice)
	secret, _ := p.addTOTP()
	due := p.due(alice)
	w.pass(10*time.Minute - 2*time.Second)
	_, err := p.VerifyTOTP(w.ctx, due.Ticket, "000000")
	wantCode(t, err, 401, mapae.CodeAuthenticationFailed)
	w.pass(3 * time.Second)
	w.unchanged([]string{alice}, func() {
		_, err = p.VerifyTOTP(w.ctx, due.Ticket, w.codeNow(secret))
		wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
	})
}

func TestAChangeOfEpochEndsTickets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	tickets := p.issue(t)
	if _, err := p.EndOtherSessions(w.ctx); err != nil { // BI-386: as a recovery does
		t.Fatal(err)
	}
	w.unchanged([]string{alice}, func() {
		_, err := p.BeginChangeEmail(w.ctx, tickets["change of address"], "new@example.com")
		wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
		wantCode(t, p.DeleteAccount(w.ctx, tickets["deletion"]), 400, mapae.CodeCeremonyInvalid)
		_, err = p.VerifyTOTP(w.ctx, tickets["second step"], "000000")
		wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
		_, err = p.BeginRecoverPasskey(w.ctx, tickets["ready recovery"])
		wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
	})
}

func TestAnActionAllowsItselfOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	w.unchanged([]string{alice}, func() { // BI-386
		_, err := p.BeginChangeEmail(w.ctx, "", "new@example.com")
		wantCode(t, err, 403, mapae.CodeStepUpRequired)
		p.send("POST", "/api/auth/reauth/password", `{"password":"`+password+`","action":"become_admin"}`).want(t, 400, mapae.CodeBadRequest)
	})
	_, err := p.AddPasskey(w.ctx, p.key, "")
	ok(t, err)
	options, err := p.BeginReauth(w.ctx)
	ok(t, err)
	credential, err := p.key.Get(options)
	ok(t, err)
	_, err = p.FinishReauthFor(w.ctx, credential, client.ActionDeleteAccount) // began for none
	wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
	up, err := p.ReauthFor(w.ctx, client.ActionChangeEmail)
	ok(t, err)
	w.member("taken@example.com")
	_, err = p.BeginChangeEmail(w.ctx, up.Ticket, "taken@example.com")
	wantCode(t, err, 409, mapae.CodeLoginTaken)
	changed, err := p.BeginChangeEmail(w.ctx, up.Ticket, "new@example.com") // what failed did not use it up
	if err != nil || changed.Account.User.Email != "new@example.com" {
		t.Fatalf("answer is %+v, %v", changed, err)
	}
	_, err = p.BeginChangeEmail(w.ctx, up.Ticket, "newer@example.com")
	wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
	_, err = p.another().SignInPassword(w.ctx, "new@example.com", password)
	wantCode(t, err, 401, mapae.CodeSecondFactorRequired)
	p.send("GET", "/api/account", "", header(ticketHeader, up.Ticket)).want(t, 401, mapae.CodeUnauthenticated)
	p.send("DELETE", "/api/account", "", header(ticketHeader, up.Ticket, up.Ticket)).want(t, 400, mapae.CodeCeremonyInvalid)
}

func TestProtectLeavesTheSitesTicketsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	mux := http.NewServeMux()
	mux.Handle("/", w.site)
	w.h = w.site.Protect(mux, nil)
	up, err := p.ReauthPassword(w.ctx, password, client.ActionDeleteAccount)
	ok(t, err)
	w.person().send("DELETE", "/api/account", "", header(ticketHeader, up.Ticket)).want(t, 401, mapae.CodeUnauthenticated)
	p.send("GET", "/api/account", "", header(ticketHeader, up.Ticket)).want(t, 401, mapae.CodeUnauthenticated)
	_, err = p.BeginVerify(context.Background(), "")
	ok(t, err)
	ok(t, p.DeleteAccount(w.ctx, up.Ticket))
	if w.state(alice) != "nobody " || p.cookie() != "" {
		t.Error("the account is still there")
	}
}
