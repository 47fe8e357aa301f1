package mapae_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

const (
	origin = "https://example.com"
	rpID   = "example.com"
)

// world is a relying party with a clock of its own, as one test sees it.
type world struct {
	*mapae.Auth
	t     *testing.T
	ctx   context.Context
	store mapae.Store
	clock *atomic.Int64 // Unix microseconds
	cfg   mapae.Config
}

func newWorld(t *testing.T, change ...func(*mapae.Config)) *world {
	t.Helper()
	return newWorldOn(t, memory.New(), change...)
}

func newWorldOn(t *testing.T, store mapae.Store, change ...func(*mapae.Config)) *world {
	t.Helper()
	clock := new(atomic.Int64)
	clock.Store(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC).UnixMicro())
	w := &world{t: t, ctx: t.Context(), store: store, clock: clock}
	w.cfg = mapae.Config{
		Store:   store,
		Secrets: []mapae.RootKey{{Secret: [32]byte{1}}},
		RP:      mapae.RelyingParty{ID: rpID, Name: "Example", Origins: []string{origin}},
		Methods: []mapae.Method{mapae.Passkey{}},
		Clock:   w.now,
	}
	for _, f := range change {
		f(&w.cfg)
	}
	w.Auth = must(mapae.New(w.cfg))(t)
	return w
}

// node returns another node on the same store, its configuration changed by f.
func (w *world) node(f func(*mapae.Config)) *world {
	w.t.Helper()
	n := *w
	f(&n.cfg)
	n.Auth = must(mapae.New(n.cfg))(w.t)
	return &n
}

// now is the clock; it moves on by a microsecond at each look, so that events
// have an order.
func (w *world) now() time.Time         { return time.UnixMicro(w.clock.Add(1)) }
func (w *world) pass(d time.Duration)   { w.clock.Add(d.Microseconds()) }
func (w *world) events() []mapae.Event  { return must(w.store.Events(w.ctx, "", "", 1000))(w.t) }
func (w *world) lastEvent() mapae.Event { return w.events()[0] }
func (w *world) sessions(u mapae.User) int {
	return len(must(w.store.Sessions(w.ctx, u.ID, w.now()))(w.t))
}

// must fails the test on an error and returns the value.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// browser is a client with one ceremony cookie.
func browser(n byte) mapae.Client {
	return mapae.Client{Bindings: [][32]byte{{n}}, Address: "192.0.2.1", UserAgent: "Browser/1", RequestID: "r"}
}

var app = mapae.Client{App: true}

func options(t *testing.T, o any) []byte { t.Helper(); return must(json.Marshal(o))(t) }

// BeginReauth, FinishReauth and FinishAddPasskey are those of Auth for tests
// that are not about actions and recovery codes.
func (w *world) BeginReauth(ctx context.Context, c mapae.Client, cur mapae.Current) (*webauthn.RequestOptions, error) {
	return w.Auth.BeginReauth(ctx, c, cur, mapae.ActionNone)
}

func (w *world) FinishReauth(ctx context.Context, c mapae.Client, cur mapae.Current, answer []byte) (mapae.Admitted, error) {
	return w.Auth.FinishReauth(ctx, c, cur, answer, mapae.ActionNone)
}

func (w *world) FinishAddPasskey(ctx context.Context, c mapae.Client, cur mapae.Current, made []byte, name string) (mapae.Credential, error) {
	added, _, err := w.Auth.FinishAddPasskey(ctx, c, cur, made, name)
	return added, err
}

// signUp makes an account with a passkey of a.
func (w *world) signUp(c mapae.Client, a *webauthntest.Authenticator, email string) mapae.Admitted {
	w.t.Helper()
	step := must(w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: email, Name: "Kim"}))(w.t)
	made := must(a.Create(options(w.t, step.Options)))(w.t)
	return must(w.FinishSignUp(w.ctx, c, step.Ticket, made))(w.t)
}

// answer begins a sign-in of c and returns the answer of a to it.
func (w *world) answer(c mapae.Client, a *webauthntest.Authenticator) []byte {
	w.t.Helper()
	return must(a.Get(options(w.t, must(w.BeginSignIn(w.ctx, c, mapae.SignInRequest{}))(w.t))))(w.t)
}

func (w *world) signIn(c mapae.Client, a *webauthntest.Authenticator) mapae.Admitted {
	w.t.Helper()
	step := must(w.FinishSignIn(w.ctx, c, w.answer(c, a)))(w.t)
	if step.Second != nil {
		w.t.Fatalf("a second step is due: %v", step.Second.Methods)
	}
	return step.Admitted
}

