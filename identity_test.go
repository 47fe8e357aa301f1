package mapae_test

import (
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

func TestAnIdentityIsLinkedInAFreshSessionAndSignsIn(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, byMail)
	key := webauthntest.New(origin)
	in := e.signUpProven(browser(1), key, "kim@example.com")
	e.pass(11 * time.Minute)
	_, err := e.BeginLink(e.ctx, browser(1), e.current(in), request(e.acme))
	wantCode(t, err, mapae.CodeStepUpRequired)
	in = e.signIn(browser(1), key)
	cur := e.current(in)
	late := back(e.acme, must(e.BeginLink(e.ctx, browser(1), cur, request(e.acme)))(t))
	e.pass(9*time.Minute + 59*time.Second)
	if _, err := e.FinishFederated(e.ctx, browser(1), &cur, late); err != nil {
		t.Fatal(err)
	}
	e.wantEvent(mapae.EventIdentityLinked, "")
	step := must(e.come(browser(2), e.acme))(t)
	if step.Second == nil { // Kim's passkey
		t.Errorf("%+v", step)
	}
	if own := must(e.Account(e.ctx, cur))(t).Identities; len(own) != 1 || own[0].Subject != "1" {
		t.Errorf("the account has %+v", own)
	}
	_, err = e.FinishFederated(e.ctx, browser(1), &cur, late)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

func TestALinkIsForTheSessionThatAskedForIt(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, byMail)
	key, lee := webauthntest.New(origin), webauthntest.New(origin)
	kim, stranger := e.signUpProven(browser(1), key, "kim@example.com"), e.signUpProven(browser(1), lee, "lee@example.com")
	kimsOther := e.signIn(browser(1), key)
	cur := e.current(kim)
	for name, other := range map[string]mapae.Admitted{"another user": stranger, "another session": kimsOther} {
		answer := back(e.acme, must(e.BeginLink(e.ctx, browser(1), cur, request(e.acme)))(t))
		session := e.current(other)
		_, err := e.FinishFederated(e.ctx, browser(1), &session, answer)
		if wantCode(t, err, mapae.CodeCeremonyInvalid); t.Failed() {
			t.Fatal(name)
		}
	}
	answer := back(e.acme, must(e.BeginLink(e.ctx, browser(1), cur, request(e.acme)))(t))
	in := must(e.EndOtherSessions(e.ctx, browser(1), cur))(t)
	cur = e.current(in)
	_, err := e.FinishFederated(e.ctx, browser(1), &cur, answer)
	wantCode(t, err, mapae.CodeCeremonyInvalid) // of another epoch
	if own := must(e.Identities(e.ctx, cur))(t); len(own) != 0 {
		t.Errorf("linked %+v", own)
	}
}

func TestAnIdentityIsOneUsersOnly(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, byMail)
	kim, lee := e.signUpProven(browser(1), webauthntest.New(origin), "kim@example.com"), e.signUpProven(browser(2), webauthntest.New(origin), "lee@example.com")
	if err := e.linkTo(browser(1), e.acme, kim); err != nil {
		t.Fatal(err)
	}
	for _, in := range []mapae.Admitted{lee, kim} {
		wantCode(t, e.linkTo(browser(1), e.acme, in), mapae.CodeConflict)
		e.wantEvent(mapae.EventIdentityLinkFailed, "acme:taken")
	}
	id := must(e.Identities(e.ctx, e.current(kim)))(t)[0].ID()
	wantCode(t, e.Unlink(e.ctx, browser(2), e.current(lee), id), mapae.CodeNotFound)
	wantCode(t, e.Unlink(e.ctx, browser(1), e.current(kim), id[:15]), mapae.CodeNotFound)
	if err := e.Unlink(e.ctx, browser(1), e.current(kim), id); err != nil {
		t.Fatal(err)
	}
	e.wantEvent(mapae.EventIdentityUnlinked, "")
	if err := e.linkTo(browser(2), e.acme, lee); err != nil {
		t.Errorf("what was let go can't be linked: %v", err)
	}
}

