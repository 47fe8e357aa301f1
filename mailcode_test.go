package mapae_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

// postbox keeps what was sent.
type postbox struct {
	mu  sync.Mutex
	all []mapae.Message
}

func (p *postbox) Send(_ context.Context, m mapae.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, m)
	return nil
}

// byMail offers every method, and proves addresses by mail.
func byMail(c *mapae.Config) {
	all(c)
	c.Methods = append(c.Methods, mapae.EmailCode{})
	c.Mailer = &postbox{}
}

// take delivers what waits, and returns what was sent of it: notices, or all
// else.
func (w *world) take(notices bool) (sent []mapae.Message) {
	w.t.Helper()
	must(w.Deliver(w.ctx))(w.t)
	p := w.cfg.Mailer.(*postbox)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = slices.DeleteFunc(p.all, func(m mapae.Message) bool {
		is := (m.Kind == mapae.MailNotice) == notices
		if is {
			sent = append(sent, m)
		}
		return is
	})
	return sent
}

// mailed delivers what waits, and returns all that was sent but notices.
func (w *world) mailed() []mapae.Message { w.t.Helper(); return w.take(false) }

// mail delivers the one mail that waits, notices apart, which is of that kind.
func (w *world) mail(kind mapae.MailKind, to string) mapae.Message {
	w.t.Helper()
	sent := w.mailed()
	if len(sent) != 1 || sent[0].Kind != kind || sent[0].To != to {
		w.t.Fatalf("%d mails were sent, want %s to %s: %+v", len(sent), kind, to, sent)
	}
	return sent[0]
}

// proveSignUp begins a sign-up and proves its address.
func (w *world) proveSignUp(c mapae.Client, email string) mapae.SignUpStep {
	w.t.Helper()
	step := must(w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: email, Name: "Kim"}))(w.t)
	if !step.CodeRequired || step.Options != nil {
		w.t.Fatalf("no code is asked for: %+v", step)
	}
	return must(w.ProveSignUp(w.ctx, c, step.Ticket, w.mail(mapae.MailSignUpCode, email).Code))(w.t)
}

// signUpProven makes an account with a passkey of a and a proven address.
func (w *world) signUpProven(c mapae.Client, a *webauthntest.Authenticator, email string) mapae.Admitted {
	w.t.Helper()
	step := w.proveSignUp(c, email)
	made := must(a.Create(options(w.t, step.Options)))(w.t)
	return must(w.FinishSignUp(w.ctx, c, step.Ticket, made))(w.t)
}

// signUpProvenPassword makes an account with a password and a proven address.
func (w *world) signUpProvenPassword(c mapae.Client, email string) mapae.Admitted {
	w.t.Helper()
	return must(w.FinishSignUpPassword(w.ctx, c, w.proveSignUp(c, email).Ticket, password))(w.t)
}

// before is the same site before it had a mailer.
func (w *world) before() *world {
	return w.node(func(c *mapae.Config) { c.Mailer, c.Methods = nil, c.Methods[:3] })
}

// codeScene has somebody whose address is proven, and somebody whose is not.
type codeScene struct {
	*world
	kim, lee mapae.Admitted
}

func newCodeScene(t *testing.T, store ...mapae.Store) codeScene {
	t.Helper()
	w := newWorld(t, byMail)
	if len(store) > 0 {
		w = newWorldOn(t, store[0], byMail)
	}
	return codeScene{w, w.signUpProvenPassword(browser(1), "kim@example.com"), w.before().signUpPassword(browser(1), "lee@example.com")}
}

// codeFlow mails a code and takes it.
type codeFlow struct {
	name      string
	inSession bool // bound to a session, and not to a browser
	begin     func(s codeScene) (string, error)
	finish    func(s codeScene, c mapae.Client, ticket, code string) error
}

