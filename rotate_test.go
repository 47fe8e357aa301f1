package mapae_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/sqlite"
	"github.com/mapae/mapae/storetest"
	"github.com/mapae/mapae/webauthntest"
)

func openOnly(k mapae.RootKey) mapae.RootKey { k.OpenOnly = true; return k }

// The three steps of a rotation, newest key first.
func added() []mapae.RootKey    { return []mapae.RootKey{openOnly(newKey), oldKey} }
func promoted() []mapae.RootKey { return []mapae.RootKey{newKey, openOnly(oldKey)} }
func retired() []mapae.RootKey  { return []mapae.RootKey{newKey} }

func (w *world) rotate(keys []mapae.RootKey) {
	w.t.Helper()
	if err := w.Rotate(w.ctx, keys); err != nil {
		w.t.Fatal(err)
	}
}

// listed are the IDs of the keys that the store lists.
func (w *world) listed() (ids []string) {
	w.t.Helper()
	for _, l := range must(w.store.KeyChecks(w.ctx))(w.t) {
		ids = append(ids, l.ID)
	}
	return ids
}

// load signs in without end on nodes in turn, options from one and the finish
// on the next, and counts the sign-ins.
type load struct {
	nodes []*mapae.Auth
	done  atomic.Int64
	wait  sync.WaitGroup
	end   chan struct{}
}

func (w *world) load(nodes ...*mapae.Auth) *load {
	l := &load{nodes: nodes, end: make(chan struct{})}
	for i := range 4 {
		c, a := browser(byte(i+1)), webauthntest.New(origin)
		w.signUp(c, a, string(rune('a'+i))+"@example.com")
		l.wait.Go(func() {
			for n := i; ; n++ {
				select {
				case <-l.end:
					return
				default:
				}
				begin, finish := nodes[n%len(nodes)], nodes[(n+1)%len(nodes)]
				step, err := begin.BeginSignIn(w.ctx, c, mapae.SignInRequest{})
				if err != nil {
					w.t.Error(err)
					return
				}
				answer, err := a.Get(options(w.t, step))
				if err != nil {
					w.t.Error(err)
					return
				}
				if _, err := finish.FinishSignIn(w.ctx, c, answer); err != nil {
					w.t.Errorf("sign-in %d: %v", l.done.Load(), err)
					return
				}
				l.done.Add(1)
			}
		})
	}
	return l
}

// drain waits until every sign-in that is under way has ended, and more have
// been made.
func (l *load) drain(t *testing.T) {
	t.Helper()
	for want, end := l.done.Load()+12, time.Now().Add(30*time.Second); l.done.Load() < want && !t.Failed(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the sign-ins stand still")
		}
	}
}

func (l *load) stop() { close(l.end); l.wait.Wait() }

// Two nodes on one database: a key is added, promoted and retired on one after
// the other, while people begin on one and finish on the other.
func TestRootKeysRotateOnTwoNodesWithoutAFailedSignIn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mapae.db")
	open := func() mapae.Store {
		store := must(sqlite.Open(t.Context(), path))(t)
		t.Cleanup(func() { _ = store.Close() })
		return store
	}
	w := newWorldOn(t, open())
	second := w.node(func(cfg *mapae.Config) { cfg.Store = open() })
	l := w.load(w.Auth, second.Auth)
	defer l.stop()
	for _, keys := range [][]mapae.RootKey{added(), promoted(), retired()} {
		for _, node := range []*world{w, second} {
			if len(keys) == 1 {
				if err := node.RetireKey(w.ctx, oldKey.ID()); err != nil {
					t.Fatal(err)
				}
			}
			node.rotate(keys)
			l.drain(t)
		}
	}
	if got := w.listed(); !slices.Equal(got, []string{newKey.ID()}) {
		t.Errorf("the store lists %v", got)
	}
	t.Logf("proven: %d", l.done.Load())
}

// The ring is swapped under the feet of sign-ins, thousands of times a second.
func TestRootKeysAreSwappedWhileSignInsAreUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.load(w.Auth)
	for range 300 {
		w.rotate(added())
		w.rotate(promoted())
		if keys := w.Config().Secrets; !slices.Equal(keys, promoted()) {
			t.Errorf("Config has the keys %d", len(keys))
		}
	}
	l.drain(t)
	l.stop()
}

