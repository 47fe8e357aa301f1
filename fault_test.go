package mapae_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/storetest"
	"github.com/mapae/mapae/webauthntest"
)

// swapped is a store that a test can put another one in the place of.
type swapped struct{ mapae.Store }

// scene is what a flow begins with: an account signed in on one browser, with
// two passkeys, and a second session.
type scene struct {
	*world
	in, other mapae.Admitted
	spare     mapae.Credential
	a         *webauthntest.Authenticator

	alone, app mapae.Admitted // accounts with a password: without and with an authenticator app
	totp       string         // the app's secret
	codes      []string       // recovery codes of app
	acme       *idp           // where alone and app have identities
}

// to goes to the provider as begin says, where it is known who it is.
func (s scene) to(who mapae.Profile, begin func(context.Context, mapae.Client, mapae.FederatedRequest) (string, error)) mapae.FederatedAnswer {
	s.t.Helper()
	s.acme.says(who)
	return back(s.acme, must(begin(s.ctx, browser(1), request(s.acme)))(s.t))
}

// readyToRecover gives two proofs of the account with the app.
func (s scene) readyToRecover() string {
	s.t.Helper()
	one := must(s.ProveRecovery(s.ctx, browser(1), s.recovery(browser(1), "app@example.com"), mapae.MethodRecoveryCode, s.codes[2]))(s.t)
	s.pass(30 * time.Second)
	return must(s.ProveRecovery(s.ctx, browser(1), one.Ticket, mapae.MethodTOTP, s.code(s.totp)))(s.t).Ticket
}

// flow is one call that writes. prepare returns that call; it may be made more
// than once.
type flow struct {
	name    string
	prepare func(s scene) func() error
}

