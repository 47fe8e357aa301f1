package mapae_test

import (
	"encoding/base32"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

const password = "correct horse battery staple"

// all offers every method; Argon2 is cheap so that tests are quick.
func all(c *mapae.Config) {
	c.Methods = []mapae.Method{mapae.Passkey{}, mapae.Password{Argon2: mapae.Argon2{MemoryKiB: 8 << 10, Passes: 1, Lanes: 1}}, mapae.TOTP{}}
}

func (w *world) signUpPassword(c mapae.Client, email string) mapae.Admitted {
	w.t.Helper()
	return must(w.SignUpPassword(w.ctx, c, mapae.SignUpRequest{Login: email, Name: "Kim"}, password))(w.t)
}

// addTOTP adds an authenticator app and returns its secret and the recovery
// codes that came with it. The clock moves on to the next step.
func (w *world) addTOTP(c mapae.Client, in mapae.Admitted) (secret string, codes []string) {
	w.t.Helper()
	setup := must(w.BeginTOTP(w.ctx, c, w.current(in)))(w.t)
	codes = must(w.FinishTOTP(w.ctx, c, w.current(in), setup.Ticket, w.code(setup.Secret)))(w.t)
	w.pass(30 * time.Second)
	return setup.Secret, codes
}

// code is what an authenticator app with secret shows now.
func (w *world) code(secret string) string {
	w.t.Helper()
	return must(totp.GenerateCode(secret, w.now()))(w.t)
}

// firstStep signs in with the password and returns the step that is due.
func (w *world) firstStep(c mapae.Client, email string) *mapae.SecondFactorStep {
	w.t.Helper()
	step := must(w.SignInPassword(w.ctx, c, email, password))(w.t)
	if step.Second == nil || step.Token != "" {
		w.t.Fatalf("no second step is due: %+v", step)
	}
	return step.Second
}

func TestAPersonSignsUpAndInWithAPassword(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "Kim@example.com")
	if s := w.current(in).Session; s.AAL() != 1 || s.PhishingResistant() || s.Uses[0].Method != mapae.MethodPassword {
		t.Errorf("session %+v", s)
	}
	step := must(w.SignInPassword(w.ctx, c, "kim@EXAMPLE.com", password))(t)
	if step.Second != nil || w.current(step.Admitted).User.ID != in.User.ID {
		t.Errorf("step %+v", step)
	}
	if e := w.lastEvent(); e.Type != mapae.EventSignIn || e.Method != mapae.MethodPassword {
		t.Errorf("event %+v", e)
	}
}

func TestAWrongPasswordAndNobodysNameGetTheSameAnswer(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	keyOnly := w.signUp(c, webauthntest.New(origin), "lee@example.com")
	for name, try := range map[string]struct {
		email, password string
		user            mapae.UserID
	}{
		"a wrong password":    {"kim@example.com", "wrong", in.User.ID},
		"an empty password":   {"kim@example.com", "", in.User.ID},
		"other case":          {"kim@example.com", strings.ToUpper(password), in.User.ID},
		"nobody's name":       {"nobody@example.com", password, ""},
		"one who has none":    {"lee@example.com", password, keyOnly.User.ID},
		"one who has none, 0": {"lee@example.com", "", keyOnly.User.ID},
	} {
		_, err := w.SignInPassword(w.ctx, c, try.email, try.password)
		var e *mapae.Error
		if !errors.As(err, &e) || e.Code != mapae.CodeAuthenticationFailed || e.Field != "" || e.RetryAfter != 0 {
			t.Errorf("%s: %v", name, err)
		}
		if e := w.lastEvent(); e.Type != mapae.EventSignInFailed || e.Reason != "password" || e.UserID != try.user {
			t.Errorf("%s: event %+v", name, e)
		}
	}
	_, err := w.SignInPassword(w.ctx, c, "kim@example.com", strings.Repeat("x", 257))
	wantCode(t, err, mapae.CodeBadRequest)
	must(w.SignInPassword(w.ctx, c, "kim@example.com", password))(t)
}