// current is the session of in as the store has it now.
func (w *world) current(in mapae.Admitted) mapae.Current {
	w.t.Helper()
	return must(w.Session(w.ctx, in.Token))(w.t)
}

// addPasskey adds a passkey of a in the session of in.
func (w *world) addPasskey(c mapae.Client, in mapae.Admitted, a *webauthntest.Authenticator, name string) mapae.Credential {
	w.t.Helper()
	o := must(w.BeginAddPasskey(w.ctx, c, w.current(in), false))(w.t)
	made := must(a.Create(options(w.t, o)))(w.t)
	return must(w.FinishAddPasskey(w.ctx, c, w.current(in), made, name))(w.t)
}

func wantCode(t *testing.T, err error, want mapae.Code) {
	t.Helper()
	var e *mapae.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Fatalf("error %v, want code %s", err, want)
	}
}

func TestAPersonSignsUpAndInAndOut(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	in := w.signUp(c, a, "Kim@Example.com")
	cur := w.current(in)
	if u := cur.User; u.Login != "Kim@Example.com" || u.LoginKey != "kim@example.com" || u.Name != "Kim" || len(u.ID) != 32 {
		t.Errorf("user %+v", u)
	}
	if s := cur.Session; s.AAL() != 2 || !s.PhishingResistant() || s.App || len(s.Uses) != 1 || !slices.Equal(s.AMR(), []string{"pop", "user", "mfa"}) {
		t.Errorf("session %+v of level %d", s, s.AAL())
	}
	if e := w.lastEvent(); e.Type != mapae.EventSignUp || e.UserID != cur.User.ID || e.SessionID != cur.Session.ID || e.Address != "192.0.2.1" || e.RequestID != "r" {
		t.Errorf("event %+v", e)
	}
	if err := w.SignOut(w.ctx, c, cur); err != nil {
		t.Fatal(err)
	}
	_, err := w.Session(w.ctx, in.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)

	again := w.signIn(browser(2), a)
	if again.User.ID != in.User.ID || again.Session.ID == in.Session.ID || again.Token == in.Token {
		t.Errorf("signed in as %v in %v", again.User.ID, again.Session.ID)
	}
	if got := must(w.Passkeys(w.ctx, w.current(again)))(t); len(got) != 1 || w.now().Sub(got[0].LastUsedAt) > time.Second || got[0].LastUsedAgent != "Browser/1" || !got[0].FirstFactor || got[0].Name != "Passkey" {
		t.Errorf("passkeys %+v", got)
	}
}

func TestABrowsersNameIsKeptAsTextThatEveryStoreHolds(t *testing.T) {
	t.Parallel()
	w, a, c := newWorld(t), webauthntest.New(origin), browser(1)
	c.UserAgent = "Bro\x00wser\xff" + strings.Repeat("é", 200)
	in := w.signUp(c, a, "kim@example.com")
	w.signIn(c, a)
	want := "Browser" + strings.Repeat("é", 124) // 256 bytes at most, before what is no character is dropped
	if e := w.lastEvent(); e.UserAgent != want {
		t.Errorf("event: %q", e.UserAgent)
	}
	if s := w.current(in).Session; s.UserAgent != want {
		t.Errorf("session: %q", s.UserAgent)
	}
	if l := must(w.store.Credentials(w.ctx, in.User.ID))(t); l[0].LastUsedAgent != want {
		t.Errorf("credential: %q", l[0].LastUsedAgent)
	}
}

func TestAnAppSignsUpAndIn(t *testing.T) {
	t.Parallel()
	w, a := newWorld(t), webauthntest.New(origin)
	w.signUp(app, a, "a@example.com")
	if in := w.signIn(app, a); !w.current(in).Session.App {
		t.Error("the session is not an app's")
	}
}

func TestOptionsSayWhatThePlanSays(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), browser(1)
	up := must(w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: "a@example.com", Name: "Kim"}))(t).Options
	if up.ResidentKey != webauthn.ResidentKeyRequired || up.UserVerification != webauthn.UserVerificationRequired || up.RP.ID != rpID || up.User.Name != "a@example.com" || up.User.DisplayName != "Kim" || up.Timeout != 5*time.Minute {
		t.Errorf("sign-up options %+v", up)
	}
	for _, login := range []string{"", "a@example.com", "nobody@example.com"} {
		in := must(w.BeginSignIn(w.ctx, c, mapae.SignInRequest{Login: login}))(t)
		if len(in.Allow) != 0 || in.UserVerification != webauthn.UserVerificationPreferred || in.RPID != rpID || in.Timeout != 5*time.Minute {
			t.Errorf("sign-in options for %q: %+v", login, in)
		}
		if n := len(in.Challenge); n < 100 || n > 200 {
			t.Errorf("a challenge of %d bytes", n)
		}
	}
	if auto := must(w.BeginSignIn(w.ctx, c, mapae.SignInRequest{Autofill: true}))(t); auto.Timeout != 15*time.Minute {
		t.Errorf("autofill options live %v", auto.Timeout)
	}
}