var flows = []flow{
	{"sign up", func(s scene) func() error {
		step := must(s.BeginSignUp(s.ctx, browser(1), mapae.SignUpRequest{Login: "lee@example.com", Name: "Lee"}))(s.t)
		made := must(webauthntest.New(origin).Create(options(s.t, step.Options)))(s.t)
		return func() error { _, err := s.FinishSignUp(s.ctx, browser(1), step.Ticket, made); return err }
	}},
	{"sign in", func(s scene) func() error {
		answer := s.answer(browser(1), s.a)
		return func() error { _, err := s.FinishSignIn(s.ctx, browser(1), answer); return err }
	}},
	{"sign in with the only passkey, which is on one device", func(s scene) func() error {
		key := webauthntest.New(origin)
		key.BackupEligible, key.BackupState = false, false
		s.signUp(browser(1), key, "lee@example.com")
		s.pass(25 * time.Hour)
		answer := s.answer(browser(1), key)
		return func() error { _, err := s.FinishSignIn(s.ctx, browser(1), answer); return err }
	}},
	{"sign in with a bad signature", refusedFlow(func(s scene) []byte {
		bad := s.a.Clone()
		bad.Forge.Signature = func(sig []byte) []byte { sig[len(sig)-1] ^= 1; return sig }
		return s.answer(browser(1), bad)
	}, mapae.CodeAuthenticationFailed)},
	{"sign in with a challenge of another browser", refusedFlow(func(s scene) []byte {
		return s.answer(browser(2), s.a)
	}, mapae.CodeCeremonyInvalid)},
	{"sign in with an unknown passkey", refusedFlow(func(s scene) []byte {
		stranger := s.a.Clone()
		stranger.Credentials()[0].ID = []byte("nobody's")
		return s.answer(browser(1), stranger)
	}, mapae.CodePasskeyUnknown)},
	{"step up", func(s scene) func() error {
		ask := must(s.BeginReauth(s.ctx, browser(1), s.current(s.in)))(s.t)
		answer, cur := must(s.a.Get(options(s.t, ask)))(s.t), s.current(s.in)
		return func() error { _, err := s.FinishReauth(s.ctx, browser(1), cur, answer); return err }
	}},
	{"add a passkey", func(s scene) func() error {
		ask := must(s.BeginAddPasskey(s.ctx, browser(1), s.current(s.in), false))(s.t)
		made, cur := must(webauthntest.New(origin).Create(options(s.t, ask)))(s.t), s.current(s.in)
		return func() error { _, err := s.FinishAddPasskey(s.ctx, browser(1), cur, made, ""); return err }
	}},
	{"rename a passkey", func(s scene) func() error {
		cur := s.current(s.in)
		return func() error { _, err := s.RenamePasskey(s.ctx, browser(1), cur, s.spare.ID, "new"); return err }
	}},
	{"remove a passkey", func(s scene) func() error {
		cur := s.current(s.in)
		return func() error { return s.RemovePasskey(s.ctx, browser(1), cur, s.spare.ID) }
	}},
	{"end a session", func(s scene) func() error {
		cur := s.current(s.in)
		return func() error { return s.EndSession(s.ctx, browser(1), cur, s.other.Session.ID) }
	}},
	{"end other sessions", func(s scene) func() error {
		cur := s.current(s.in)
		return func() error { _, err := s.EndOtherSessions(s.ctx, browser(1), cur); return err }
	}},
	{"sign out", func(s scene) func() error {
		cur := s.current(s.in)
		return func() error { return s.SignOut(s.ctx, browser(1), cur) }
	}},
	{"sign up with a password", func(s scene) func() error {
		req := mapae.SignUpRequest{Login: "lee@example.com", Name: "Lee"}
		return func() error { _, err := s.SignUpPassword(s.ctx, browser(1), req, password); return err }
	}},
	{"sign in with a password", func(s scene) func() error {
		return func() error { _, err := s.SignInPassword(s.ctx, browser(1), "alone@example.com", password); return err }
	}},
	{"sign in with a password, first step", func(s scene) func() error {
		return func() error { _, err := s.SignInPassword(s.ctx, browser(1), "app@example.com", password); return err }
	}},
	{"second step by an authenticator app", func(s scene) func() error {
		ticket, code := s.firstStep(browser(1), "app@example.com").Ticket, s.code(s.totp)
		return func() error { _, err := s.SecondFactorTOTP(s.ctx, browser(1), ticket, code); return err }
	}},
	{"second step by a recovery code", func(s scene) func() error {
		ticket := s.firstStep(browser(1), "app@example.com").Ticket
		return func() error { _, err := s.SecondFactorRecoveryCode(s.ctx, browser(1), ticket, s.codes[0]); return err }
	}},
	{"step up with a password", func(s scene) func() error {
		cur := s.current(s.app)
		return func() error {
			_, err := s.ReauthPassword(s.ctx, browser(1), cur, password, mapae.ActionNone)
			return err
		}
	}},
	{"step up with a code", func(s scene) func() error {
		cur := s.current(s.app)
		return func() error {
			_, err := s.ReauthCode(s.ctx, browser(1), cur, mapae.MethodRecoveryCode, s.codes[1], mapae.ActionDeleteAccount)
			return err
		}
	}},
	{"add an authenticator app", func(s scene) func() error {
		cur := s.current(s.in)
		setup := must(s.BeginTOTP(s.ctx, browser(1), cur))(s.t)
		code := s.code(setup.Secret)
		return func() error { _, err := s.FinishTOTP(s.ctx, browser(1), cur, setup.Ticket, code); return err }
	}},
	{"remove an authenticator app", func(s scene) func() error {
		cur := s.current(s.app)
		return func() error { return s.RemoveTOTP(s.ctx, browser(1), cur) }
	}},
	{"make new recovery codes", func(s scene) func() error {
		cur := s.current(s.in)
		return func() error { _, err := s.NewRecoveryCodes(s.ctx, browser(1), cur); return err }
	}},
	{"set a password", func(s scene) func() error {
		cur := s.current(s.in)
		return func() error { _, err := s.SetPassword(s.ctx, browser(1), cur, password); return err }
	}},
	{"change the name", func(s scene) func() error {
		cur, name := s.current(s.in), "New"
		return func() error {
			_, err := s.ChangeAccount(s.ctx, browser(1), cur, mapae.AccountChange{Name: &name})
			return err
		}
	}},
	{"change the address", func(s scene) func() error {
		in := s.actionTicket(browser(1), s.in, s.a, mapae.ActionChangeEmail)
		cur := s.current(in)
		return func() error {
			_, err := s.ChangeEmail(s.ctx, browser(1), cur, in.Ticket, "new@example.com")
			return err
		}
	}},
	{"give a proof of a recovery", func(s scene) func() error {
		ticket := s.recovery(browser(1), "app@example.com")
		return func() error {
			_, err := s.ProveRecovery(s.ctx, browser(1), ticket, mapae.MethodRecoveryCode, s.codes[2])
			return err
		}
	}},
	{"let a recovery wait", func(s scene) func() error {
		ticket := must(s.ProveRecovery(s.ctx, browser(1), s.recovery(browser(1), "app@example.com"), mapae.MethodRecoveryCode, s.codes[2]))(s.t).Ticket
		return func() error { _, err := s.WaitForRecovery(s.ctx, browser(1), ticket); return err }
	}},
	{"recover with a passkey", func(s scene) func() error {
		ticket := s.readyToRecover()
		o := must(s.BeginRecoveryPasskey(s.ctx, browser(1), ticket))(s.t)
		made := must(webauthntest.New(origin).Create(options(s.t, o)))(s.t)
		return func() error { _, err := s.FinishRecoveryPasskey(s.ctx, browser(1), ticket, made); return err }
	}},
	{"recover with a password", func(s scene) func() error {
		ticket := s.readyToRecover()
		return func() error { return s.RecoverPassword(s.ctx, browser(1), ticket, password+"!") }
	}},
	{"delete the account", func(s scene) func() error {
		in := s.actionTicket(browser(1), s.in, s.a, mapae.ActionDeleteAccount)
		cur := s.current(in)
		return func() error { return s.DeleteAccount(s.ctx, browser(1), cur, in.Ticket) }
	}},
	{"sign up by a provider", func(s scene) func() error {
		answer := s.to(vouched("new", "lee@example.com"), s.BeginFederated)
		return func() error { _, err := s.FinishFederated(s.ctx, browser(1), nil, answer); return err }
	}},
	{"sign in by a provider", func(s scene) func() error {
		answer := s.to(vouched("alone", "x@example.com"), s.BeginFederated)
		return func() error { _, err := s.FinishFederated(s.ctx, browser(1), nil, answer); return err }
	}},
	{"sign in by a provider, first step", func(s scene) func() error {
		answer := s.to(vouched("app", "x@example.com"), s.BeginFederated)
		return func() error { _, err := s.FinishFederated(s.ctx, browser(1), nil, answer); return err }
	}},
	{"be refused by a provider's answer", func(s scene) func() error {
		answer := s.to(vouched("", "x@example.com"), s.BeginFederated)
		return func() error {
			_, err := s.FinishFederated(s.ctx, browser(1), nil, answer)
			if errors.Is(err, mapae.ErrAuthenticationFailed) {
				return nil
			}
			return err
		}
	}},
	{"link an identity", func(s scene) func() error {
		cur := s.current(s.in)
		answer := s.to(vouched("new", "x@example.com"), func(ctx context.Context, c mapae.Client, r mapae.FederatedRequest) (string, error) {
			return s.BeginLink(ctx, c, cur, r)
		})
		return func() error { _, err := s.FinishFederated(s.ctx, browser(1), &cur, answer); return err }
	}},
	{"unlink an identity", func(s scene) func() error {
		cur := s.current(s.alone)
		id := must(s.Identities(s.ctx, cur))(s.t)[0].ID()
		return func() error { return s.Unlink(s.ctx, browser(1), cur, id) }
	}},
	{"step up by a provider", func(s scene) func() error {
		cur := s.current(s.alone)
		answer := s.to(vouched("alone", "x@example.com"), func(ctx context.Context, c mapae.Client, r mapae.FederatedRequest) (string, error) {
			return s.BeginReauthFederated(ctx, c, cur, r)
		})
		return func() error { _, err := s.FinishFederated(s.ctx, browser(1), &cur, answer); return err }
	}},
	{"give a provider's proof of a recovery", func(s scene) func() error {
		ticket := s.recovery(browser(1), "app@example.com")
		answer := s.to(vouched("app", "x@example.com"), func(ctx context.Context, c mapae.Client, r mapae.FederatedRequest) (string, error) {
			return s.BeginRecoveryFederated(ctx, c, ticket, r)
		})
		return func() error { _, err := s.FinishFederated(s.ctx, browser(1), nil, answer); return err }
	}},
	{"sign in a user of the application, the first time", func(s scene) func() error {
		return func() error {
			_, err := s.SignInExternal(s.ctx, browser(1), mapae.ExternalUser{ID: "1", Login: "new@example.com", Name: "New"})
			return err
		}
	}},
	{"sign in a user of the application under another name", func(s scene) func() error {
		must(s.SignInExternal(s.ctx, browser(1), mapae.ExternalUser{ID: "1", Login: "new@example.com", Name: "New"}))(s.t)
		return func() error {
			_, err := s.SignInExternal(s.ctx, browser(1), mapae.ExternalUser{ID: "1", Login: "newer@example.com", Name: "Newer"})
			return err
		}
	}},
	{"remove a user of the application", func(s scene) func() error {
		must(s.SignInExternal(s.ctx, browser(1), mapae.ExternalUser{ID: "1", Login: "new@example.com", Name: "New"}))(s.t)
		return func() error { return s.RemoveExternal(s.ctx, "1") }
	}},
	{"invite", func(s scene) func() error {
		return func() error { _, err := s.Invite(s.ctx, "", time.Hour); return err }
	}},
	{"disable a user", func(s scene) func() error {
		return func() error { return s.DisableUser(s.ctx, s.in.User.ID) }
	}},
}

