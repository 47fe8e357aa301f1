package mapae_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

// idp is a provider that says what a test wants; package federated has real ones.
type idp struct {
	name string

	mu      sync.Mutex
	profile mapae.Profile
	err     error
	begun   mapae.ProviderTrip
	ended   mapae.ProviderTrip
	asked   int
}

func (p *idp) Name() string   { return p.name }
func (p *idp) Label() string  { return strings.ToUpper(p.name) }
func (p *idp) Issuer() string { return "https://" + p.name + ".example" }

func (p *idp) Start(_ context.Context, trip mapae.ProviderTrip) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = trip
	return p.Issuer() + "/?state=" + url.QueryEscape(trip.State), p.err
}

func (p *idp) Finish(_ context.Context, trip mapae.ProviderTrip, answer mapae.ProviderAnswer) (mapae.Profile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended, p.asked = trip, p.asked+1
	out := p.profile
	if sub, ok := strings.CutPrefix(answer.Code, "sub:"); ok {
		out.Subject = sub
		if out.EmailVerified {
			out.Email = sub + "@example.com"
		}
	}
	return out, p.err
}

func (p *idp) says(profile mapae.Profile) *idp {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.profile, p.err = profile, nil
	return p
}

func (p *idp) fails(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// elsewhere is a world with two providers.
type elsewhere struct {
	*world
	acme, other *idp
}

// vouched is somebody whose address the provider has proven.
func vouched(subject, email string) mapae.Profile {
	return mapae.Profile{Subject: subject, Email: email, EmailVerified: true, Name: "Kim"}
}

func newElsewhere(t *testing.T, change ...func(*mapae.Config)) elsewhere {
	t.Helper()
	e := elsewhere{acme: &idp{name: "acme"}, other: &idp{name: "other"}}
	e.acme.says(vouched("1", "kim@example.com"))
	e.other.says(vouched("1", "kim@example.com"))
	e.world = newWorld(t, append(slices.Clone(change), e.federate)...)
	return e
}

// federate offers the providers.
func (e elsewhere) federate(c *mapae.Config) {
	c.Methods = append(slices.Clone(c.Methods), mapae.Federated{e.acme, e.other})
}

const redirect = origin + "/api/auth/federated/acme/callback"

// back is what the provider sends the browser back with.
func back(p *idp, to string) mapae.FederatedAnswer {
	u, _ := url.Parse(to)
	a := mapae.FederatedAnswer{Provider: p.name, RedirectURI: redirect, State: u.Query().Get("state")}
	a.Code = "code"
	return a
}

func request(p *idp) mapae.FederatedRequest {
	return mapae.FederatedRequest{Provider: p.name, RedirectURI: redirect, Next: "/next", Locale: "ko"}
}

// begin goes to p to sign in.
func (e elsewhere) begin(c mapae.Client, p *idp) mapae.FederatedAnswer {
	e.t.Helper()
	return back(p, must(e.BeginFederated(e.ctx, c, request(p)))(e.t))
}

// come signs in by p.
func (e elsewhere) come(c mapae.Client, p *idp) (mapae.FederatedStep, error) {
	e.t.Helper()
	return e.FinishFederated(e.ctx, c, nil, e.begin(c, p))
}

// in is come for who gets in.
func (e elsewhere) in(c mapae.Client, p *idp) mapae.Admitted {
	e.t.Helper()
	step := must(e.come(c, p))(e.t)
	if step.Token == "" {
		e.t.Fatalf("nobody is signed in: %+v", step)
	}
	return step.Admitted
}

// linkTo links an account at p with that of in.
func (e elsewhere) linkTo(c mapae.Client, p *idp, in mapae.Admitted) error {
	e.t.Helper()
	cur := e.current(in)
	to := must(e.BeginLink(e.ctx, c, cur, request(p)))(e.t)
	_, err := e.FinishFederated(e.ctx, c, &cur, back(p, to))
	return err
}

// wantEvent demands the last event's type and reason.
func (e elsewhere) wantEvent(what mapae.EventType, reason string) {
	e.t.Helper()
	if last := e.lastEvent(); last.Type != what || last.Reason != reason || last.Method != mapae.MethodFederated {
		e.t.Errorf("the last event is %s %s %q, want %s %q", last.Type, last.Method, last.Reason, what, reason)
	}
}

func TestSomebodyNewComesByAProviderThatVouchesForThem(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	first := e.in(browser(1), e.acme)
	u := e.current(first).User
	if u.Login != "kim@example.com" || u.EmailVerifiedAt.IsZero() || u.Name != "Kim" || u.Locale != "ko" || e.lastEvent().Type != mapae.EventSignUp {
		t.Errorf("the account is %+v, the event %+v", u, e.lastEvent())
	}
	if s := first.Session; s.AAL() != 1 || s.PhishingResistant() || len(s.Uses) != 1 || s.Uses[0].Method != mapae.MethodFederated {
		t.Errorf("the session is %+v", s)
	}
	// The same subject with another address is the same person.
	e.acme.says(vouched("1", "changed@example.com"))
	if again := e.in(browser(2), e.acme); again.User.ID != u.ID || e.lastEvent().Type != mapae.EventSignIn {
		t.Errorf("the second time it is %v, %s", again.User.ID, e.lastEvent().Type)
	}
	own := must(e.Identities(e.ctx, e.current(first)))(t)
	if len(own) != 1 || own[0].Provider != "https://acme.example" || own[0].Subject != "1" || own[0].Email != "kim@example.com" || !own[0].LastUsedAt.After(own[0].CreatedAt) {
		t.Errorf("identities are %+v", own)
	}
}

func TestEachTripHasItsOwnNonceAndVerifier(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	seen := map[string]bool{}
	for range 3 {
		e.in(browser(1), e.acme)
		begun, ended := e.acme.begun, e.acme.ended
		if begun.Nonce != ended.Nonce || begun.Verifier != ended.Verifier || begun.State != ended.State || ended.RedirectURI != redirect || len(begun.Nonce) != 43 || len(begun.Verifier) != 43 || !begun.Since.IsZero() {
			t.Errorf("begun %+v, ended %+v", begun, ended)
		}
		for _, secret := range []string{begun.Nonce, begun.Verifier, begun.State} {
			if seen[secret] || strings.Contains(begun.State, begun.Verifier) {
				t.Errorf("%s is there twice, or told", secret)
			}
			seen[secret] = true
		}
	}
}

func TestWhoHasASecondFactorMustUseIt(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, all)
	in := e.in(browser(1), e.acme)
	secret, _ := e.addTOTP(browser(1), in)
	step := must(e.come(browser(2), e.acme))(t)
	if step.Second == nil || step.Token != "" || !slices.Contains(step.Second.Methods, mapae.MethodTOTP) {
		t.Fatalf("the step is %+v", step)
	}
	done := must(e.SecondFactorTOTP(e.ctx, browser(2), step.Second.Ticket, e.code(secret)))(t)
	if done.Session.AAL() != 2 {
		t.Errorf("the session is %+v", done.Session)
	}
}