func TestATypedAddressMustBeTheAnswersAccount(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), browser(1)
	kim, lee := webauthntest.New(origin), webauthntest.New(origin)
	w.signUp(c, kim, "kim@example.com")
	w.signUp(c, lee, "lee@example.com")
	ask := func(login string) []byte {
		return options(t, must(w.BeginSignIn(w.ctx, c, mapae.SignInRequest{Login: login}))(t))
	}
	must(w.FinishSignIn(w.ctx, c, must(kim.Get(ask("KIM@example.com")))(t)))(t)
	_, err := w.FinishSignIn(w.ctx, c, must(lee.Get(ask("kim@example.com")))(t))
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	if e := w.lastEvent(); e.Type != mapae.EventSignInFailed || e.Reason != "login" {
		t.Errorf("event %+v", e)
	}
}

func TestSignUpRefusesWhatItCanNotKeep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signUp(browser(1), webauthntest.New(origin), "taken@example.com")
	for name, c := range map[string]struct {
		req   mapae.SignUpRequest
		code  mapae.Code
		field string
	}{
		"no address":                  {mapae.SignUpRequest{Name: "Kim"}, mapae.CodeBadRequest, "email"},
		"no at sign":                  {mapae.SignUpRequest{Login: "kim", Name: "Kim"}, mapae.CodeBadRequest, "email"},
		"a display name":              {mapae.SignUpRequest{Login: "Kim <kim@example.com>", Name: "Kim"}, mapae.CodeBadRequest, "email"},
		"a line break in the address": {mapae.SignUpRequest{Login: "kim@example.com\r\nBcc: x@example.com", Name: "Kim"}, mapae.CodeBadRequest, "email"},
		"a NUL in the address":        {mapae.SignUpRequest{Login: "k\x00im@example.com", Name: "Kim"}, mapae.CodeBadRequest, "email"},
		"10 KB of address":            {mapae.SignUpRequest{Login: string(make([]byte, 10000)) + "@example.com", Name: "Kim"}, mapae.CodeBadRequest, "email"},
		"no name":                     {mapae.SignUpRequest{Login: "kim@example.com"}, mapae.CodeBadRequest, "name"},
		"a name of spaces":            {mapae.SignUpRequest{Login: "kim@example.com", Name: "  "}, mapae.CodeBadRequest, "name"},
		"a name that turns the text":  {mapae.SignUpRequest{Login: "kim@example.com", Name: "Kim\u202e"}, mapae.CodeBadRequest, "name"},
		"65 characters":               {mapae.SignUpRequest{Login: "kim@example.com", Name: string(slices.Repeat([]rune{'가'}, 65))}, mapae.CodeBadRequest, "name"},
		"a NUL in the language":       {mapae.SignUpRequest{Login: "kim@example.com", Name: "Kim", Locale: "ko\x00"}, mapae.CodeBadRequest, "locale"},
		"a taken address":             {mapae.SignUpRequest{Login: "taken@example.com", Name: "Kim"}, mapae.CodeLoginTaken, "email"},
		"a taken address, other case": {mapae.SignUpRequest{Login: "TAKEN@Example.com", Name: "Kim"}, mapae.CodeLoginTaken, "email"},
	} {
		_, err := w.BeginSignUp(w.ctx, browser(1), c.req)
		var e *mapae.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Field != c.field {
			t.Errorf("%s: %v, want %s of %s", name, err, c.code, c.field)
		}
	}
	if _, err := w.BeginSignUp(w.ctx, browser(1), mapae.SignUpRequest{Login: "가나@example.com", Name: string(slices.Repeat([]rune{'가'}, 64))}); err != nil {
		t.Errorf("64 characters: %v", err)
	}
}