// refusedFlow is a sign-in that ends in the refusal code when the store is
// good; that answer counts as its success.
func refusedFlow(answer func(scene) []byte, code mapae.Code) func(scene) func() error {
	return func(s scene) func() error {
		body := answer(s)
		return func() error {
			_, err := s.FinishSignIn(s.ctx, browser(1), body)
			if errors.Is(err, &mapae.Error{Code: code}) {
				return nil
			}
			return err
		}
	}
}

func newScene(t *testing.T, store mapae.Store) scene {
	t.Helper()
	s := scene{a: webauthntest.New(origin), acme: &idp{name: "acme"}}
	s.world = newWorldOn(t, store, all, func(c *mapae.Config) { c.Methods = append(c.Methods, mapae.Federated{s.acme}, mapae.External{}) })
	s.alone, s.app = s.signUpPassword(browser(1), "alone@example.com"), s.signUpPassword(browser(1), "app@example.com")
	s.totp, s.codes = s.addTOTP(browser(1), s.app)
	for subject, in := range map[string]mapae.Admitted{"alone": s.alone, "app": s.app} {
		cur := s.current(in)
		answer := s.to(vouched(subject, ""), func(ctx context.Context, c mapae.Client, r mapae.FederatedRequest) (string, error) {
			return s.BeginLink(ctx, c, cur, r)
		})
		must(s.FinishFederated(s.ctx, browser(1), &cur, answer))(t)
	}
	s.in = s.signUp(browser(1), s.a, "kim@example.com")
	s.spare = s.addPasskey(browser(1), s.in, webauthntest.New(origin), "spare")
	s.other = s.signIn(browser(2), s.a)
	return s
}