var codeFlows = []codeFlow{
	{"sign in", false, func(s codeScene) (string, error) {
		return s.BeginEmailCode(s.ctx, browser(1), "Kim@Example.com", "en")
	}, func(s codeScene, c mapae.Client, ticket, code string) error {
		_, err := s.FinishEmailCode(s.ctx, c, ticket, code)
		return err
	}},
	{"sign up", false, func(s codeScene) (string, error) {
		step, err := s.BeginSignUp(s.ctx, browser(1), mapae.SignUpRequest{Login: "new@example.com", Name: "New"})
		return step.Ticket, err
	}, func(s codeScene, c mapae.Client, ticket, code string) error {
		_, err := s.ProveSignUp(s.ctx, c, ticket, code)
		return err
	}},
	{"prove an address", true, func(s codeScene) (string, error) {
		return s.BeginVerifyEmail(s.ctx, browser(1), s.current(s.lee), "en")
	}, func(s codeScene, c mapae.Client, ticket, code string) error {
		_, err := s.FinishVerifyEmail(s.ctx, c, s.current(s.lee), ticket, code)
		return err
	}},
	{"step up", true, func(s codeScene) (string, error) {
		return s.BeginReauthEmailCode(s.ctx, browser(1), s.current(s.kim), "en")
	}, func(s codeScene, c mapae.Client, ticket, code string) error {
		_, err := s.ReauthEmailCode(s.ctx, c, mapae.Current{User: s.kim.User, Session: s.kim.Session}, ticket, code, mapae.ActionNone)
		return err
	}},
}

// ask begins f and reads the code that was mailed.
func (f codeFlow) ask(s codeScene) (ticket, code string) {
	s.t.Helper()
	ticket = must(f.begin(s))(s.t)
	sent := s.mailed()
	if len(sent) != 1 || len(sent[0].Code) != 9 || sent[0].EndsAt.Sub(s.now()) > 10*time.Minute {
		s.t.Fatalf("%s: mailed %+v", f.name, sent)
	}
	return ticket, sent[0].Code
}

func TestAMailedCodeWorksOnceInTimeAndWhereItWasAskedFor(t *testing.T) {
	t.Parallel()
	for _, f := range codeFlows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := newCodeScene(t)
			ticket, code := f.ask(s)
			for name, c := range map[string]mapae.Client{"another browser": browser(2), "an app": app, "no cookie": {}} {
				if f.inSession && !c.App {
					continue // its session is what it is bound to
				}
				if err := f.finish(s, c, ticket, code); !errors.Is(err, mapae.ErrCeremonyInvalid) {
					t.Errorf("from %s: %v", name, err)
				}
			}
			for _, n := range []int{0, 3, 20, len(ticket) / 2, len(ticket) - 1} {
				if err := f.finish(s, browser(1), ticket[:n], code); !errors.Is(err, mapae.ErrCeremonyInvalid) {
					t.Errorf("%d bytes of the ticket: %v", n, err)
				}
			}
			_, another := f.ask(s)
			for _, wrong := range []string{"", code[:8], code + "0", another} {
				if err := f.finish(s, browser(1), ticket, wrong); !errors.Is(err, mapae.ErrAuthenticationFailed) {
					t.Errorf("%q: %v", wrong, err)
				}
				if e := s.lastEvent(); e.Reason != "code" || e.Method != mapae.MethodEmailCode {
					t.Errorf("%q: event %+v", wrong, e)
				}
			}
			if err := f.finish(s, browser(1), ticket, " "+strings.ToLower(strings.Replace(code, "-", " ", 1))); err != nil {
				t.Fatalf("the fifth try, typed as people do: %v", err)
			}
			if err := f.finish(s, browser(1), ticket, code); err == nil {
				t.Error("it works twice")
			}
			s = newCodeScene(t)
			late, code := f.ask(s)
			s.pass(10 * time.Minute)
			if err := f.finish(s, browser(1), late, code); !errors.Is(err, mapae.ErrCeremonyInvalid) {
				t.Errorf("late: %v", err)
			}
		})
	}
}