func TestPasswordRules(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	for name, try := range map[string]struct {
		password string
		ok       bool
	}{
		"14 characters":                         {"abcdefghijk-12", false},
		"15 characters":                         {"abcdefghijk-123", true},
		"15 of two bytes each":                  {strings.Repeat("가나다라마", 3)[:45-3] + "x", true},
		"256 characters":                        {strings.Repeat("x", 255) + "y", true},
		"257 characters":                        {strings.Repeat("x", 256) + "y", false},
		"a common one":                          {"qwertyuiopasdfghjkl", true},
		"a common one, said twice, in capitals": {"PASSWORDPASSWORD", false},
		"one character":                         {strings.Repeat("a", 20), false},
		"not UTF-8":                             {"abcdefghijklmno\xff", false},
		"the address":                           {"kim-the-great@example.com", false},
		"the name in it":                        {"kim-the-great and more", true},
		"nothing":                               {"", false},
	} {
		_, err := w.SignUpPassword(w.ctx, c, mapae.SignUpRequest{Login: "kim-the-great@example.com", Name: "Kim"}, try.password)
		var e *mapae.Error
		switch {
		case try.ok && err == nil:
			u := must(w.store.UserByLogin(w.ctx, "kim-the-great@example.com"))(t)
			if err := w.store.Update(w.ctx, func(tx mapae.Tx) error { return tx.DeleteUser(w.ctx, u.ID) }); err != nil {
				t.Fatal(err)
			}
		case try.ok:
			t.Errorf("%s: %v", name, err)
		case !errors.As(err, &e) || e.Code != mapae.CodeBadRequest || e.Field != "password":
			t.Errorf("%s: %v, want bad_request of password", name, err)
		}
	}
}

func TestAPasswordIsHashedAgainWhenItsCostsChange(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	stored := func() string {
		return string(must(w.store.Secrets(w.ctx, in.User.ID, mapae.SecretPassword))(t)[0].Data)
	}
	before := stored()
	dearer := w.node(func(c *mapae.Config) {
		c.Methods = []mapae.Method{mapae.Password{Argon2: mapae.Argon2{MemoryKiB: 9 << 10, Passes: 1, Lanes: 1}}}
	})
	must(dearer.SignInPassword(w.ctx, c, "kim@example.com", password))(t)
	if after := stored(); after == before || !strings.HasPrefix(after, "$argon2id$v=19$m=9216,t=1,p=1$") {
		t.Errorf("stored %s", after)
	}
	must(w.SignInPassword(w.ctx, c, "kim@example.com", password))(t)
}

func TestPasswordTriesWaitAndAPasskeyDoesNot(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t, all), browser(1), webauthntest.New(origin)
	in := w.signUpPassword(c, "kim@example.com")
	w.addPasskey(c, in, a, "")
	for _, email := range []string{"kim@example.com", "nobody@example.com"} {
		try := func(p string) *mapae.Error {
			_, err := w.SignInPassword(w.ctx, c, email, p)
			var e *mapae.Error
			if err != nil && !errors.As(err, &e) {
				t.Fatal(err)
			}
			return e
		}
		for n := range 5 {
			if e := try("wrong"); e.Code != mapae.CodeAuthenticationFailed {
				t.Fatalf("%s, try %d: %v", email, n+1, e)
			}
		}
		if e := try(password); e.Code != mapae.CodeRateLimited || e.RetryAfter <= 0 || e.RetryAfter > time.Second {
			t.Errorf("%s, sixth try: %v, retry after %v", email, e, e.RetryAfter)
		}
		for range 30 {
			w.pass(15 * time.Minute)
			if e := try("wrong"); e.Code != mapae.CodeAuthenticationFailed {
				t.Fatalf("%s, after 15 minutes: %v", email, e)
			}
		}
		if e := try("wrong"); e.Code != mapae.CodeRateLimited || e.RetryAfter > 15*time.Minute {
			t.Errorf("%s: %v, retry after %v", email, e, e.RetryAfter)
		}
	}
	w.signIn(c, a)
	w.pass(15 * time.Minute)
	must(w.SignInPassword(w.ctx, c, "kim@example.com", password))(t)
	for range 4 {
		_, err := w.SignInPassword(w.ctx, c, "kim@example.com", "wrong")
		wantCode(t, err, mapae.CodeAuthenticationFailed) // the count began anew
	}
}

