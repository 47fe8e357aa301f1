package web

import (
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
)

const moved = "moved@example.com"

// move asks for another address; it returns the ticket and the mailed code.
func (p person) move(t *testing.T, email string) (ticket, code string) {
	t.Helper()
	up, err := p.ReauthPassword(p.w.ctx, password, client.ActionChangeEmail)
	ok(t, err)
	step, err := p.BeginChangeEmail(p.w.ctx, up.Ticket, email)
	ok(t, err)
	m := p.w.lastMail()
	if step.Ticket == "" || m.To != email || m.Code == "" {
		t.Fatalf("the change goes on with %+v and the mail %+v", step, m)
	}
	return step.Ticket, m.Code
}

func TestAnAddressIsChangedByTheCodeThatTheNewOneGot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, unlimited)
	for _, p := range []person{w.provenMember(alice), w.provenMember(bob).app()} {
		old := map[bool]string{false: alice, true: bob}[p.App]
		if p.App {
			_, err := p.SignInPassword(w.ctx, old, password)
			ok(t, err)
		}
		other := p.another()
		_, err := other.SignInPassword(w.ctx, old, password)
		ok(t, err)
		to := "new-" + old
		ticket, code := p.move(t, to)
		w.unchanged([]string{old, to}, func() {
			_, err = other.FinishChangeEmail(w.ctx, ticket, code)
			wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
			_, err = w.person().FinishChangeEmail(w.ctx, ticket, code)
			wantCode(t, err, 401, mapae.CodeUnauthenticated)
		})
		_, err = p.FinishChangeEmail(w.ctx, ticket, "0000-0000")
		wantCode(t, err, 401, mapae.CodeAuthenticationFailed)
		a := p.send("POST", "/api/account/email/confirm", `{"code":"`+code+`"}`, header(ticketHeader, ticket)).want(t, 200, "")
		if s := a.signals(t); s.Details == nil || s.Details.Name != to {
			t.Errorf("signals are %+v", s)
		}
		if p.App != (a.json("token") != "") {
			t.Errorf("app %v: %s", p.App, a.body)
		}
		_, err = other.Session(w.ctx)
		wantCode(t, err, 401, mapae.CodeUnauthenticated)
		_, err = p.another().SignInPassword(w.ctx, to, password)
		ok(t, err)
	}
}

func TestTheCodeOfAChangeOfAddressIsUsedOnceAndInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, unlimited)
	p := w.provenMember(alice)
	ticket, code := p.move(t, moved)
	_, err := p.FinishChangeEmail(w.ctx, ticket, code)
	ok(t, err)
	account, err := p.Account(w.ctx) // under its new token
	if err != nil || account.User.Login != moved || account.User.Email != moved || account.EmailVerifiedAt == nil {
		t.Errorf("account %+v, %v", account, err)
	}
	w.unchanged([]string{alice, moved}, func() {
		_, err = p.FinishChangeEmail(w.ctx, ticket, code)
		wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
	})
	ticket, code = p.move(t, alice)
	w.pass(10*time.Minute + time.Second)
	w.unchanged([]string{alice, moved}, func() {
		_, err = p.FinishChangeEmail(w.ctx, ticket, code)
		wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
	})
}

func TestMailsOfChangesOfAddressAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, func(_ *mapae.Config, c *Config) { c.Limits = Limits{Mails: 1} })
	p := w.provenMember(alice)
	p.move(t, moved)
	up, err := p.ReauthPassword(w.ctx, password, client.ActionChangeEmail)
	ok(t, err)
	_, err = p.BeginChangeEmail(w.ctx, up.Ticket, bob)
	wantCode(t, err, 429, mapae.CodeRateLimited)
	if m := w.mails(); len(m) != 0 {
		t.Errorf("mails %+v", m)
	}
}