func TestTheFasterOfTwoSignUpsGetsTheAddress(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), browser(1)
	req := mapae.SignUpRequest{Login: "kim@example.com", Name: "Kim"}
	first, second := must(w.BeginSignUp(w.ctx, c, req))(t), must(w.BeginSignUp(w.ctx, c, req))(t)
	a, b := webauthntest.New(origin), webauthntest.New(origin)
	must(w.FinishSignUp(w.ctx, c, first.Ticket, must(a.Create(options(t, first.Options)))(t)))(t)
	late := must(b.Create(options(t, second.Options)))(t)
	_, err := w.FinishSignUp(w.ctx, c, second.Ticket, late)
	wantCode(t, err, mapae.CodeLoginTaken)
	if e := w.lastEvent(); e.Type != mapae.EventSignUpFailed || e.Reason != "login_taken" {
		t.Errorf("event %+v", e)
	}
	_, err = w.FinishSignUp(w.ctx, c, second.Ticket, late)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

func TestSignUpFinishesOnceAndOnlyWithItsTicket(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), browser(1)
	begin := func(email string) mapae.SignUpStep {
		return must(w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: email, Name: "Kim"}))(t)
	}
	one, two := begin("one@example.com"), begin("two@example.com")
	made := must(webauthntest.New(origin).Create(options(t, one.Options)))(t)
	_, err := w.FinishSignUp(w.ctx, c, two.Ticket, made)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	if e := w.lastEvent(); e.Reason != "ticket" {
		t.Errorf("reason %q", e.Reason)
	}
	for _, bad := range []string{"", "mt_", "mt_AAAA", one.Ticket[3:], one.Ticket + "A", one.Ticket[:len(one.Ticket)-1], one.Ticket + "\n"} {
		_, err := w.FinishSignUp(w.ctx, c, bad, made)
		wantCode(t, err, mapae.CodeCeremonyInvalid)
	}
	made = must(webauthntest.New(origin).Create(options(t, two.Options)))(t)
	must(w.FinishSignUp(w.ctx, c, two.Ticket, made))(t)
	_, err = w.FinishSignUp(w.ctx, c, two.Ticket, made)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

func TestAPasskeyThatCouldNotSignInAgainMakesNoAccount(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	step := must(w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: "kim@example.com", Name: "Kim"}))(t)
	a.Forge.Response = func(m map[string]any) {
		m["clientExtensionResults"] = map[string]any{"credProps": map[string]any{"rk": false}}
	}
	_, err := w.FinishSignUp(w.ctx, c, step.Ticket, must(a.Create(options(t, step.Options)))(t))
	wantCode(t, err, mapae.CodeRegistrationRejected)
	if e := w.lastEvent(); e.Reason != "second_factor_only" {
		t.Errorf("reason %q", e.Reason)
	}
	_, err = w.store.UserByLogin(w.ctx, "kim@example.com")
	if !errors.Is(err, mapae.ErrNotFound) {
		t.Errorf("user: %v", err)
	}
}

func TestSignUpPolicy(t *testing.T) {
	t.Parallel()
	closed := newWorld(t, func(c *mapae.Config) { c.SignUp = mapae.SignUpClosed })
	_, err := closed.BeginSignUp(closed.ctx, browser(1), mapae.SignUpRequest{Login: "a@example.com", Name: "Kim"})
	wantCode(t, err, mapae.CodeForbidden)

	w, c := newWorld(t, func(c *mapae.Config) { c.SignUp = mapae.SignUpInvited }), browser(1)
	any := must(w.Invite(w.ctx, "", time.Hour))(t)
	kims := must(w.Invite(w.ctx, "Kim@example.com", time.Hour))(t)
	begin := func(email, invitation string) (mapae.SignUpStep, error) {
		return w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: email, Name: "Kim", Invitation: invitation})
	}
	for name, try := range map[string][2]string{
		"none":                    {"a@example.com", ""},
		"a made-up one":           {"a@example.com", "mt_AAAA"},
		"one for another address": {"a@example.com", kims},
	} {
		_, err := begin(try[0], try[1])
		if !errors.Is(err, mapae.ErrForbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = begin("a@example.com", must(begin("kim@example.com", kims))(t).Ticket)
	wantCode(t, err, mapae.CodeForbidden) // a ticket of another purpose

	one, two := must(begin("a@example.com", any))(t), must(begin("b@example.com", any))(t)
	must(w.FinishSignUp(w.ctx, c, one.Ticket, must(webauthntest.New(origin).Create(options(t, one.Options)))(t)))(t)
	_, err = w.FinishSignUp(w.ctx, c, two.Ticket, must(webauthntest.New(origin).Create(options(t, two.Options)))(t))
	wantCode(t, err, mapae.CodeCeremonyInvalid) // an invitation works once
	w.pass(time.Hour)
	_, err = begin("kim@example.com", kims)
	wantCode(t, err, mapae.CodeForbidden)
}