func TestNobodyIsLinkedByAnAddress(t *testing.T) { // BI-445, BI-448
	t.Parallel()
	for name, profile := range map[string]mapae.Profile{
		"proven": vouched("1", "kim@example.com"), "proven, in other letters": vouched("1", "KIM@Example.com"),
		"not proven": {Subject: "1", Email: "kim@example.com"},
	} {
		e := newElsewhere(t, byMail)
		kim := e.signUpProven(browser(1), webauthntest.New(origin), "kim@example.com")
		e.acme.says(profile)
		step, err := e.come(browser(2), e.acme)
		own := must(e.Identities(e.ctx, e.current(kim)))(t)
		if err != nil || step.Token != "" || step.Second != nil || len(own) != 0 || e.sessions(kim.User) != 1 {
			t.Errorf("%s: %+v, %v, linked %+v", name, step, err, own)
		}
		if proven := profile.EmailVerified; proven != (step.Taken == profile.Email) || proven == (step.Unproven != nil) {
			t.Errorf("%s: %+v", name, step)
		}
	}
	// Another subject with the address of an account that another one made.
	e := newElsewhere(t)
	e.in(browser(1), e.acme)
	e.acme.says(vouched("2", "kim@example.com"))
	if step, err := e.come(browser(2), e.acme); err != nil || step.Taken != "kim@example.com" || step.Token != "" {
		t.Errorf("another subject: %+v, %v", step, err)
	}
	e.wantEvent(mapae.EventSignInFailed, "acme:taken")
	// The same subject of another provider is somebody else.
	if step, err := e.come(browser(2), e.other); err != nil || step.Taken == "" {
		t.Errorf("another provider: %+v, %v", step, err)
	}
}