func TestAMailedCodeTakesFiveTries(t *testing.T) {
	t.Parallel()
	for _, f := range codeFlows {
		s := newCodeScene(t)
		ticket, code := f.ask(s)
		for range 5 {
			wantCode(t, f.finish(s, browser(1), ticket, "0000-0000"), mapae.CodeAuthenticationFailed)
		}
		wantCode(t, f.finish(s, browser(1), ticket, code), mapae.CodeCeremonyInvalid)
	}
}

func TestACodeMailedForOneThingIsGoodForNoOther(t *testing.T) {
	t.Parallel()
	s := newCodeScene(t)
	for _, f := range codeFlows {
		ticket, code := f.ask(s)
		for _, other := range codeFlows {
			if other.name == f.name {
				continue
			}
			if err := other.finish(s, browser(1), ticket, code); !errors.Is(err, mapae.ErrCeremonyInvalid) {
				t.Errorf("%s with the ticket to %s: %v", other.name, f.name, err)
			}
		}
	}
}

func TestACodeUsedSixteenTimesAtOnceIsOneSession(t *testing.T) {
	t.Parallel()
	for _, f := range codeFlows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			eachStore(t, func(t *testing.T, store mapae.Store) {
				s := newCodeScene(t, store)
				ticket, code := f.ask(s)
				if won := race(16, func() error { return f.finish(s, browser(1), ticket, code) }); won != 1 {
					t.Errorf("%d won", won)
				}
			})
		})
	}
}

// race calls f n times at once and returns how often it had no error.
func race(n int, f func() error) int {
	var won int
	var mu sync.Mutex
	var ready, all sync.WaitGroup
	ready.Add(1)
	for range n {
		all.Go(func() {
			ready.Wait()
			if f() == nil {
				mu.Lock()
				defer mu.Unlock()
				won++
			}
		})
	}
	ready.Done()
	all.Wait()
	return won
}

func TestACodeOfAnAccountThatChangedIsWrong(t *testing.T) {
	t.Parallel()
	s := newCodeScene(t)
	ticket, code := codeFlows[0].ask(s)
	must(s.EndOtherSessions(s.ctx, browser(1), s.current(s.kim)))(t)
	_, err := s.FinishEmailCode(s.ctx, browser(1), ticket, code)
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	ticket, code = codeFlows[0].ask(s)
	if err := s.DisableUser(s.ctx, s.kim.User.ID); err != nil {
		t.Fatal(err)
	}
	_, err = s.FinishEmailCode(s.ctx, browser(1), ticket, code)
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	must(s.BeginEmailCode(s.ctx, browser(1), "kim@example.com", ""))(t)
	if sent := s.mailed(); len(sent) != 0 {
		t.Errorf("somebody disabled was sent %+v", sent)
	}
}

func TestACodeSignsInWithOneFactor(t *testing.T) {
	t.Parallel()
	s := newCodeScene(t)
	ticket, code := codeFlows[0].ask(s)
	in := must(s.FinishEmailCode(s.ctx, browser(1), ticket, code))(t)
	if cur := s.current(in.Admitted); cur.User.ID != s.kim.User.ID || cur.Session.AAL() != 1 || cur.Session.PhishingResistant() || cur.Session.Uses[0].Method != mapae.MethodEmailCode {
		t.Errorf("session %+v", cur.Session)
	}
	secret, _ := s.addTOTP(browser(1), in.Admitted)
	ticket, code = codeFlows[0].ask(s)
	step := must(s.FinishEmailCode(s.ctx, browser(1), ticket, code))(t)
	if step.Second == nil || step.Token != "" {
		t.Fatalf("no second step is due: %+v", step)
	}
	both := must(s.SecondFactorTOTP(s.ctx, browser(1), step.Second.Ticket, s.code(secret)))(t)
	if s.current(both).Session.AAL() != 2 {
		t.Error("a code and an authenticator app are not two factors")
	}
}