// state is all that the store has, as far as flows write it.
func (s scene) state() []any {
	_, err := s.store.UserByLogin(s.ctx, "lee@example.com")
	external, unknown := s.store.UserByExternalID(s.ctx, "1")
	all := []any{errors.Is(err, mapae.ErrNotFound), external, unknown, s.events(), s.outbox()}
	for _, in := range []mapae.Admitted{s.in, s.alone, s.app} {
		u, err := s.store.User(s.ctx, in.User.ID)
		waiting, none := s.store.RecoveryOf(s.ctx, in.User.ID)
		all = append(all, u, err, waiting, none, must(s.store.Credentials(s.ctx, u.ID))(s.t), must(s.store.Secrets(s.ctx, u.ID, ""))(s.t),
			must(s.store.Sessions(s.ctx, u.ID, s.now()))(s.t),
			must(s.store.Identities(s.ctx, u.ID))(s.t))
		for _, method := range []mapae.MethodName{mapae.MethodPassword, mapae.MethodTOTP, mapae.MethodRecoveryCode} {
			all = append(all, must(s.store.Failures(s.ctx, s.ThrottleKey(method, u.ID)))(s.t))
		}
	}
	return all
}

// TestAFailingStoreLeavesAllOrNothing fails each call of each flow to the store
// in turn: the flow answers unavailable, nothing has changed, nothing was
// spent, and the same call succeeds when the store is back.
func TestAFailingStoreLeavesAllOrNothing(t *testing.T) {
	t.Parallel()
	for _, f := range append(flows, mailFlows...) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			n := 1
			for ; ; n++ {
				if n > 50 {
					t.Fatal("the flow makes more than 50 calls")
				}
				if !strike(t, f, n) {
					break
				}
			}
			if n < 3 {
				t.Errorf("only %d calls were failed: the flow hardly asks the store", n-1)
			}
			t.Logf("proven: %d", n-1)
		})
	}
}