func TestAnAddressThatNobodyVouchesForIsProvenFirst(t *testing.T) {
	t.Parallel()
	for name, profile := range map[string]mapae.Profile{
		"unproven": {Subject: "1", Email: "kim@example.com", Name: "Kim"}, "missing": {Subject: "1"}, "no address": {Subject: "1", Email: "kim", EmailVerified: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newElsewhere(t, byMail)
			e.acme.says(profile)
			step := must(e.come(browser(1), e.acme))(t)
			if step.Unproven == nil || step.Unproven.Ticket == "" || step.Token != "" {
				t.Fatalf("the step is %+v", step)
			}
			ask := must(e.RequestFederatedCode(e.ctx, browser(1), step.Unproven.Ticket, "lee@example.com"))(t)
			_, err := e.FinishFederatedSignUp(e.ctx, browser(1), ask, "0000-0000")
			wantCode(t, err, mapae.CodeAuthenticationFailed)
			code := e.mail(mapae.MailSignUpCode, "lee@example.com").Code
			for _, foreign := range []struct {
				c      mapae.Client
				ticket string
			}{{browser(2), ask}, {browser(1), step.Unproven.Ticket}} {
				_, err = e.FinishFederatedSignUp(e.ctx, foreign.c, foreign.ticket, code)
				wantCode(t, err, mapae.CodeCeremonyInvalid)
			}
			_, err = e.ProveSignUp(e.ctx, browser(1), ask, code)
			wantCode(t, err, mapae.CodeCeremonyInvalid)
			in := must(e.FinishFederatedSignUp(e.ctx, browser(1), ask, code))(t)
			if u := e.current(in).User; u.Login != "lee@example.com" || u.EmailVerifiedAt.IsZero() || u.Name == "" || u.Locale != "ko" {
				t.Errorf("the account is %+v", u)
			}
			_, err = e.FinishFederatedSignUp(e.ctx, browser(1), ask, code)
			wantCode(t, err, mapae.CodeCeremonyInvalid)
			if again := e.in(browser(3), e.acme); again.User.ID != in.User.ID {
				t.Errorf("the second time it is %v", again.User.ID)
			}
		})
	}
}

func TestWhoHasTheAddressIsToldByMailAndNobodyElse(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, byMail)
	e.signUpProven(browser(5), webauthntest.New(origin), "kim@example.com")
	e.acme.says(mapae.Profile{Subject: "1"})
	step := must(e.come(browser(1), e.acme))(t)
	ask := must(e.RequestFederatedCode(e.ctx, browser(1), step.Unproven.Ticket, "kim@example.com"))(t)
	if m := e.mail(mapae.MailSignUpTaken, "kim@example.com"); m.Code != "" || m.Link == "" {
		t.Errorf("the mail is %+v", m)
	}
	free := must(e.RequestFederatedCode(e.ctx, browser(1), step.Unproven.Ticket, "lee@example.com"))(t)
	if len(free) != len(ask) {
		t.Errorf("tickets have %d and %d bytes", len(ask), len(free))
	}
}