func TestTheLastIdentityStays(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, all)
	in := e.in(browser(1), e.acme)
	cur := e.current(in)
	id := must(e.Identities(e.ctx, cur))(t)[0].ID()
	wantCode(t, e.Unlink(e.ctx, browser(1), cur, id), mapae.CodeLastFactor)
	e.other.says(vouched("2", "kim@example.com"))
	if err := e.linkTo(browser(1), e.other, in); err != nil {
		t.Fatal(err)
	}
	// An identity of a provider that is configured no more is no way in.
	alone := e.node(func(c *mapae.Config) { c.Methods = []mapae.Method{mapae.Passkey{}, mapae.Federated{e.acme}} })
	wantCode(t, alone.Unlink(e.ctx, browser(1), cur, id), mapae.CodeLastFactor)
	if err := e.Unlink(e.ctx, browser(1), cur, id); err != nil {
		t.Fatal(err)
	}
	e.pass(11 * time.Minute)
	wantCode(t, e.Unlink(e.ctx, browser(1), e.current(in), id), mapae.CodeStepUpRequired)
}

// Of two identities that are let go at the same moment one stays.
func TestTheLastTwoIdentitiesAreNotLostTogether(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, all)
	in := e.in(browser(1), e.acme)
	e.other.says(vouched("2", "kim@example.com"))
	if err := e.linkTo(browser(1), e.other, in); err != nil {
		t.Fatal(err)
	}
	cur := e.current(in)
	own := must(e.Identities(e.ctx, cur))(t)
	won := race(16, func() error {
		if err := e.Unlink(e.ctx, browser(1), cur, own[0].ID()); err != nil {
			return e.Unlink(e.ctx, browser(1), cur, own[1].ID())
		}
		return nil
	})
	if left := must(e.Identities(e.ctx, cur))(t); won != 1 || len(left) != 1 {
		t.Errorf("%d of 16 won, %d identities are left", won, len(left))
	}
}

func TestWhoUnlinksMeanwhileDoesNotComeIn(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, all)
	in := e.in(browser(1), e.acme)
	e.addPasskey(browser(1), in, webauthntest.New(origin), "")
	cur := e.current(in)
	id := must(e.Identities(e.ctx, cur))(t)[0].ID()
	answer := e.begin(browser(2), e.acme)
	if err := e.Unlink(e.ctx, browser(1), cur, id); err != nil {
		t.Fatal(err)
	}
	if step, err := e.FinishFederated(e.ctx, browser(2), nil, answer); err != nil || step.Taken == "" || step.Token != "" || step.Second != nil {
		t.Errorf("%+v, %v", step, err)
	}
}

func TestAStepUpByAnIdentityOfOnesOwn(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, byMail)
	in := e.in(browser(1), e.acme)
	lee := e.signUpProven(browser(2), webauthntest.New(origin), "lee@example.com")
	e.other.says(vouched("9", "lee@example.com"))
	if err := e.linkTo(browser(2), e.other, lee); err != nil {
		t.Fatal(err)
	}
	e.pass(11 * time.Minute)
	cur := e.current(in)
	again := func(p *idp) (mapae.FederatedStep, error) {
		return e.FinishFederated(e.ctx, browser(1), &cur, back(p, must(e.BeginReauthFederated(e.ctx, browser(1), cur, request(p)))(t)))
	}
	_, err := again(e.other)
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	e.wantEvent(mapae.EventReauthFailed, "other:identity")
	e.acme.says(vouched("7", "kim@example.com"))
	_, err = again(e.acme)
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	if cur.Session.Meets(e.now(), mapae.Within(10*time.Minute)) {
		t.Fatal("the session is fresh")
	}
	e.acme.says(vouched("1", "kim@example.com"))
	step := must(again(e.acme))(t)
	if !step.Session.Meets(e.now(), mapae.Within(10*time.Minute)) || step.Session.ID != cur.Session.ID || step.Token == "" || step.Session.AAL() != 1 {
		t.Errorf("%+v", step)
	}
	if e.acme.begun.Since.IsZero() || e.acme.ended.Since.After(e.acme.begun.Since) {
		t.Errorf("a fresh proof is asked for after %v, %v", e.acme.begun.Since, e.acme.ended.Since)
	}
}

