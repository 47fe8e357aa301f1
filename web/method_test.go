package web

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

const password = "correct horse battery staple"

// passwordMember is a person who has signed up with a password.
func (w *world) passwordMember(email string) person {
	w.t.Helper()
	p := w.person()
	if _, err := p.SignUpPassword(w.ctx, email, "Somebody", password, ""); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// addTOTP adds an authenticator app and returns its secret and the recovery
// codes that came with it.
func (p person) addTOTP() (secret string, codes []string) {
	p.w.t.Helper()
	setup, err := p.BeginTOTP(p.w.ctx)
	if err != nil {
		p.w.t.Fatal(err)
	}
	codes, err = p.FinishTOTP(p.w.ctx, setup.Ticket, p.w.code(setup.Secret))
	if err != nil {
		p.w.t.Fatal(err)
	}
	return setup.Secret, codes
}

// code is what an authenticator app shows in the next step, which begins now.
func (w *world) code(secret string) string {
	w.t.Helper()
	w.pass(30 * time.Second)
	return w.codeNow(secret)
}

func (w *world) codeNow(secret string) string {
	w.t.Helper()
	code, err := totp.GenerateCode(secret, time.UnixMicro(w.clock.Load()))
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// due signs in with the password and returns the second step.
func (p person) due(email string) *client.SecondFactor {
	p.w.t.Helper()
	_, err := p.SignInPassword(p.w.ctx, email, password)
	wantCode(p.w.t, err, 401, mapae.CodeSecondFactorRequired)
	due := client.SecondFactorOf(err)
	if due == nil {
		p.w.t.Fatal("no second step")
	}
	return due
}

// watched remembers under which keys failures were counted, for a store can't
// list them.
type watched struct {
	mapae.Store
	mu   sync.Mutex
	keys map[[32]byte]bool
}

type watchedTx struct {
	mapae.Tx
	s *watched
}

func (s *watched) Update(ctx context.Context, f func(mapae.Tx) error) error {
	return s.Store.Update(ctx, func(tx mapae.Tx) error { return f(watchedTx{tx, s}) })
}

func (tx watchedTx) LockFailures(ctx context.Context, key [32]byte) (mapae.Failures, error) {
	tx.s.mu.Lock()
	defer tx.s.mu.Unlock()
	tx.s.keys[key] = true
	return tx.Tx.LockFailures(ctx, key)
}

// watch puts a watched store around the world's.
func watch(s **watched) setting {
	return func(c *mapae.Config, _ *Config) {
		*s = &watched{Store: c.Store, keys: map[[32]byte]bool{}}
		c.Store = *s
	}
}

// counted is the sum of all failures that are counted.
func (s *watched) counted(t *testing.T) (sum int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.keys {
		f, err := s.Failures(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		sum += f.Count
	}
	return sum
}

// text is v as JSON.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// wantSession demands level and methods of the session that p has now, in the
// order of their last use.
func (p person) wantSession(t *testing.T, when string, aal int, methods ...mapae.MethodName) {
	t.Helper()
	now, err := p.Session(p.w.ctx)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	var used []mapae.MethodName
	for _, u := range now.Session.Methods {
		used = append(used, mapae.MethodName(u.Method))
	}
	if now.Session.AAL != aal || !slices.Equal(used, methods) || now.Session.PhishingResistant != slices.Contains(methods, mapae.MethodPasskey) {
		t.Errorf("%s: level %d by %q, want %d by %q", when, now.Session.AAL, used, aal, methods)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSomebodyWithPasskeysOnlyGoesThroughAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.person()
	up, err := p.SignUp(w.ctx, alice, "Alice")
	ok(t, err)
	p.wantSession(t, "sign-up", 2, mapae.MethodPasskey)
	_, err = p.SignIn(w.ctx)
	ok(t, err)
	p.wantSession(t, "sign-in", 2, mapae.MethodPasskey)
	w.pass(11 * time.Minute)
	_, err = p.BeginTOTP(w.ctx)
	wantCode(t, err, 403, mapae.CodeStepUpRequired)
	_, err = p.Reauth(w.ctx)
	ok(t, err)
	p.wantSession(t, "step-up", 2, mapae.MethodPasskey)

	found := w.person() // the device is lost: a recovery code, the delay, a new passkey
	ticket, err := found.BeginRecovery(w.ctx, alice)
	ok(t, err)
	step, err := found.ProveRecovery(w.ctx, ticket, "recovery_code", up.RecoveryCodes[0])
	ok(t, err)
	if step.Ready {
		t.Error("one proof opens an account of two factors")
	}
	_, err = found.BeginRecoverPasskey(w.ctx, step.Ticket)
	wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
	wait, err := found.WaitForRecovery(w.ctx, step.Ticket)
	ok(t, err)
	w.pass(72*time.Hour - time.Minute)
	_, err = found.ClaimRecovery(w.ctx, wait.Claim)
	wantCode(t, err, 409, mapae.CodeConflict)
	w.pass(2 * time.Minute)
	step, err = found.ClaimRecovery(w.ctx, wait.Claim)
	ok(t, err)
	_, err = found.RecoverPasskey(w.ctx, step.Ticket)
	ok(t, err)
	found.wantSession(t, "recovery", 2, mapae.MethodPasskey)
	_, err = p.Session(w.ctx)
	wantCode(t, err, 401, mapae.CodeUnauthenticated)

	own, err := found.Passkeys(w.ctx)
	ok(t, err)
	ok(t, found.RemovePasskey(w.ctx, own[1].ID))
	wantCode(t, found.RemovePasskey(w.ctx, own[0].ID), 400, mapae.CodeLastFactor)
	found.wantSession(t, "removal", 2, mapae.MethodPasskey)
}

func TestSomebodyWithPasswordAndAppGoesThroughAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	p.wantSession(t, "sign-up", 1, mapae.MethodPassword)
	secret, codes := p.addTOTP()
	p.wantSession(t, "set-up", 1, mapae.MethodPassword)
	_, err := p.VerifyTOTP(w.ctx, p.due(alice).Ticket, w.code(secret))
	ok(t, err)
	p.wantSession(t, "sign-in", 2, mapae.MethodPassword, mapae.MethodTOTP)
	w.pass(11 * time.Minute)
	wantCode(t, p.RemoveTOTP(w.ctx), 403, mapae.CodeStepUpRequired)
	_, err = p.ReauthPassword(w.ctx, password, "")
	ok(t, err)
	p.wantSession(t, "step-up", 2, mapae.MethodTOTP, mapae.MethodPassword)

	lost := w.person() // the app is lost, the password is not
	_, err = lost.VerifyRecoveryCode(w.ctx, lost.due(alice).Ticket, codes[0])
	ok(t, err)
	lost.wantSession(t, "a recovery code", 2, mapae.MethodPassword, mapae.MethodRecoveryCode)

	forgot := w.person() // the password is forgotten: two proofs
	ticket, err := forgot.BeginRecovery(w.ctx, alice)
	ok(t, err)
	step, err := forgot.ProveRecovery(w.ctx, ticket, "totp", w.code(secret))
	ok(t, err)
	wantCode(t, forgot.RecoverPassword(w.ctx, step.Ticket, password), 400, mapae.CodeCeremonyInvalid)
	step, err = forgot.ProveRecovery(w.ctx, step.Ticket, "recovery_code", codes[1])
	ok(t, err)
	ok(t, forgot.RecoverPassword(w.ctx, step.Ticket, password+"!"))
	_, err = p.Session(w.ctx)
	wantCode(t, err, 401, mapae.CodeUnauthenticated)
	_, err = forgot.SignInPassword(w.ctx, alice, password+"!")
	due := client.SecondFactorOf(err)
	_, err = forgot.VerifyTOTP(w.ctx, due.Ticket, w.code(secret))
	ok(t, err)
	forgot.wantSession(t, "recovery", 2, mapae.MethodPassword, mapae.MethodTOTP)
	wantCode(t, forgot.RemovePassword(w.ctx), 400, mapae.CodeLastFactor)
	ok(t, forgot.RemoveTOTP(w.ctx))
	wantCode(t, forgot.RemoveTOTP(w.ctx), 404, mapae.CodeNotFound)
	forgot.wantSession(t, "removal", 2, mapae.MethodPassword, mapae.MethodTOTP)
}

func TestSomebodyWithAPasswordOnlyGoesThroughAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	_, err := p.SignInPassword(w.ctx, alice, password)
	ok(t, err)
	p.wantSession(t, "sign-in", 1, mapae.MethodPassword)
	w.pass(11 * time.Minute)
	_, err = p.NewRecoveryCodes(w.ctx)
	wantCode(t, err, 403, mapae.CodeStepUpRequired)
	_, err = p.ReauthPassword(w.ctx, password, "")
	ok(t, err)
	p.wantSession(t, "step-up", 1, mapae.MethodPassword)
	codes, err := p.NewRecoveryCodes(w.ctx)
	ok(t, err)

	forgot := w.person() // one factor, so one proof
	ticket, err := forgot.BeginRecovery(w.ctx, alice)
	ok(t, err)
	step, err := forgot.ProveRecovery(w.ctx, ticket, "recovery_code", codes[0])
	ok(t, err)
	if !step.Ready {
		t.Error("one proof is not enough for an account of one factor")
	}
	_, err = forgot.RecoverPasskey(w.ctx, step.Ticket)
	ok(t, err)
	forgot.wantSession(t, "recovery", 2, mapae.MethodPasskey)
	ok(t, forgot.RemovePassword(w.ctx))
	own, err := forgot.Passkeys(w.ctx)
	ok(t, err)
	wantCode(t, forgot.RemovePasskey(w.ctx, own[0].ID), 400, mapae.CodeLastFactor)
	forgot.wantSession(t, "removal", 2, mapae.MethodPasskey)
}

func TestNewAnswersAreAsTheGoldenFilesHaveThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods)
	p := w.person()
	golden(t, "password-signed-up.json", p.send("POST", "/api/auth/signup", `{"email":"`+alice+`","name":"Alice","password":"`+password+`"}`).want(t, 200, "").body)
	device := webauthntest.New(home)
	options, err := p.BeginAddPasskey(w.ctx)
	ok(t, err)
	credential, err := device.Create(options)
	ok(t, err)
	added := p.send("POST", "/api/webauthn/register/complete/", `{"credential":`+string(credential)+`,"name":"Laptop"}`).want(t, 200, "").body
	golden(t, "passkey-added.json", secretCodes(added))
	setup := p.send("POST", "/api/account/totp", `{}`).want(t, 200, "")
	golden(t, "totp-setup.json", setup.body)
	a := p.send("POST", "/api/account/totp/confirm", `{"code":"`+w.code(setup.json("secret"))+`"}`, header(ticketHeader, setup.json("ticket"))).want(t, 200, "")
	golden(t, "totp-confirmed.json", a.body)
	golden(t, "account.json", p.send("GET", "/api/account", "").want(t, 200, "").body)
	golden(t, "recovery-codes.json", secretCodes(p.send("POST", "/api/account/recovery-codes", `{}`).want(t, 200, "").body))
	golden(t, "recovery-codes-left.json", p.send("GET", "/api/account/recovery-codes", "").want(t, 200, "").body)
	golden(t, "events.json", p.send("GET", "/api/account/events?limit=2", "").want(t, 200, "").body)
	golden(t, "reauth-action.json", p.send("POST", "/api/auth/reauth/password", `{"password":"`+password+`","action":"delete_account"}`).want(t, 200, "").body)
	golden(t, "second-factor-required.json", p.another().send("POST", "/api/auth/login", `{"email":"`+alice+`","password":"`+password+`"}`).want(t, 401, mapae.CodeSecondFactorRequired).body)
	golden(t, "recover-methods.json", p.send("GET", "/api/auth/recover/methods", "").want(t, 200, "").body)
	golden(t, "recover-started.json", p.send("POST", "/api/auth/recover/start", `{"email":"`+alice+`"}`).want(t, 200, "").body)
	golden(t, "step-up-required.json", p.send("DELETE", "/api/account", "").want(t, 403, mapae.CodeStepUpRequired).body)
}

// secretCodes leaves recovery codes out of an answer, after a look at each.
func secretCodes(body []byte) []byte {
	var codes struct {
		RecoveryCodes []string `json:"recovery_codes"`
	}
	if err := json.Unmarshal(body, &codes); err != nil || len(codes.RecoveryCodes) != 10 {
		panic(fmt.Sprintf("%v in %s", err, body))
	}
	out := string(body)
	for _, code := range codes.RecoveryCodes {
		out = strings.Replace(out, code, "…", 1)
	}
	return []byte(out)
}
