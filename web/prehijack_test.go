package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
)

// The five attacks of "Pre-hijacked accounts" (USENIX Security 2022), by HTTP:
// the attacker has an account with the victim's address, from before the site
// proved addresses, with all that they can put into it and all that they can
// begin; then the victim comes, on each of their ways. The tests of package
// mapae of the same name look at each attack by itself.

const victim = "victim@example.com"

// foothold is what the attacker has.
type foothold struct {
	browser, app  person
	secret        string // of an authenticator app
	codes         []string
	change        string // a step-up for a change of address
	moving, moved string // a change that waits for its code, and the code
	proof         string // the ticket of a proof of the address
	half          person // before a second step, which is due
	second        string // the ticket of that
	claim         string // a recovery that waits
}

// dig makes the account before there is mail, and begins what is begun where
// there is.
func dig(t *testing.T) (abroad, foothold) {
	t.Helper()
	before := newAbroad(t)
	p := before.passwordMember(victim)
	q := p.app()
	_, err := q.SignInPassword(before.ctx, victim, password)
	ok(t, err)
	f := foothold{}
	f.secret, f.codes = p.addTOTP()
	_, err = p.AddPasskey(before.ctx, p.key, "")
	ok(t, err)
	before.idp.says(mapae.Profile{Subject: "attacker", Email: "attacker@example.org", EmailVerified: true}, nil)
	p.tripByForm(t, "/account/identities", url.Values{}).wantGone(t, "/account?did=linked")
	w := abroad{before.mailingNode(), before.idp}
	f.browser, f.app = p.atNode(w.world), q.atNode(w.world)
	f.begin(t, w)
	return w, f
}

// begin leaves everything open that can be begun.
func (f *foothold) begin(t *testing.T, w abroad) {
	t.Helper()
	up, err := f.browser.ReauthPassword(w.ctx, password, client.ActionChangeEmail)
	ok(t, err)
	move, err := f.browser.BeginChangeEmail(w.ctx, up.Ticket, "evil@example.com")
	ok(t, err)
	f.moving, f.moved = move.Ticket, w.lastMail().Code
	up, err = f.browser.ReauthPassword(w.ctx, password, client.ActionChangeEmail)
	ok(t, err)
	f.change = up.Ticket
	f.proof, err = f.browser.RequestVerification(w.ctx)
	ok(t, err)
	w.mails() // to the victim's mailbox, which the attacker can't read
	f.half = w.person()
	f.second = f.half.due(victim).Ticket
	ticket, err := f.browser.BeginRecovery(w.ctx, victim)
	ok(t, err)
	step, err := f.browser.ProveRecovery(w.ctx, ticket, "recovery_code", f.codes[0])
	ok(t, err)
	wait, err := f.browser.WaitForRecovery(w.ctx, step.Ticket)
	ok(t, err)
	f.claim = wait.Claim
}

// arrivals are the victim's ways to an account.
var arrivals = map[string]func(t *testing.T, w abroad, p person){
	"a code and a password, by JSON": func(t *testing.T, w abroad, p person) {
		ticket, _, err := p.BeginSignUp(w.ctx, victim, "Victim", "")
		ok(t, err)
		proven, _, err := p.ProveSignUp(w.ctx, ticket, w.lastMail().Code)
		ok(t, err)
		_, err = p.FinishSignUpPassword(w.ctx, proven, password+"!")
		ok(t, err)
	},
	"a code and a password, by pages": func(t *testing.T, w abroad, p person) {
		asked := p.form("/sign-up", url.Values{"username": {victim}, "name": {"Victim"}})
		proven := p.form("/sign-up/code", url.Values{"ticket": {asked.hidden(t, "ticket")}, "username": {victim}, "name": {"Victim"}, "code": {w.lastMail().Code}})
		seeOther(t, p.form("/sign-up/password", url.Values{"ticket": {proven.hidden(t, "ticket")}, "username": {victim}, "password": {password + "!"}}), "/account?did=signed_up")
	},
	"a provider that vouches": func(t *testing.T, w abroad, p person) {
		w.idp.says(mapae.Profile{Subject: "victim", Email: victim, EmailVerified: true, Name: "Victim"}, nil)
		if a := p.trip(t, "/welcome"); a.StatusCode != 303 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	},
	"a provider that vouches for nothing": func(t *testing.T, w abroad, p person) {
		w.idp.says(mapae.Profile{Subject: "victim", Email: victim, Name: "Victim"}, nil)
		asked := p.trip(t, "/welcome")
		values := url.Values{"provider": {"acme"}, "step": {"email"}, "ticket": {asked.hidden(t, "ticket")}, "username": {victim}, "next": {"/welcome"}}
		asked = p.form("/federated", values)
		values.Set("step", "code")
		values.Set("ticket", asked.hidden(t, "ticket"))
		values.Set("code", w.lastMail().Code)
		if a := p.form("/federated", values); a.StatusCode != 303 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	},
}

