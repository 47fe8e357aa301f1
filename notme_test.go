package mapae_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

// added adds a passkey, as a hijacker with the session does, and returns it with
// the code of the notice.
func (m member) added(name string) (*webauthntest.Authenticator, mapae.Credential, string) {
	m.t.Helper()
	m.notices()
	a := webauthntest.New(origin)
	cred := m.addPasskey(browser(1), m.in, a, name)
	return a, cred, codeIn(m.notice(mapae.EventPasskeyAdded).Link)
}

// passkey returns the stored passkey id.
func (w *world) passkey(id []byte) mapae.Credential {
	w.t.Helper()
	cred, _, err := w.store.Credential(w.ctx, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return cred
}

func TestThisWasNotMe(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	m.pass(100 * time.Hour)
	m.in = m.signIn(browser(1), m.a)
	thief, cred, code := m.added("Evil")
	half := must(m.BeginAddPasskey(m.ctx, browser(1), m.current(m.in), false))(t)

	told := must(m.Notice(m.ctx, code))(t)
	if told.About != mapae.EventPasskeyAdded || m.now().Sub(told.At) > time.Minute {
		t.Errorf("the page says %+v", told)
	}
	m.current(m.in) // which changed nothing
	out := must(m.DisownNotice(m.ctx, browser(5), code))(t)
	if !out.Suspended || out.Recovery.Ready || out.Recovery.Ticket == "" || out.FrozenUntil.Sub(m.now()) < 71*time.Hour {
		t.Errorf("answer %+v", out)
	}
	if e := m.lastEvent(); e.Type != mapae.EventNotMe || e.Reason != string(mapae.EventPasskeyAdded) || !slices.Equal(e.Credential, cred.ID) || e.UserID != m.in.User.ID {
		t.Errorf("event %+v", e)
	}
	_, err := m.Session(m.ctx, m.in.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
	_, err = m.FinishAddPasskey(m.ctx, browser(1), mapae.Current{User: m.in.User, Session: m.in.Session}, must(webauthntest.New(origin).Create(options(t, half)))(t), "")
	wantCode(t, err, mapae.CodeUnauthenticated) // what was under way dies too

	m.refusedSignIn(browser(7), m.answer(browser(7), thief), mapae.CodeAuthenticationFailed)
	if e := m.lastEvent(); e.Reason != "suspended" {
		t.Errorf("event %+v", e)
	}
	m.in = m.signIn(browser(1), m.a)
	for name, change := range m.changes() {
		if err := change(); !errors.Is(err, mapae.ErrFrozen) {
			t.Errorf("%s while frozen: %v", name, err)
		}
	}
	var e *mapae.Error
	if _, err := m.BeginTOTP(m.ctx, browser(1), m.current(m.in)); !errors.As(err, &e) || e.RetryAfter < 71*time.Hour {
		t.Errorf("frozen for %v", err)
	}
	if err := m.Unfreeze(m.ctx, browser(1), m.current(m.in)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, m.Unfreeze(m.ctx, browser(1), m.current(m.in)), mapae.CodeNotFound)
	must(m.BeginTOTP(m.ctx, browser(1), m.current(m.in)))(t)
	if got := m.passkey(cred.ID); !got.SuspendedAt.IsZero() {
		t.Error("the suspension is not lifted")
	}
	m.signIn(browser(7), thief)
}

// changes is every change of what the member signs in with, of the address and
// of the account.
func (m member) changes() map[string]func() error {
	cur := m.current(m.in)
	first := func(_ any, err error) error { return err }
	return map[string]func() error{
		"adding a passkey":         func() error { return first(m.BeginAddPasskey(m.ctx, browser(1), cur, false)) },
		"adding one silently":      func() error { return first(m.BeginAddPasskey(m.ctx, browser(1), cur, true)) },
		"removing a passkey":       func() error { return m.RemovePasskey(m.ctx, browser(1), cur, m.in.Credential.ID) },
		"setting a password":       func() error { return first(m.SetPassword(m.ctx, browser(1), cur, password)) },
		"removing the password":    func() error { return m.RemovePassword(m.ctx, browser(1), cur) },
		"adding an app":            func() error { return first(m.BeginTOTP(m.ctx, browser(1), cur)) },
		"removing the app":         func() error { return m.RemoveTOTP(m.ctx, browser(1), cur) },
		"making new codes":         func() error { return first(m.NewRecoveryCodes(m.ctx, browser(1), cur)) },
		"changing the address":     func() error { return first(m.BeginChangeEmail(m.ctx, browser(1), cur, "mt_x", "new@example.com", "")) },
		"taking the code for that": func() error { return first(m.FinishChangeEmail(m.ctx, browser(1), cur, "mt_x", "x")) },
		"deleting the account":     func() error { return m.DeleteAccount(m.ctx, browser(1), cur, "mt_x") },
	}
}

func TestTheFreezeEndsByItself(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	_, _, code := m.added("Evil")
	must(m.DisownNotice(m.ctx, browser(5), code))(t)
	m.pass(72*time.Hour - time.Second)
	m.in = m.signIn(browser(1), m.a)
	_, err := m.BeginTOTP(m.ctx, browser(1), m.current(m.in))
	wantCode(t, err, mapae.CodeFrozen)
	m.pass(2 * time.Second)
	must(m.BeginTOTP(m.ctx, browser(1), m.current(m.in)))(t)
}

// Whoever reads the owner's mail has every link in it.
func TestWhoReadsTheMailCanNotLockTheOwnerOut(t *testing.T) {
	t.Parallel()
	t.Run("the only passkey is not suspended", func(t *testing.T) {
		t.Parallel()
		m := newMember(t)
		m.signIn(strange(), m.a)
		out := must(m.DisownNotice(m.ctx, browser(6), codeIn(m.notice(mapae.EventSignIn).Link)))(t)
		if out.Suspended || out.Recovery.Ready {
			t.Errorf("answer %+v", out)
		}
		m.in = m.signIn(browser(1), m.a)
		if err := m.Unfreeze(m.ctx, browser(1), m.current(m.in)); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("nor beside a password that a mail resets", func(t *testing.T) {
		t.Parallel()
		m := newMember(t)
		must(m.SetPassword(m.ctx, browser(1), m.current(m.in), password))(t)
		m.signIn(strange(), m.a)
		if out := must(m.DisownNotice(m.ctx, browser(6), codeIn(m.notices()[1].Link)))(t); out.Suspended {
			t.Error("the passkey is suspended")
		}
		m.signIn(browser(1), m.a)
	})
	t.Run("the last of two is not suspended after the first", func(t *testing.T) {
		t.Parallel()
		m := newMember(t)
		own := webauthntest.New(origin)
		m.addPasskey(browser(1), m.in, own, "")
		m.signIn(strange(), m.a)
		var suspended int
		for _, notice := range m.notices() {
			if must(m.DisownNotice(m.ctx, browser(6), codeIn(notice.Link)))(t).Suspended {
				suspended++
			}
		}
		if suspended != 1 {
			t.Fatalf("%d passkeys are suspended", suspended)
		}
		m.in = m.signIn(browser(1), m.a)
		if err := m.Unfreeze(m.ctx, browser(1), m.current(m.in)); err != nil {
			t.Fatal(err)
		}
		m.signIn(browser(1), own)
	})
	t.Run("a new passkey is not suspended where the owner could then not sign in", func(t *testing.T) {
		t.Parallel()
		m := member{world: newWorld(t, byMail)}
		m.in = m.signUpProvenPassword(browser(1), kim)
		m.notices()
		o := must(m.BeginAddPasskey(m.ctx, browser(1), m.current(m.in), true))(t) // without recovery codes
		must(m.FinishAddPasskey(m.ctx, browser(1), m.current(m.in), must(webauthntest.New(origin).Create(options(t, o)))(t), ""))(t)
		if out := must(m.DisownNotice(m.ctx, browser(6), codeIn(m.notice(mapae.EventPasskeyAdded).Link)))(t); out.Suspended {
			t.Error("the passkey is suspended")
		}
	})
	t.Run("a recovery needs as much as before", func(t *testing.T) {
		t.Parallel()
		m := member{world: newWorld(t, byMail)}
		m.in = m.signUpProvenPassword(browser(1), kim)
		m.notices()
		_, _, code := m.added("")
		out := must(m.DisownNotice(m.ctx, browser(6), code))(t)
		if !out.Suspended || out.Recovery.Ready {
			t.Fatalf("answer %+v", out)
		}
		_, err := m.SignInPassword(m.ctx, browser(6), kim, password)
		if step := must(m.SignInPassword(m.ctx, browser(6), kim, password))(t); err != nil || step.Second == nil || !slices.Equal(step.Second.Methods, []mapae.MethodName{mapae.MethodRecoveryCode}) {
			t.Errorf("a password alone gives %+v, %v", step, err)
		}
	})
}

func TestAHijackerDoesNotLiftTheFreeze(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	m.pass(200 * time.Hour)
	m.in = m.signIn(browser(1), m.a)
	second, _, _ := m.added("Evil 2")
	secret, _ := m.addTOTP(browser(1), m.in)
	_, _, code := m.added("Evil")
	must(m.DisownNotice(m.ctx, browser(5), code))(t)

	in := m.signIn(browser(7), second) // was not disowned yet
	wantCode(t, m.Unfreeze(m.ctx, browser(7), m.current(in)), mapae.CodeStepUpRequired)
	m.pass(30 * time.Second)
	in = must(m.ReauthCode(m.ctx, browser(7), m.current(in), mapae.MethodTOTP, m.code(secret), mapae.ActionNone))(t)
	wantCode(t, m.Unfreeze(m.ctx, browser(7), m.current(in)), mapae.CodeStepUpRequired)
	m.pass(30 * time.Second)
	_, err := m.ProveRecovery(m.ctx, browser(7), m.recovery(browser(7), kim), mapae.MethodTOTP, m.code(secret))
	wantCode(t, err, mapae.CodeAuthenticationFailed) // it is as new as the doubt
	must(m.ProveRecovery(m.ctx, browser(5), m.recovery(browser(5), kim), mapae.MethodRecoveryCode, m.codes[0]))(t)

	m.in = m.signIn(browser(1), m.a)
	old := m.in
	m.pass(11 * time.Minute)
	wantCode(t, m.Unfreeze(m.ctx, browser(1), m.current(old)), mapae.CodeStepUpRequired) // not fresh
}

func TestARecoveryAfterADisownedPasskeyRemovesIt(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	m.pass(200 * time.Hour)
	m.in = m.signIn(browser(1), m.a)
	thief, cred, code := m.added("Evil")
	out := must(m.DisownNotice(m.ctx, browser(5), code))(t)
	two := must(m.ProveRecovery(m.ctx, browser(5), out.Recovery.Ticket, mapae.MethodRecoveryCode, m.codes[0]))(t)
	if !two.Ready {
		t.Fatal("mail and a recovery code are not two proofs")
	}
	must(m.bind(browser(5), two.Ticket, webauthntest.New(origin)))(t)
	_, _, err := m.store.Credential(m.ctx, cred.ID)
	if !errors.Is(err, mapae.ErrNotFound) {
		t.Errorf("the passkey is still there: %v", err)
	}
	m.refusedSignIn(browser(7), m.answer(browser(7), thief), mapae.CodePasskeyUnknown)
	if u := must(m.store.User(m.ctx, m.in.User.ID))(t); !u.FrozenUntil.IsZero() {
		t.Errorf("frozen until %v", u.FrozenUntil)
	}
}