func TestAStepUpByCodeIsNotOneByPasskey(t *testing.T) {
	t.Parallel()
	s := newCodeScene(t)
	s.pass(time.Hour)
	ticket, code := codeFlows[3].ask(s)
	in := must(s.ReauthEmailCode(s.ctx, browser(1), s.current(s.kim), ticket, code, mapae.ActionDeleteAccount))(t)
	got := s.current(in).Session
	if got.ID != s.kim.Session.ID || in.Token == s.kim.Token || !got.Meets(s.now(), mapae.Within(time.Minute)) {
		t.Errorf("session %+v", got)
	}
	if got.Meets(s.now(), mapae.PhishingResistant(), mapae.Within(time.Hour)) || got.Meets(s.now(), mapae.SecondFactor()) { // BI-382
		t.Error("a mailed code counts as a passkey, or as a second factor")
	}
	if err := s.DeleteAccount(s.ctx, browser(1), s.current(in), in.Ticket); err != nil {
		t.Error(err)
	}
	_, err := s.BeginReauthEmailCode(s.ctx, browser(1), s.current(s.lee), "")
	wantCode(t, err, mapae.CodeForbidden) // the address is not proven
}

func TestNobodyIsToldWhoseAddressItIs(t *testing.T) {
	t.Parallel()
	s := newCodeScene(t)
	s.signUpProven(browser(1), webauthntest.New(origin), "key@example.com")
	kinds := map[string]mapae.MailKind{"kim@example.com": mapae.MailReset, "key@example.com": mapae.MailResetUnable}
	for _, email := range []string{"kim@example.com", "key@example.com", "lee@example.com", "nobody@example.com"} {
		ticket, err := s.BeginEmailCode(s.ctx, browser(1), email, "en")
		sent := s.mailed()
		if known := kinds[email] != ""; err != nil || (len(sent) == 1) != known || known && (sent[0].Kind != mapae.MailSignInCode || sent[0].To != email) {
			t.Errorf("%s: %v, %+v", email, err, sent)
		}
		if len(ticket) == 0 {
			t.Errorf("%s: no ticket", email)
		}
		_, err = s.FinishEmailCode(s.ctx, browser(1), ticket, "0000-0000")
		wantCode(t, err, mapae.CodeAuthenticationFailed)
		err = s.ForgotPassword(s.ctx, browser(1), email, "en")
		sent = s.mailed()
		if known := kinds[email] != ""; err != nil || (len(sent) == 1) != known || known && sent[0].Kind != kinds[email] {
			t.Errorf("%s: %v, %+v", email, err, sent)
		}
	}
}

func TestAnAddressGetsFiveMailsAnHourAndNobodyIsTold(t *testing.T) {
	t.Parallel()
	s := newCodeScene(t)
	s.pass(time.Hour)
	for _, email := range []string{"kim@example.com", "nobody@example.com"} {
		sent := 0
		for range 8 {
			must(s.BeginEmailCode(s.ctx, browser(1), email, ""))(t)
			sent += len(s.mailed())
		}
		if want := map[bool]int{true: 5}[email[0] == 'k']; sent != want {
			t.Errorf("%s got %d mails, want %d", email, sent, want)
		}
	}
	s.pass(time.Hour)
	codeFlows[0].ask(s)
}

func TestWhereThereIsNoMailNothingIsMailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, all)
	in := w.signUpPassword(browser(1), "kim@example.com")
	for name, err := range map[string]error{
		"a code":         second(w.BeginEmailCode(w.ctx, browser(1), "kim@example.com", "")),
		"a code, taken":  second(w.FinishEmailCode(w.ctx, browser(1), "mt_", "")),
		"a reset":        w.ForgotPassword(w.ctx, browser(1), "kim@example.com", ""),
		"a proof":        second(w.BeginVerifyEmail(w.ctx, browser(1), w.current(in), "")),
		"a step-up":      second(w.BeginReauthEmailCode(w.ctx, browser(1), w.current(in), "")),
		"a proven start": second(w.node(byMail).SignUpPassword(w.ctx, browser(1), mapae.SignUpRequest{Login: "a@example.com", Name: "A"}, password)),
	} {
		want := mapae.CodeForbidden
		if name == "a proven start" || name == "a code, taken" {
			want = mapae.CodeCeremonyInvalid
		}
		if !errors.Is(err, &mapae.Error{Code: want}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