func TestWhatWasSealedOpensUntilItsKeyIsRetired(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	w.signUp(c, a, "kim@example.com")
	before, left := w.answer(c, a), w.answer(c, a)
	step := must(w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: "lee@example.com", Name: "Lee"}))(t)
	w.rotate(added())
	w.rotate(promoted())
	must(w.FinishSignIn(w.ctx, c, before))(t)
	must(w.FinishSignUp(w.ctx, c, step.Ticket, must(webauthntest.New(origin).Create(options(t, step.Options)))(t)))(t)
	if err := w.RetireKey(w.ctx, oldKey.ID()); err != nil {
		t.Fatal(err)
	}
	w.rotate(retired())
	if e := w.refusedSignIn(c, left, mapae.CodeCeremonyInvalid); e.Reason != "challenge" {
		t.Errorf("event %+v", e)
	}
	w.signIn(c, a)
}

func TestKeysThatDoNotFitTheStoreAreNotTaken(t *testing.T) {
	t.Parallel()
	other := mapae.RootKey{Secret: [32]byte{3}}
	for name, c := range map[string]struct {
		then, keys []mapae.RootKey // in use, and tried
		says       string
	}{
		"none":                        {nil, nil, "no root key"},
		"none that seals":             {nil, []mapae.RootKey{openOnly(oldKey)}, "no root key that may seal"},
		"one twice":                   {nil, []mapae.RootKey{oldKey, openOnly(oldKey)}, "twice"},
		"others":                      {nil, []mapae.RootKey{newKey}, "sealed under root key " + oldKey.ID() + ", which is not among the keys given (" + newKey.ID() + ")"},
		"one fewer after a promotion": {promoted(), []mapae.RootKey{newKey}, oldKey.ID()},
		"the retired one again":       {retired(), []mapae.RootKey{openOnly(newKey), oldKey}, "root key " + oldKey.ID() + " would seal here, but it was retired, and the newer " + newKey.ID() + " is in use"},
	} {
		w := newWorld(t)
		if c.then != nil {
			w.rotate(promoted())
		}
		if len(c.then) == 1 {
			if err := w.RetireKey(w.ctx, oldKey.ID()); err != nil {
				t.Fatal(err)
			}
			w.rotate(c.then)
		}
		listed, using := w.listed(), w.Config().Secrets
		if err := w.Rotate(w.ctx, c.keys); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		cfg := w.cfg
		cfg.Secrets = c.keys
		if _, err := mapae.New(cfg); err == nil {
			t.Errorf("%s: New took them", name)
		}
		if !slices.Equal(w.listed(), listed) || !slices.Equal(w.Config().Secrets, using) {
			t.Errorf("%s: the store lists %v and not %v, or the keys in use changed", name, w.listed(), listed)
		}
	}
	w := newWorld(t)
	w.rotate([]mapae.RootKey{openOnly(other), openOnly(newKey), oldKey})
	if got := w.listed(); !slices.Equal(got, []string{oldKey.ID()}) {
		t.Errorf("keys that only open are listed: %v", got)
	}
	w.rotate([]mapae.RootKey{openOnly(other), newKey, openOnly(oldKey)})
	w.rotate(added()) // a promotion is undone: the old one was not retired
}

func TestAStoreThatIsDownKeepsTheKeysInUse(t *testing.T) {
	t.Parallel()
	good := memory.New()
	for n := 1; n < 3; n++ {
		store := &swapped{good}
		w := newWorldOn(t, store)
		store.Store = storetest.Faulty(good, n)
		wantCode(t, w.Rotate(w.ctx, promoted()), mapae.CodeUnavailable)
		store.Store = good
		if keys := w.Config().Secrets; !slices.Equal(keys, w.cfg.Secrets) {
			t.Errorf("call %d failed: other keys are in use", n)
		}
	}
}

