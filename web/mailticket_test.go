package web

import (
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
)

// mailTicketRoutes are the routes that a ticket of each kind is for; the two of
// sign-up that take one where anyone may come are asked below.
var mailTicketRoutes = map[string][]string{
	"sign-in code":    {"/api/auth/email-code/verify"},
	"step-up code":    {"/api/auth/reauth/email-code"},
	"sign-up code":    {"/api/auth/signup/verify"},
	"proven sign-up":  {"/api/auth/signup/passkey/complete"},
	"code of a proof": {"/api/account/email/verify"},
	"code of a move":  {"/api/account/email/confirm"},
}

// mailTickets returns a good ticket of each kind for p, and the code of a link.
func (p person) mailTickets(t *testing.T) (tickets map[string]string, link string) {
	t.Helper()
	ctx, w := p.w.ctx, p.w
	tickets = map[string]string{}
	var err error
	tickets["code of a proof"], err = p.RequestVerification(ctx)
	ok(t, err)
	proof, err := p.RequestVerification(ctx)
	ok(t, err)
	_, err = p.VerifyEmail(ctx, proof, w.lastMail().Code)
	ok(t, err)
	tickets["sign-in code"], err = p.RequestEmailCode(ctx, alice)
	ok(t, err)
	tickets["step-up code"], err = p.ReauthRequestEmailCode(ctx)
	ok(t, err)
	up, err := p.ReauthPassword(ctx, password, client.ActionChangeEmail)
	ok(t, err)
	move, err := p.BeginChangeEmail(ctx, up.Ticket, "moved@example.com")
	ok(t, err)
	tickets["code of a move"] = move.Ticket
	tickets["sign-up code"], _, err = p.BeginSignUp(ctx, "new@example.com", "New", "")
	ok(t, err)
	again, _, err := p.BeginSignUp(ctx, "new@example.com", "New", "")
	ok(t, err)
	tickets["proven sign-up"], _, err = p.ProveSignUp(ctx, again, w.lastMail().Code)
	ok(t, err)
	ok(t, p.ForgotPassword(ctx, alice))
	return tickets, codeOfLink(t, w.lastMail().Link)
}

func TestATicketOfAMailOpensOnlyWhatItIsFor(t *testing.T) {
	t.Parallel()
	before := newWorld(t, allMethods, unlimited)
	p := before.passwordMember(alice)
	w := before.mailingNode()
	p = p.atNode(w)
	tickets, link := p.mailTickets(t)
	refused := 0
	for _, row := range w.site.routes() {
		for kind, ticket := range tickets {
			if strings.Contains(strings.Join(mailTicketRoutes[kind], " ")+" ", row.path+" ") || row.needs == anyone {
				continue
			}
			c := cast{world: w, p: p, passkey: "AAAA"}
			status, code := 400, mapae.CodeCeremonyInvalid
			if row.needs == signedIn {
				status, code = 401, mapae.CodeUnauthenticated
			}
			w.unchanged([]string{alice, "new@example.com"}, func() {
				a := c.call(row, p, filledFor(row), header(ticketHeader, ticket))
				if a.StatusCode != status || a.json("code") != string(code) {
					t.Errorf("%s %s with the ticket of a %s: %d %s", row.method, row.path, kind, a.StatusCode, a.body)
				}
			})
			refused++
		}
	}
	if refused < 100 {
		t.Errorf("%d refusals", refused)
	}
	for kind, ticket := range tickets {
		if kind == "proven sign-up" {
			continue
		}
		w.unchanged([]string{alice, "new@example.com"}, func() {
			_, err := p.BeginSignUpPasskey(w.ctx, ticket)
			wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
			_, err = p.FinishSignUpPassword(w.ctx, ticket, password)
			wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
			wantCode(t, p.ResetPassword(w.ctx, ticket, password), 400, mapae.CodeCeremonyInvalid)
		})
	}
	w.unchanged([]string{alice, "new@example.com"}, func() { // a link's code is no ticket
		_, err := p.VerifyEmailCode(w.ctx, link, "0000-0000")
		wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
		_, err = p.FinishSignUpPassword(w.ctx, link, password)
		wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
		p.send("GET", "/api/account", "", header(ticketHeader, link)).want(t, 401, mapae.CodeUnauthenticated)
	})
}