func TestAPreHijackedAccountIsNeverTheVictims(t *testing.T) {
	t.Parallel()
	for name, arrive := range arrivals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, f := dig(t)
			attacker := f.browser.me()
			p := w.person()
			arrive(t, w, p)
			got := p.me()
			if got.ID == attacker.ID || got.Login != victim {
				t.Fatalf("the victim is %+v, the attacker %+v", got, attacker)
			}
			account, err := p.Account(w.ctx)
			ok(t, err)
			if len(account.Passkeys) != 0 || account.TOTP || account.RecoveryCodesLeft != 0 {
				t.Errorf("the victim's account has %+v", account)
			}
			w.unchanged([]string{victim}, func() {
				f.useSessions(t)
				f.useWaysIn(t, w, got.ID)
				f.useWhatWasBegun(t, w)
			})
		})
	}
}

// useSessions is the attack of the unexpired session.
func (f foothold) useSessions(t *testing.T) {
	t.Helper()
	for _, p := range []person{f.browser, f.app} {
		p.send("GET", "/api/account", "").want(t, 401, mapae.CodeUnauthenticated)
		p.send("POST", "/api/account/password", `{"password":"a new horse, a new battery"}`).want(t, 401, mapae.CodeUnauthenticated)
	}
	seeOther(t, f.browser.page("/account"), "/sign-in?next=%2Faccount")
}

// useWaysIn are the attacks of the classic account that is merged, of the trojan
// identifier, and of the provider that proves nothing.
func (f foothold) useWaysIn(t *testing.T, w abroad, victims string) {
	t.Helper()
	q := w.person()
	_, err := q.SignInPassword(w.ctx, victim, password)
	wantCode(t, err, 401, mapae.CodeAuthenticationFailed)
	if a := q.form("/sign-in", signInValues(victim, password)); a.StatusCode != 401 || q.cookie() != "" {
		t.Errorf("the old password by the page: %d", a.StatusCode)
	}
	ticket, err := q.BeginRecovery(w.ctx, victim)
	ok(t, err)
	_, err = q.ProveRecovery(w.ctx, ticket, "recovery_code", f.codes[1])
	wantCode(t, err, 401, mapae.CodeAuthenticationFailed)
	_, err = q.ProveRecovery(w.ctx, ticket, "totp", w.code(f.secret))
	wantCode(t, err, 401, mapae.CodeAuthenticationFailed)

	keyed := f.browser.another()
	_, err = keyed.SignIn(w.ctx)
	ok(t, err)
	if me := keyed.me(); me.ID == victims || me.Login == victim || strings.Contains(string(keyed.page("/account").body), victim) {
		t.Errorf("the attacker's passkey opens %+v", me)
	}
	w.idp.says(mapae.Profile{Subject: "attacker", Email: victim, EmailVerified: true}, nil) // whatever it says now
	q.trip(t, "/").wantSaid(t, 200, "One more step")                                        // of the attacker's own account
	w.idp.says(mapae.Profile{Subject: "another", Email: victim, EmailVerified: true}, nil)
	q.trip(t, "/").wantSaid(t, 200, "Acme &amp; Sons")
	if q.cookie() != "" {
		t.Error("a provider's word for the address signs in")
	}
}

// useWhatWasBegun is the attack of the unexpired change of address, and of all
// else that was under way.
func (f foothold) useWhatWasBegun(t *testing.T, w abroad) {
	t.Helper()
	p := f.browser
	for path, body := range map[string]struct{ ticket, body string }{
		"/api/account/email":         {f.change, `{"email":"evil@example.com"}`},
		"/api/account/email/confirm": {f.moving, `{"code":` + text(f.moved) + `}`},
		"/api/account/email/verify":  {f.proof, `{"code":"0000-0000"}`},
	} {
		a := p.send("POST", path, body.body, header(ticketHeader, body.ticket))
		a.want(t, 401, mapae.CodeUnauthenticated)
		keyed := p.another() // with a session of the attacker's own, that lives
		_, err := keyed.SignIn(w.ctx)
		ok(t, err)
		keyed.send("POST", path, body.body, header(ticketHeader, body.ticket)).want(t, 400, mapae.CodeCeremonyInvalid)
	}
	p.form("/verify-email", url.Values{"ticket": {f.proof}, "code": {"0000-0000"}}).says(t, "a proof by the page", 401, "Please sign in first.")
	f.half.send("POST", "/api/auth/totp/verify", `{"code":"`+w.code(f.secret)+`"}`, header(ticketHeader, f.second)).want(t, 400, mapae.CodeCeremonyInvalid)
	w.pass(73 * time.Hour)
	_, err := p.ClaimRecovery(w.ctx, f.claim)
	wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
	if a := p.form("/recover", url.Values{"step": {"claim"}, "claim": {f.claim}}); a.StatusCode != 400 {
		t.Errorf("the claim by the page: %d %s", a.StatusCode, a.body)
	}
}