// strike runs f on a store whose n-th call fails, and reports whether that
// call was made.
func strike(t *testing.T, f flow, n int) bool {
	t.Helper()
	good := memory.New()
	store := &swapped{good}
	s := newScene(t, store)
	call := f.prepare(s)
	before := s.state()
	faulty := storetest.Faulty(good, n)
	store.Store = faulty
	err := call()
	store.Store = good
	if !faulty.Struck() {
		if err != nil {
			t.Fatalf("with no failure: %v", err)
		}
		return false
	}
	what := fmt.Sprintf("call %d failed", n)
	if !errors.Is(err, mapae.ErrUnavailable) {
		t.Fatalf("%s: answer %v, want unavailable", what, err)
	}
	if after := s.state(); !reflect.DeepEqual(before, after) {
		t.Fatalf("%s: before\n%+v\nafter\n%+v", what, before, after)
	}
	if err := call(); err != nil {
		t.Fatalf("%s: again on a good store: %v", what, err)
	}
	return true
}

func TestASessionOutlivesAFailedNoteThatItWasSeen(t *testing.T) {
	t.Parallel()
	good := memory.New()
	store := &swapped{good}
	s := newScene(t, store)
	s.pass(2 * time.Minute)
	store.Store = storetest.Faulty(good, 2)
	s.current(s.in)
}

// TestBeginningWritesNothingAndFinishingIsOneTransaction counts what each half
// of a flow asks of the store.
func TestBeginningWritesNothingAndFinishingIsOneTransaction(t *testing.T) {
	t.Parallel()
	counter := storetest.Counting(memory.New())
	s := newScene(t, counter)
	c, cur := browser(1), s.current(s.in)
	begins := map[string]func() error{
		"sign-up": func() error {
			_, err := s.BeginSignUp(s.ctx, c, mapae.SignUpRequest{Login: "lee@example.com", Name: "Lee"})
			return err
		},
		"sign-in": func() error {
			_, err := s.BeginSignIn(s.ctx, c, mapae.SignInRequest{Login: "kim@example.com"})
			return err
		},
		"autofill":      func() error { _, err := s.BeginSignIn(s.ctx, c, mapae.SignInRequest{Autofill: true}); return err },
		"adding":        func() error { _, err := s.BeginAddPasskey(s.ctx, c, cur, false); return err },
		"step-up":       func() error { _, err := s.BeginReauth(s.ctx, c, cur); return err },
		"session check": func() error { _, err := s.Session(s.ctx, s.in.Token); return err },
	}
	for name, begin := range begins {
		counter.Reset()
		if err := begin(); err != nil {
			t.Fatal(err)
		}
		if got := counter.Counts(); got.Transactions != 0 || got.Writes != 0 || got.Reads > 1 {
			t.Errorf("beginning a %s: %+v", name, got)
		}
		if name == "sign-in" || name == "autofill" {
			if got := counter.Counts(); got.Reads != 0 {
				t.Errorf("beginning a %s looks something up: %+v", name, got)
			}
		}
	}
	for _, f := range append(flows, mailFlows...) {
		if strings.Contains(f.name, "password") || strings.Contains(f.name, "code") || strings.Contains(f.name, "app") || strings.Contains(f.name, "provider") || strings.Contains(f.name, "proof") {
			continue // a try is counted in a transaction of its own, before it is looked at
		}
		counter := storetest.Counting(memory.New())
		call := f.prepare(newScene(t, counter))
		counter.Reset()
		if err := call(); err != nil {
			t.Fatal(err)
		}
		most := 2
		if f.name == "sign in by the operator's link" {
			most = 5 // its user, and four for the ways in: a second step may be due
		}
		if got := counter.Counts(); got.Transactions != 1 || got.Reads > most {
			t.Errorf("%s: %+v, want one transaction", f.name, got)
		}
	}
}