func TestACodeForSomebodyNewIsAskedForOnAGridOfTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // only the wait takes time here
		e := newElsewhere(t, byMail)
		e.signUpProven(browser(5), webauthntest.New(origin), "kim@example.com")
		e.acme.says(mapae.Profile{Subject: "1"})
		step := must(e.come(browser(1), e.acme))(t)
		for _, email := range []string{"kim@example.com", "lee@example.com"} {
			start := time.Now()
			must(e.RequestFederatedCode(e.ctx, browser(1), step.Unproven.Ticket, email))(t)
			if took := time.Since(start); took != 10*time.Millisecond {
				t.Errorf("%s is answered after %v", email, took)
			}
		}
	})
}

func TestWithoutAMailerAnUnprovenAddressIsRefused(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	e.acme.says(mapae.Profile{Subject: "1", Email: "kim@example.com"})
	_, err := e.come(browser(1), e.acme)
	wantCode(t, err, mapae.CodeForbidden)
	e.wantEvent(mapae.EventSignInFailed, "acme:unproven")
	if _, err := e.store.UserByLogin(e.ctx, "kim@example.com"); !errors.Is(err, mapae.ErrNotFound) {
		t.Errorf("there is an account: %v", err)
	}
}

func TestAStateIsGoodOnceHereAndInTime(t *testing.T) { // BI-436, BI-437, BI-449
	t.Parallel()
	e := newElsewhere(t, all)
	in := e.in(browser(1), e.acme)
	cur := e.current(in)
	good := func() mapae.FederatedAnswer { return e.begin(browser(1), e.acme) }
	ticket := must(e.BeginRecovery(e.ctx, browser(1), "kim@example.com"))(t)
	elsewhere := e.node(func(c *mapae.Config) { c.Methods = []mapae.Method{mapae.Passkey{}, mapae.Federated{e.other}} })
	link := back(e.acme, must(e.BeginLink(e.ctx, browser(1), cur, request(e.acme)))(t))
	for name, c := range map[string]struct {
		c    mapae.Client
		cur  *mapae.Current
		with func() mapae.FederatedAnswer
		code mapae.Code
	}{
		"another browser":       {browser(2), nil, good, mapae.CodeCeremonyInvalid},
		"no cookie":             {mapae.Client{}, nil, good, mapae.CodeCeremonyInvalid},
		"an app":                {app, nil, good, mapae.CodeCeremonyInvalid},
		"missing":               {browser(1), nil, func() mapae.FederatedAnswer { a := good(); a.State = ""; return a }, mapae.CodeCeremonyInvalid},
		"truncated":             {browser(1), nil, func() mapae.FederatedAnswer { a := good(); a.State = a.State[:len(a.State)-1]; return a }, mapae.CodeCeremonyInvalid},
		"a ticket":              {browser(1), nil, func() mapae.FederatedAnswer { a := good(); a.State = ticket; return a }, mapae.CodeCeremonyInvalid},
		"a ticket's seal":       {browser(1), nil, func() mapae.FederatedAnswer { a := good(); a.State = "mf_" + ticket[3:]; return a }, mapae.CodeCeremonyInvalid},
		"of another provider":   {browser(1), nil, func() mapae.FederatedAnswer { a := good(); a.Provider = "other"; return a }, mapae.CodeCeremonyInvalid},
		"of a provider of none": {browser(1), nil, func() mapae.FederatedAnswer { a := good(); a.Provider = "none"; return a }, mapae.CodeNotFound},
		"late":                  {browser(1), nil, func() mapae.FederatedAnswer { a := good(); e.pass(10 * time.Minute); return a }, mapae.CodeCeremonyInvalid},
		"a link, signed out":    {browser(1), nil, func() mapae.FederatedAnswer { return link }, mapae.CodeCeremonyInvalid},
		"no code":               {browser(1), nil, func() mapae.FederatedAnswer { a := good(); a.Code = ""; return a }, mapae.CodeAuthenticationFailed},
		"a long code":           {browser(1), nil, func() mapae.FederatedAnswer { a := good(); a.Code = strings.Repeat("x", 2049); return a }, mapae.CodeAuthenticationFailed},
		"an error":              {browser(1), nil, func() mapae.FederatedAnswer { a := good(); a.Error = "<b>invalid_scope"; return a }, mapae.CodeAuthenticationFailed},
	} {
		before, asked := e.sessions(in.User), e.acme.asked
		step, err := e.FinishFederated(e.ctx, c.c, c.cur, c.with())
		if wantCode(t, err, c.code); t.Failed() {
			t.Fatal(name)
		}
		if step.Token != "" || e.sessions(in.User) != before || e.acme.asked != asked {
			t.Errorf("%s: %+v, the provider was asked %d times", name, step, e.acme.asked-asked)
		}
	}
	_, err := elsewhere.FinishFederated(e.ctx, browser(1), nil, good())
	wantCode(t, err, mapae.CodeNotFound)
	once := good()
	must(e.FinishFederated(e.ctx, browser(1), nil, once))(t)
	_, err = e.FinishFederated(e.ctx, browser(1), nil, once)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

func TestAStepUpByAProviderAllowsItsActionOnce(t *testing.T) {
	t.Parallel()
	e, c := newElsewhere(t), browser(1)
	in := e.in(c, e.acme)
	stepUp := func(action mapae.Action) (ticket string) {
		t.Helper()
		cur, req := e.current(in), request(e.acme)
		req.Action = action
		step := must(e.FinishFederated(e.ctx, c, &cur, back(e.acme, must(e.BeginReauthFederated(e.ctx, c, cur, req))(t))))(t)
		if step.Action != action || (step.Ticket != "") != (action != mapae.ActionNone) {
			t.Fatalf("a step-up for %q leads to %+v", action, step)
		}
		in = step.Admitted
		return step.Ticket
	}
	stepUp(mapae.ActionNone)
	ticket := stepUp(mapae.ActionChangeEmail)
	wantCode(t, e.DeleteAccount(e.ctx, c, e.current(in), ticket), mapae.CodeCeremonyInvalid)
	if u := must(e.ChangeEmail(e.ctx, c, e.current(in), ticket, "new@example.com"))(t); u.Email != "new@example.com" {
		t.Errorf("user %+v", u)
	}
	_, err := e.ChangeEmail(e.ctx, c, e.current(in), ticket, "again@example.com")
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	ticket = stepUp(mapae.ActionDeleteAccount)
	if err := e.DeleteAccount(e.ctx, c, e.current(in), ticket); err != nil {
		t.Fatal(err)
	}
}

func TestSixteenAnswersAtOnceAreOneSession(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	for name, profile := range map[string]mapae.Profile{"a new account": vouched("1", "kim@example.com"), "a known one": vouched("1", "kim@example.com")} {
		e.acme.says(profile)
		answer := e.begin(browser(1), e.acme)
		won := race(16, func() error {
			_, err := e.FinishFederated(e.ctx, browser(1), nil, answer)
			return err
		})
		if won != 1 {
			t.Errorf("%s: %d of 16 got in", name, won)
		}
	}
}

func TestTwoWhoComeAtOnceGetTheirOwnAccounts(t *testing.T) { // BI-452
	t.Parallel()
	e := newElsewhere(t, byMail)
	for _, vouches := range []bool{true, false} {
		e.acme.says(mapae.Profile{EmailVerified: vouches})
		var wait sync.WaitGroup
		for i := range 16 {
			wait.Go(func() {
				answer := e.begin(browser(byte(i)), e.acme)
				who := fmt.Sprintf("%v-%d", vouches, i)
				answer.Code = "sub:" + who
				step, err := e.FinishFederated(e.ctx, browser(byte(i)), nil, answer)
				if err != nil || vouches && step.User.Login != who+"@example.com" || !vouches && step.Unproven == nil {
					t.Errorf("%s: %+v, %v", who, step, err)
				}
			})
		}
		wait.Wait()
	}
}

func TestARefusedAnswerSpendsTheStateAndAProviderThatIsDownDoesNot(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	answer := e.begin(browser(1), e.acme)
	e.acme.fails(context.DeadlineExceeded)
	_, err := e.FinishFederated(e.ctx, browser(1), nil, answer)
	wantCode(t, err, mapae.CodeUnavailable)
	if _, err := e.BeginFederated(e.ctx, browser(1), request(e.acme)); !errors.Is(err, mapae.ErrUnavailable) {
		t.Errorf("going there: %v", err)
	}
	if n := len(e.events()); n != 0 {
		t.Errorf("%d events of a provider that is down", n)
	}
	e.acme.fails(&mapae.ProviderError{Reason: "nonce", Err: errors.New("x")})
	_, err = e.FinishFederated(e.ctx, browser(1), nil, answer)
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	e.wantEvent(mapae.EventSignInFailed, "acme:nonce")
	e.acme.says(vouched("1", "kim@example.com"))
	_, err = e.FinishFederated(e.ctx, browser(1), nil, answer)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	answer = e.begin(browser(1), e.acme)
	e.acme.fails(&mapae.ProviderError{Reason: mapae.ReasonMixedUp, Err: errors.New("x")})
	_, err = e.FinishFederated(e.ctx, browser(1), nil, answer)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	e.wantEvent(mapae.EventSignInFailed, "acme:mixed_up")
}

func TestSayingNoAtTheProviderChangesNothing(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	answer := e.begin(browser(1), e.acme)
	answer.Code, answer.Error = "", "access_denied"
	step, err := e.FinishFederated(e.ctx, browser(1), nil, answer)
	if err != nil || !step.Cancelled || step.Next != "/next" || step.Purpose != mapae.FederatedSignIn || len(e.events()) != 0 || e.acme.asked != 0 {
		t.Errorf("%+v, %v", step, err)
	}
}

func TestOddSubjectsAreRefused(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	for _, subject := range []string{"", strings.Repeat("x", 256), "a\x00b", "\xff"} {
		e.acme.says(vouched(subject, "kim@example.com"))
		_, err := e.come(browser(1), e.acme)
		wantCode(t, err, mapae.CodeAuthenticationFailed)
		e.wantEvent(mapae.EventSignInFailed, "acme:subject")
	}
}

func TestADisabledUserDoesNotComeByAProvider(t *testing.T) { // BI-451
	t.Parallel()
	e := newElsewhere(t)
	in := e.in(browser(1), e.acme)
	if err := e.DisableUser(e.ctx, in.User.ID); err != nil {
		t.Fatal(err)
	}
	_, err := e.come(browser(1), e.acme)
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	e.wantEvent(mapae.EventSignInFailed, "acme:user_disabled")
	// Nor does another identity with the address get a second account.
	if step, err := e.come(browser(1), e.other); err != nil || step.Taken == "" || step.Token != "" {
		t.Errorf("%+v, %v", step, err)
	}
}

func TestSignUpByAProviderKeepsToThePolicy(t *testing.T) {
	t.Parallel()
	closed := newElsewhere(t, func(c *mapae.Config) { c.SignUp = mapae.SignUpClosed })
	_, err := closed.come(browser(1), closed.acme)
	wantCode(t, err, mapae.CodeForbidden)
	closed.wantEvent(mapae.EventSignInFailed, "acme:policy")
	closed.acme.says(mapae.Profile{Subject: "1"})
	_, err = closed.come(browser(1), closed.acme)
	wantCode(t, err, mapae.CodeForbidden)

	domains := newElsewhere(t, byMail, func(c *mapae.Config) { c.SignUpDomains = []string{"example.org"} })
	_, err = domains.come(browser(1), domains.acme)
	wantCode(t, err, mapae.CodeForbidden)
	domains.acme.says(vouched("1", "kim@example.org"))
	domains.in(browser(1), domains.acme)
	domains.acme.says(mapae.Profile{Subject: "2"})
	step := must(domains.come(browser(1), domains.acme))(t)
	_, err = domains.RequestFederatedCode(domains.ctx, browser(1), step.Unproven.Ticket, "lee@example.com")
	wantCode(t, err, mapae.CodeForbidden)

	invited := newElsewhere(t, func(c *mapae.Config) { c.SignUp = mapae.SignUpInvited })
	_, err = invited.come(browser(1), invited.acme)
	wantCode(t, err, mapae.CodeForbidden)
	req := request(invited.acme)
	req.Invitation = must(invited.Invite(invited.ctx, "", time.Hour))(t)
	come := func() error {
		_, err := invited.FinishFederated(invited.ctx, browser(1), nil, back(invited.acme, must(invited.BeginFederated(invited.ctx, browser(1), req))(t)))
		return err
	}
	if err := come(); err != nil {
		t.Error(err)
	}
	invited.acme.says(vouched("2", "lee@example.com"))
	wantCode(t, come(), mapae.CodeCeremonyInvalid) // an invitation works once

	strict := newElsewhere(t, all, func(c *mapae.Config) { c.SecondFactor.Required = true })
	_, err = strict.come(browser(1), strict.acme)
	wantCode(t, err, mapae.CodeForbidden)
	strict.wantEvent(mapae.EventSignUpFailed, "second_factor_missing")
}

func TestProvidersAreConfiguredOrRefused(t *testing.T) {
	t.Parallel()
	long := &idp{name: strings.Repeat("x", 33)}
	for want, list := range map[string]mapae.Federated{
		"no provider is listed": {}, "provider 1 is nil": {&idp{name: "a"}, nil}, "a name is 1 to 32": {long}, "listed twice": {&idp{name: "a"}, &idp{name: "a"}},
	} {
		cfg := newWorld(t).cfg
		cfg.Methods = []mapae.Method{mapae.Passkey{}, list}
		if _, err := mapae.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	cfg := newWorld(t).cfg
	cfg.Methods = []mapae.Method{mapae.Federated{&idp{name: "a"}}}
	if _, err := mapae.New(cfg); err != nil {
		t.Errorf("a provider alone: %v", err)
	}
}

func TestOnlyABrowserIsSentToAProvider(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	for _, c := range []mapae.Client{app, {}} {
		_, err := e.BeginFederated(e.ctx, c, request(e.acme))
		wantCode(t, err, mapae.CodeForbidden)
	}
	_, err := e.BeginFederated(e.ctx, browser(1), mapae.FederatedRequest{Provider: "none"})
	wantCode(t, err, mapae.CodeNotFound)
	req := request(e.acme)
	req.Next, req.Locale = strings.Repeat("x", 1025), "<script>"
	step := must(e.FinishFederated(e.ctx, browser(1), nil, back(e.acme, must(e.BeginFederated(e.ctx, browser(1), req))(t))))(t)
	if step.Next != "" || step.User.Locale != "" {
		t.Errorf("%+v", step)
	}
	req.Invitation = strings.Repeat("x", 4000)
	_, err = e.BeginFederated(e.ctx, browser(1), req)
	wantCode(t, err, mapae.CodeBadRequest)
}

func TestTheOwnerIsToldOfLinks(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t, all, byMail)
	in := e.in(browser(1), e.acme)
	e.notices()
	if err := e.linkTo(browser(1), e.other, in); err != nil {
		t.Fatal(err)
	}
	e.notice(mapae.EventIdentityLinked)
	cur := e.current(in)
	for _, own := range must(e.Identities(e.ctx, cur))(t) {
		if own.Provider != e.acme.Issuer() {
			if err := e.Unlink(e.ctx, browser(1), cur, own.ID()); err != nil {
				t.Fatal(err)
			}
		}
	}
	e.notice(mapae.EventIdentityUnlinked)
}