func TestARetiredKeyTakesItsRecoveryCodesAndNoAuthenticatorApp(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store mapae.Store) {
		w, c := newWorldOn(t, store, all), browser(1)
		kim, lee := w.signUpPassword(c, "kim@example.com"), w.signUpPassword(c, "lee@example.com")
		secret, codes := w.addTOTP(c, kim)
		must(w.SecondFactorRecoveryCode(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, codes[0]))(t)
		w.rotate(promoted())
		_, kept := w.addTOTP(c, lee)
		old, fresh := must(w.KeyUse(w.ctx, oldKey.ID()))(t), must(w.KeyUse(w.ctx, newKey.ID()))(t)
		if !old.Listed || old.TOTP != 1 || old.RecoveryCodes != 9 || !slices.Equal(old.Owners, []mapae.UserID{kim.User.ID}) {
			t.Errorf("under the old key: %+v", old)
		}
		if !fresh.Listed || fresh.TOTP != 1 || fresh.RecoveryCodes != 10 || !slices.Equal(fresh.Owners, []mapae.UserID{lee.User.ID}) {
			t.Errorf("under the new key: %+v", fresh)
		}
		wantCode(t, w.RetireKey(w.ctx, newKey.ID()), mapae.CodeConflict)
		wantCode(t, w.RetireKey(w.ctx, "00000000"), mapae.CodeNotFound)
		for range 2 {
			if err := w.RetireKey(w.ctx, oldKey.ID()); err != nil {
				t.Fatal(err)
			}
		}
		if e := w.lastEvent(); e.Type != mapae.EventRecoveryCodesRemoved || e.UserID != kim.User.ID || e.Reason != "root_key_retired" {
			t.Errorf("event %+v", e)
		}
		w.rotate(retired())
		if use := must(w.KeyUse(w.ctx, oldKey.ID()))(t); use.Listed || use.TOTP+use.RecoveryCodes+len(use.Owners) != 0 {
			t.Errorf("after it was retired: %+v", use)
		}
		if n := must(w.RecoveryCodesLeft(w.ctx, w.current(kim)))(t); n != 0 {
			t.Errorf("%d recovery codes are left that nobody could use", n)
		}
		must(w.SecondFactorTOTP(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, w.code(secret)))(t)
		must(w.SecondFactorRecoveryCode(w.ctx, c, w.firstStep(c, "lee@example.com").Ticket, kept[0]))(t)
		_, err := w.SecondFactorRecoveryCode(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, codes[1])
		wantCode(t, err, mapae.CodeAuthenticationFailed)
		if _, made := w.addTOTP(c, kim); len(made) != 10 {
			t.Errorf("with the next authenticator app come %d recovery codes", len(made))
		}
	})
}

// waiting is a world where two mails wait that were sealed under the old key.
func waiting(t *testing.T, store mapae.Store) *world {
	t.Helper()
	w := newWorldOn(t, store, byMail)
	in := w.signUpProvenPassword(browser(1), kim)
	w.mailed()
	must(w.IssueSignIn(w.ctx, kim, 100*time.Hour, true))(t)
	w.addPasskey(browser(1), in, webauthntest.New(origin), "Phone")
	return w
}

func TestARetiredKeyLosesNoMailThatWaits(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store mapae.Store) {
		w := waiting(t, store)
		w.rotate(promoted())
		must(w.BeginEmailCode(w.ctx, browser(2), kim, ""))(t) // under the new key
		if old, fresh := must(w.KeyUse(w.ctx, oldKey.ID()))(t), must(w.KeyUse(w.ctx, newKey.ID()))(t); old.Mails != 2 || fresh.Mails != 1 {
			t.Errorf("%d mails wait under the old key, %d under the new one", old.Mails, fresh.Mails)
		}
		for range 2 {
			if err := w.RetireKey(w.ctx, oldKey.ID()); err != nil {
				t.Fatal(err)
			}
		}
		if use := must(w.KeyUse(w.ctx, oldKey.ID()))(t); use.Mails != 0 || use.Listed {
			t.Errorf("after it was retired: %+v", use)
		}
		w.rotate(retired())
		if got := w.notice(mapae.EventPasskeyAdded); got.To != kim || got.Device != "Phone" {
			t.Errorf("notice %+v", got)
		}
		must(w.Deliver(w.ctx))(t)
		var kinds []mapae.MailKind
		for _, m := range w.cfg.Mailer.(*postbox).all {
			kinds = append(kinds, m.Kind)
		}
		if !slices.Equal(kinds, []mapae.MailKind{mapae.MailSignInLink, mapae.MailSignInCode}) {
			t.Errorf("sent %v", kinds)
		}
		if e := w.lastEvent(); e.Type == mapae.EventMailFailed {
			t.Errorf("event %+v", e)
		}
	})
}

// retiringMailer retires the old key while it sends.
type retiringMailer struct{ w *world }

func (m retiringMailer) Send(ctx context.Context, _ mapae.Message) error {
	return m.w.RetireKey(ctx, oldKey.ID())
}

