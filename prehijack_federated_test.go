package mapae_test

import (
	"testing"

	"github.com/mapae/mapae"
)

// Of the attacks of "Pre-hijacked accounts" those that need another provider;
// prehijack_test.go says which they are of, and has the others.

// The attacker has an account with a password and the victim's address, and
// hopes that the victim, who comes by a provider, gets into it.
func TestAClassicAccountIsNotMergedWithAFederatedOne(t *testing.T) {
	t.Parallel()
	for name, profile := range map[string]mapae.Profile{"vouched for": vouched("1", victim), "not vouched for": {Subject: "1", Email: victim}} {
		s := newSquat(t)
		e := elsewhere{world: s.world, acme: &idp{name: "acme"}, other: &idp{name: "other"}}
		e.world = s.world.node(e.federate)
		e.acme.says(profile)
		step := must(e.come(browser(1), e.acme))(t)
		in := step.Admitted
		if step.Unproven != nil {
			ask := must(e.RequestFederatedCode(e.ctx, browser(1), step.Unproven.Ticket, victim))(t)
			in = must(e.FinishFederatedSignUp(e.ctx, browser(1), ask, e.mail(mapae.MailSignUpCode, victim).Code))(t)
		}
		if in.User.ID == s.in.User.ID || in.Token == "" {
			t.Fatalf("%s: the victim got the attacker's account: %+v", name, step)
		}
		_, err := e.SignInPassword(e.ctx, browser(6), victim, password)
		wantCode(t, err, mapae.CodeAuthenticationFailed)
		if _, err := e.Session(e.ctx, s.in.Token); err == nil {
			t.Errorf("%s: the attacker's session lives", name)
		}
		if own := must(e.Account(e.ctx, e.current(in)))(t); len(own.Passkeys) != 0 || own.TOTP || own.Password || len(own.Identities) != 1 {
			t.Errorf("%s: the victim's account has %+v", name, own)
		}
	}
}

// The attacker links an account elsewhere with the account that has the
// victim's address, and hopes that it opens the one that the victim gets.
func TestATrojanIdentityOpensNothingOfTheVictims(t *testing.T) {
	t.Parallel()
	s := newSquat(t)
	e := elsewhere{world: s.world, acme: &idp{name: "acme"}, other: &idp{name: "other"}}
	e.world = s.world.node(e.federate)
	e.acme.says(vouched("attacker", "attacker@example.org"))
	if err := e.linkTo(browser(6), e.acme, s.in); err != nil {
		t.Fatal(err)
	}
	in := s.arrive()
	step := must(e.come(browser(6), e.acme))(t) // a second step of the attacker's own account
	if step.User.ID == in.User.ID || step.Second == nil {
		t.Errorf("the attacker's identity leads to %+v", step)
	}
	if own := must(e.Identities(e.ctx, e.current(in)))(t); len(own) != 0 {
		t.Errorf("the victim has the attacker's identity: %+v", own)
	}
	ticket := e.recovery(browser(6), victim)
	_, err := e.FinishFederated(e.ctx, browser(6), nil, back(e.acme, must(e.BeginRecoveryFederated(e.ctx, browser(6), ticket, request(e.acme)))(t)))
	wantCode(t, err, mapae.CodeAuthenticationFailed)
}

// The attacker has an account with the victim's address at a provider that
// proves none, and hopes that the victim, who comes later, gets into what it
// opens here.
func TestAProviderThatProvesNoAddressMakesNoAccountForIt(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, byMail)
	e.acme.says(mapae.Profile{Subject: "attacker", Email: victim})
	step := must(e.come(browser(6), e.acme))(t)
	must(e.RequestFederatedCode(e.ctx, browser(6), step.Unproven.Ticket, victim))(t)
	e.mailed() // to the victim, whose mailbox the attacker can't read
	if _, err := e.store.UserByLogin(e.ctx, victim); err != mapae.ErrNotFound {
		t.Fatalf("the attacker has an account: %v", err)
	}
	in := e.signUpProvenPassword(browser(1), victim)
	if step := must(e.come(browser(6), e.acme))(t); step.Token != "" || step.Unproven == nil {
		t.Errorf("the attacker gets %+v", step)
	}
	if n := e.sessions(in.User); n != 1 {
		t.Errorf("the victim has %d sessions", n)
	}
}

// The attacker stays signed in to the account with the victim's address, and
// hopes that it becomes the victim's.
func TestAnUnexpiredSessionDoesNotReachWhoComesByAProvider(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, all)
	attacker := e.signUpPassword(browser(6), victim) // no mailer: made at once
	e.acme.says(vouched("1", victim))
	in := e.in(browser(1), e.acme)
	if _, err := e.Session(e.ctx, attacker.Token); err == nil || in.User.ID == attacker.User.ID {
		t.Errorf("the attacker's session: %v, users %v and %v", err, attacker.User.ID, in.User.ID)
	}
	_, err := e.SignInPassword(e.ctx, browser(6), victim, password)
	wantCode(t, err, mapae.CodeAuthenticationFailed)
}