func TestAnIdentityIsAProofInARecovery(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, all)
	in := e.in(browser(1), e.acme)
	_, codes := e.addTOTP(browser(1), in)
	ticket := e.recovery(browser(2), "kim@example.com")
	prove := func(ticket string) (mapae.FederatedStep, error) {
		return e.FinishFederated(e.ctx, browser(2), nil, back(e.acme, must(e.BeginRecoveryFederated(e.ctx, browser(2), ticket, request(e.acme)))(t)))
	}
	e.acme.says(vouched("2", "kim@example.com"))
	_, err := prove(ticket)
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	e.wantEvent(mapae.EventRecoveryFailed, "acme:identity")
	e.acme.says(vouched("1", "kim@example.com"))
	_, err = prove(e.recovery(browser(2), "lee@example.com"))
	wantCode(t, err, mapae.CodeAuthenticationFailed)

	step := must(prove(ticket))(t)
	if step.Recovery == nil || step.Recovery.Ready || step.Token != "" || step.Second != nil {
		t.Fatalf("%+v", step)
	}
	_, err = e.BeginRecoveryFederated(e.ctx, browser(2), step.Recovery.Ticket, request(e.acme))
	wantCode(t, err, mapae.CodeBadRequest) // each method once
	_, err = e.ProveRecovery(e.ctx, browser(2), ticket, mapae.MethodRecoveryCode, codes[0])
	wantCode(t, err, mapae.CodeCeremonyInvalid) // the ticket was used
	_, err = e.ProveRecovery(e.ctx, browser(2), e.recovery(browser(2), "kim@example.com"), mapae.MethodFederated, codes[0])
	wantCode(t, err, mapae.CodeBadRequest)
	ready := must(e.ProveRecovery(e.ctx, browser(2), step.Recovery.Ticket, mapae.MethodRecoveryCode, codes[1]))(t)
	if !ready.Ready {
		t.Errorf("two proofs are not enough: %+v", ready)
	}
}

// What was linked shortly before the owner froze the account may be the
// thief's: it proves nothing in a recovery.
func TestAnIdentityThatTheOwnerMayNotKnowIsNoProofWhileTheAccountIsFrozen(t *testing.T) {
	t.Parallel()
	for name, old := range map[string]bool{"linked before": true, "linked lately": false} {
		e := newElsewhere(t, byMail)
		key := webauthntest.New(origin)
		in := e.signUpProven(browser(1), key, "kim@example.com")
		link := func() {
			if err := e.linkTo(browser(1), e.acme, in); err != nil {
				t.Fatal(err)
			}
		}
		freeze := func(until time.Time) {
			err := e.store.Update(e.ctx, func(tx mapae.Tx) error {
				u, err := tx.LockUser(e.ctx, in.User.ID)
				if err != nil {
					return err
				}
				u.FrozenUntil = until
				return tx.UpdateUser(e.ctx, u)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if old {
			link()
		}
		e.pass(9 * 24 * time.Hour)
		if !old {
			in = e.signIn(browser(1), key)
			link()
		}
		freeze(e.now().Add(72 * time.Hour))
		ticket := e.recovery(browser(2), "kim@example.com")
		_, err := e.FinishFederated(e.ctx, browser(2), nil, back(e.acme, must(e.BeginRecoveryFederated(e.ctx, browser(2), ticket, request(e.acme)))(t)))
		if (err == nil) != old {
			t.Errorf("%s: %v", name, err)
		}
	}
}