func TestAMailThatIsBeingSentIsNotHurtByTheEndOfItsKey(t *testing.T) {
	t.Parallel()
	w := waiting(t, memory.New())
	w.rotate(promoted())
	n := w.node(func(c *mapae.Config) { c.Mailer, c.Secrets = retiringMailer{w}, promoted() })
	if sent := must(n.Deliver(w.ctx))(t); sent != 2 {
		t.Errorf("%d mails were sent", sent)
	}
	if left := must(w.store.Mails(w.ctx, "", 9))(t); len(left) != 0 {
		t.Errorf("%d mails are left", len(left))
	}
}

// late adds something under the old key once the list of keys was changed: a
// node still seals under it.
type late struct {
	mapae.Store
	add func()
}

func (s *late) Update(ctx context.Context, f func(mapae.Tx) error) error {
	removed := false
	err := s.Store.Update(ctx, func(tx mapae.Tx) error { return f(lateTx{tx, &removed}) })
	if removed {
		s.add()
	}
	return err
}

type lateTx struct {
	mapae.Tx
	removed *bool
}

func (t lateTx) RemoveKeyCheck(ctx context.Context, id string) error {
	*t.removed = true
	return t.Tx.RemoveKeyCheck(ctx, id)
}

func TestAKeyThatStillSealsSomewhereIsNotRetired(t *testing.T) {
	t.Parallel()
	store := memory.New()
	w, c := newWorldOn(t, store, all), browser(1)
	kim := w.signUpPassword(c, "kim@example.com")
	stale := w.node(byMail)
	for name, add := range map[string]func(){
		"a secret": func() { stale.addTOTP(c, kim) },
		"a mail":   func() { must(stale.MailInvitation(w.ctx, "lee@example.com", "", time.Hour))(t) },
	} {
		second := w.node(func(cfg *mapae.Config) {
			cfg.Store = &late{store, add}
			cfg.Secrets = promoted()
		})
		err := second.RetireKey(w.ctx, oldKey.ID())
		wantCode(t, err, mapae.CodeConflict)
		if !strings.Contains(err.Error(), "on some node it seals") || !slices.Contains(w.listed(), oldKey.ID()) {
			t.Errorf("after %s: %v; the store lists %v", name, err, w.listed())
		}
	}
	stale.rotate(promoted())
	if err := stale.RetireKey(w.ctx, oldKey.ID()); err != nil {
		t.Error(err)
	}
}

func TestRetiringGoesOnAfterAnyFailureOfTheStore(t *testing.T) {
	t.Parallel()
	good := memory.New()
	store := &swapped{good}
	w, c := newWorldOn(t, store, byMail), browser(1)
	secret, _ := w.addTOTP(c, w.signUpProvenPassword(c, "kim@example.com"))
	w.notices()
	must(w.MailInvitation(w.ctx, "lee@example.com", "", time.Hour))(t)
	w.rotate(promoted())
	n := 1
	for ; n < 60; n++ {
		faulty := storetest.Faulty(good, 1+n%16)
		store.Store = faulty
		err := w.RetireKey(w.ctx, oldKey.ID())
		store.Store = good
		if err != nil && !errors.Is(err, mapae.ErrUnavailable) {
			t.Fatal(err)
		}
		if use := must(w.KeyUse(w.ctx, oldKey.ID()))(t); !use.Listed && use.TOTP+use.RecoveryCodes+use.Mails > 0 {
			t.Fatalf("the list lacks a key under which there is %+v", use)
		}
		if !faulty.Struck() {
			break
		}
	}
	if n < 4 || n == 60 {
		t.Errorf("%d failures", n)
	}
	w.rotate(retired())
	must(w.SecondFactorTOTP(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, w.code(secret)))(t)
	w.mail(mapae.MailInvitation, "lee@example.com")
}

func TestAPromotionGivesNobodyNewTries(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	w.addTOTP(c, w.signUpPassword(c, "kim@example.com"))
	for range 5 {
		_, err := w.SecondFactorTOTP(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, "00000x")
		wantCode(t, err, mapae.CodeAuthenticationFailed)
	}
	for _, keys := range [][]mapae.RootKey{added(), promoted()} {
		w.rotate(keys)
		_, err := w.SecondFactorTOTP(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, "00000x")
		wantCode(t, err, mapae.CodeRateLimited)
	}
}