func TestSixteenWrongTriesAtOnceDoNotPassTheLimit(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store mapae.Store) {
		w, c := newWorldOn(t, store, all), browser(1)
		w.signUpPassword(c, "kim@example.com")
		var wg sync.WaitGroup
		var failed, limited int
		var mu sync.Mutex
		for range 16 {
			wg.Go(func() {
				_, err := w.SignInPassword(w.ctx, c, "kim@example.com", "wrong")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.Is(err, mapae.ErrAuthenticationFailed):
					failed++
				case errors.Is(err, mapae.ErrRateLimited):
					limited++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if failed != 5 || limited != 11 {
			t.Errorf("%d were looked at, %d were not", failed, limited)
		}
	})
}

// Who looked at the clock before another's try was counted is not told to wait
// for it: a node's clock may be behind, and requests overtake each other.
func TestAFreeTryBarsNobodyWhoseClockIsBehind(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	w.signUpPassword(c, "kim@example.com")
	for range 4 {
		_, err := w.SignInPassword(w.ctx, c, "kim@example.com", "wrong")
		wantCode(t, err, mapae.CodeAuthenticationFailed)
		w.pass(-100 * time.Millisecond)
	}
}

func TestAnAuthenticatorAppIsASecondFactor(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	setup := must(w.BeginTOTP(w.ctx, c, w.current(in)))(t)
	uri := must(url.Parse(setup.URI))(t)
	if key := must(base32.StdEncoding.DecodeString(setup.Secret))(t); len(key) != 20 || uri.Query().Get("secret") != setup.Secret || uri.Query().Get("issuer") != "Example" || uri.Path != "/Example:kim@example.com" {
		t.Errorf("set-up %+v", setup)
	}
	if a := must(w.Account(w.ctx, w.current(in)))(t); a.TOTP || a.RecoveryCodesLeft != 0 {
		t.Errorf("before it was confirmed: %+v", a)
	}
	_, err := w.FinishTOTP(w.ctx, c, w.current(in), setup.Ticket, "000000")
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	code := w.code(setup.Secret)
	codes := must(w.FinishTOTP(w.ctx, c, w.current(in), setup.Ticket, code))(t)
	if len(codes) != 10 {
		t.Errorf("%d recovery codes", len(codes))
	}
	_, err = w.FinishTOTP(w.ctx, c, w.current(in), setup.Ticket, code)
	wantCode(t, err, mapae.CodeCeremonyInvalid)

	step := w.firstStep(c, "kim@example.com")
	if !slices.Equal(step.Methods, []mapae.MethodName{mapae.MethodTOTP, mapae.MethodRecoveryCode}) || step.Options != nil {
		t.Errorf("step %+v", step)
	}
	_, err = w.SecondFactorTOTP(w.ctx, c, step.Ticket, code)
	wantCode(t, err, mapae.CodeAuthenticationFailed) // it confirmed the set-up
	w.pass(30 * time.Second)
	done := must(w.SecondFactorTOTP(w.ctx, c, step.Ticket, w.code(setup.Secret)))(t)
	if s := w.current(done).Session; s.AAL() != 2 || s.PhishingResistant() || len(s.Uses) != 2 || s.Uses[0].Method != mapae.MethodPassword {
		t.Errorf("session %+v", s)
	}
	w.pass(30 * time.Second)
	_, err = w.SecondFactorTOTP(w.ctx, c, step.Ticket, w.code(setup.Secret))
	wantCode(t, err, mapae.CodeCeremonyInvalid) // the ticket was used
}

func TestTOTPCodes(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	secret, _ := w.addTOTP(c, in)
	w.pass(10 * time.Minute)
	at := func(d time.Duration) string { return must(totp.GenerateCode(secret, w.now().Add(d)))(t) }
	try := func(code string) error {
		_, err := w.SecondFactorTOTP(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, code)
		return err
	}
	for name, code := range map[string]string{
		"two steps old": at(-time.Minute), "two steps early": at(time.Minute), "five digits": at(0)[:5], "seven digits": at(0) + "0",
	} {
		if err := try(code); !errors.Is(err, mapae.ErrAuthenticationFailed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, step := range []struct {
		name string
		of   time.Duration
		ok   bool
	}{{"one step old", -30 * time.Second, true}, {"the same again", -30 * time.Second, false}, {"this step", 0, true}, {"one step early", 30 * time.Second, true}, {"back to this step", 0, false}} {
		if err := try(at(step.of)); (err == nil) != step.ok {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	w.pass(time.Hour)
	if err := try(at(0)); err != nil {
		t.Error(err)
	}
	w.pass(-90 * time.Second) // the clock is set back; the step that was used is not forgotten
	if err := try(at(0)); !errors.Is(err, mapae.ErrAuthenticationFailed) {
		t.Errorf("after the clock was set back: %v", err)
	}
}

// TestRFC6238 holds the codes against Appendix B of the RFC (SHA-1), cut to
// six digits.
func TestRFC6238(t *testing.T) {
	t.Parallel()
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := must(totp.GenerateCode(secret, time.Unix(at, 0)))(t); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func TestARecoveryCodeStandsInOnce(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	_, codes := w.addTOTP(c, in)
	use := func(code string) error {
		_, err := w.SecondFactorRecoveryCode(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, code)
		return err
	}
	for i, typed := range []string{codes[0], strings.ToLower(codes[1]), strings.ReplaceAll(codes[2], "-", ""), " " + strings.ReplaceAll(codes[3], "-", " - ") + " ",
		strings.NewReplacer("0", "o", "1", "l").Replace(codes[4])} {
		if err := use(typed); err != nil {
			t.Errorf("code %d as %q: %v", i, typed, err)
		}
	}
	if err := use(codes[0]); !errors.Is(err, mapae.ErrAuthenticationFailed) {
		t.Errorf("again: %v", err)
	}
	if n := must(w.RecoveryCodesLeft(w.ctx, w.current(in)))(t); n != 5 {
		t.Errorf("%d left", n)
	}
	w.pass(time.Minute)
	for _, bad := range []string{"", "-", "AAAA", codes[5] + "A", strings.Repeat("A", 200), "UUUU-UUUU-UUUU-UUUU"} {
		w.pass(time.Hour)
		if err := use(bad); !errors.Is(err, mapae.ErrAuthenticationFailed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	w.pass(time.Hour)
	stepped := must(w.ReauthCode(w.ctx, c, w.current(in), mapae.MethodRecoveryCode, codes[5], mapae.ActionNone))(t)
	fresh := must(w.NewRecoveryCodes(w.ctx, c, w.current(stepped)))(t)
	if len(fresh) != 10 || slices.Contains(fresh, codes[6]) {
		t.Errorf("new codes %v", fresh)
	}
	if err := use(codes[6]); !errors.Is(err, mapae.ErrAuthenticationFailed) {
		t.Errorf("an old code: %v", err)
	}
	if err := use(fresh[0]); err != nil {
		t.Errorf("a new code: %v", err)
	}
}

func TestRecoveryCodesWaitForAClientThatShowsThem(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	answer := func() []byte {
		a := webauthntest.New(origin)
		return must(a.Create(options(t, must(w.BeginAddPasskey(w.ctx, c, w.current(in), false))(t))))(t)
	}
	first := must(w.FinishAddPasskeySilently(w.ctx, c, w.current(in), answer(), "First"))(t)
	if account := must(w.Account(w.ctx, w.current(in)))(t); account.RecoveryCodesLeft != 0 || first.Name != "First" {
		t.Errorf("%d recovery codes that nobody has seen; passkey %+v", account.RecoveryCodesLeft, first)
	}
	_, codes, err := w.Auth.FinishAddPasskey(w.ctx, c, w.current(in), answer(), "")
	if err != nil || len(codes) != 10 {
		t.Errorf("%d recovery codes, %v", len(codes), err)
	}
}

func TestACodeIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	kim, lee := w.signUpPassword(c, "kim@example.com"), w.signUpPassword(c, "lee@example.com")
	_, kims := w.addTOTP(c, kim)
	w.addTOTP(c, lee)
	_, err := w.SecondFactorRecoveryCode(w.ctx, c, w.firstStep(c, "lee@example.com").Ticket, kims[0])
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	for _, in := range []mapae.Admitted{kim, lee} {
		if n := must(w.RecoveryCodesLeft(w.ctx, w.current(in)))(t); n != 10 {
			t.Errorf("%d left", n)
		}
	}
}

// TestSixteenPostsOfOneCodeMakeOneSession posts one code with as many tickets.
func TestSixteenPostsOfOneCodeMakeOneSession(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store mapae.Store) {
		for method := range map[mapae.MethodName]bool{mapae.MethodTOTP: true, mapae.MethodRecoveryCode: true} {
			w, c := newWorldOn(t, store, all), browser(1)
			in := w.signUpPassword(c, string(method)+"@example.com")
			secret, codes := w.addTOTP(c, in)
			var tickets []string
			for range 16 {
				tickets = append(tickets, w.firstStep(c, string(method)+"@example.com").Ticket)
			}
			code := w.code(secret)
			var wg sync.WaitGroup
			errs := make([]error, 16)
			for i, ticket := range tickets {
				wg.Go(func() {
					if method == mapae.MethodTOTP {
						_, errs[i] = w.SecondFactorTOTP(w.ctx, c, ticket, code)
					} else {
						_, errs[i] = w.SecondFactorRecoveryCode(w.ctx, c, ticket, codes[0])
					}
				})
			}
			wg.Wait()
			won := 0
			for _, err := range errs {
				switch {
				case err == nil:
					won++
				case !errors.Is(err, mapae.ErrAuthenticationFailed) && !errors.Is(err, mapae.ErrRateLimited):
					t.Error(err)
				}
			}
			if won != 1 || w.sessions(in.User) != 2 {
				t.Errorf("%s: %d won, %d sessions with that of the sign-up", method, won, w.sessions(in.User))
			}
		}
	})
}

func TestACodeThatIsGuessedIsBarred(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	secret, codes := w.addTOTP(c, in)
	wrong := func() error {
		w.pass(16 * time.Minute)
		_, err := w.SecondFactorTOTP(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, "00000x")
		return err
	}
	for n := range 100 {
		if err := wrong(); !errors.Is(err, mapae.ErrAuthenticationFailed) {
			t.Fatalf("try %d: %v", n+1, err)
		}
	}
	w.pass(24 * time.Hour)
	must(w.Sweep(w.ctx))(t)
	_, err := w.SecondFactorTOTP(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, w.code(secret))
	wantCode(t, err, mapae.CodeRateLimited)
	done := must(w.SecondFactorRecoveryCode(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, codes[0]))(t)
	secret, _ = w.addTOTP(c, done) // bound anew
	must(w.SecondFactorTOTP(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, w.code(secret)))(t)
}

func TestASecondStepByPasskey(t *testing.T) {
	t.Parallel()
	w, c, key := newWorld(t, all), browser(1), webauthntest.New(origin)
	key.UserVerified, key.BackupEligible, key.BackupState = false, false, false
	in := w.signUpPassword(c, "kim@example.com")
	made, codes, err := w.Auth.FinishAddPasskey(w.ctx, c, w.current(in), must(key.Create(options(t, must(w.BeginAddPasskey(w.ctx, c, w.current(in), false))(t))))(t), "Key")
	if err != nil || made.FirstFactor || len(codes) != 10 {
		t.Fatalf("made %+v with %d recovery codes: %v", made, len(codes), err)
	}
	step := w.firstStep(c, "kim@example.com")
	if !slices.Equal(step.Methods, []mapae.MethodName{mapae.MethodPasskey, mapae.MethodRecoveryCode}) || len(step.Options.Allow) != 1 {
		t.Errorf("step %+v", step)
	}
	answer := must(key.Get(options(t, step.Options)))(t)
	other := w.firstStep(c, "kim@example.com")
	_, err = w.FinishSecondFactor(w.ctx, c, other.Ticket, answer)
	wantCode(t, err, mapae.CodeCeremonyInvalid) // issued with another ticket
	again := must(w.BeginSecondFactor(w.ctx, c, step.Ticket))(t)
	_, err = w.FinishSecondFactor(w.ctx, browser(2), step.Ticket, must(key.Get(options(t, again)))(t))
	wantCode(t, err, mapae.CodeCeremonyInvalid) // another browser
	_, err = w.FinishSignIn(w.ctx, c, must(key.Get(options(t, again)))(t))
	wantCode(t, err, mapae.CodeCeremonyInvalid) // another purpose
	done := must(w.FinishSecondFactor(w.ctx, c, step.Ticket, must(key.Get(options(t, again)))(t)))(t)
	if s := w.current(done).Session; s.AAL() != 2 || !s.PhishingResistant() || len(s.Uses) != 2 {
		t.Errorf("session %+v", s)
	}
	again = must(w.BeginSecondFactor(w.ctx, c, step.Ticket))(t)
	spent := must(key.Get(options(t, again)))(t)
	for range 2 {
		_, err = w.FinishSecondFactor(w.ctx, c, step.Ticket, spent)
		wantCode(t, err, mapae.CodeCeremonyInvalid)
	}
	lee := w.signUp(c, webauthntest.New(origin), "lee@example.com")
	_ = lee
	ask := w.firstStep(c, "kim@example.com")
	ask.Options.Allow = nil
	thief := webauthntest.New(origin)
	w.signUp(c, thief, "thief@example.com")
	_, err = w.FinishSecondFactor(w.ctx, c, ask.Ticket, must(thief.Get(options(t, ask.Options)))(t))
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	if e := w.lastEvent(); e.Reason != "allow_list" {
		t.Errorf("event %+v", e)
	}
}

func TestAPasskeyWithoutUserVerificationIsOneFactor(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t, all), browser(1), webauthntest.New(origin)
	in := w.signUp(c, a, "kim@example.com")
	a.UserVerified = false
	alone := w.signIn(c, a)
	if w.current(alone).Session.AAL() != 1 {
		t.Error("two factors")
	}
	secret, codes := w.addTOTP(c, in)
	if codes != nil {
		t.Error("recovery codes were made twice")
	}
	answer := w.answer(c, a)
	step := must(w.FinishSignIn(w.ctx, c, answer))(t)
	if step.Second == nil || step.Token != "" || !slices.Equal(step.Second.Methods, []mapae.MethodName{mapae.MethodTOTP, mapae.MethodRecoveryCode}) {
		t.Fatalf("step %+v", step)
	}
	_, err := w.FinishSignIn(w.ctx, c, answer)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	_, err = w.BeginSecondFactor(w.ctx, c, step.Second.Ticket)
	wantCode(t, err, mapae.CodeNotFound)
	done := must(w.SecondFactorTOTP(w.ctx, c, step.Second.Ticket, w.code(secret)))(t)
	if w.current(done).Session.AAL() != 2 {
		t.Error("one factor")
	}
	a.UserVerified = true
	w.signIn(c, a) // no second step
}

func TestATicketEndsWithItsUsersEpochAndItsTries(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	secret, _ := w.addTOTP(c, in)
	step := w.firstStep(c, "kim@example.com")
	for range 5 {
		w.pass(20 * time.Second)
		_, err := w.SecondFactorTOTP(w.ctx, c, step.Ticket, "00000x")
		wantCode(t, err, mapae.CodeAuthenticationFailed)
	}
	w.pass(20 * time.Second)
	_, err := w.SecondFactorTOTP(w.ctx, c, step.Ticket, w.code(secret))
	wantCode(t, err, mapae.CodeCeremonyInvalid)

	w.pass(30 * time.Second)
	step = w.firstStep(c, "kim@example.com")
	must(w.EndOtherSessions(w.ctx, c, w.current(in)))(t)
	_, err = w.SecondFactorTOTP(w.ctx, c, step.Ticket, w.code(secret))
	wantCode(t, err, mapae.CodeCeremonyInvalid)

	step = w.firstStep(c, "kim@example.com")
	_, err = w.SecondFactorTOTP(w.ctx, browser(2), step.Ticket, w.code(secret))
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	w.pass(10 * time.Minute)
	_, err = w.SecondFactorTOTP(w.ctx, c, step.Ticket, w.code(secret))
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

func TestASecondFactorThatIsRequired(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	w, c := newWorld(t, all, func(cfg *mapae.Config) {
		cfg.SecondFactor = mapae.SecondFactorPolicy{Required: true, From: from, For: func(u mapae.User) bool { return u.LoginKey != "guest@example.com" }}
	}), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	w.signUpPassword(c, "guest@example.com")
	must(w.SignInPassword(w.ctx, c, "kim@example.com", password))(t)
	w.pass(from.Sub(w.now()))
	_, err := w.SignInPassword(w.ctx, c, "kim@example.com", password)
	wantCode(t, err, mapae.CodeForbidden)
	if e := w.lastEvent(); e.Reason != "second_factor_missing" || e.UserID != in.User.ID {
		t.Errorf("event %+v", e)
	}
	_, err = w.SignUpPassword(w.ctx, c, mapae.SignUpRequest{Login: "new@example.com", Name: "New"}, password)
	wantCode(t, err, mapae.CodeForbidden)
	must(w.SignInPassword(w.ctx, c, "guest@example.com", password))(t)
	w.signUp(c, webauthntest.New(origin), "key@example.com")
}
