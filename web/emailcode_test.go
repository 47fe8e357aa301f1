package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
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

// byMail proves addresses by mail, and offers sign-in by code.
func byMail(c *mapae.Config, _ *Config) {
	c.Mailer = &postbox{}
	c.Methods = append(slices.Clone(c.Methods), mapae.EmailCode{})
}

// mails delivers what waits, and returns it.
func (w *world) mails() []mapae.Message {
	w.t.Helper()
	if _, err := w.auth.Deliver(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	p := w.auth.Config().Mailer.(*postbox)
	p.mu.Lock()
	defer p.mu.Unlock()
	sent := p.all
	p.all = nil
	return sent
}

// lastMail is the last of the mails that wait; there is one.
func (w *world) lastMail() mapae.Message {
	w.t.Helper()
	sent := w.mails()
	if len(sent) == 0 {
		w.t.Fatal("nothing was mailed")
	}
	return sent[len(sent)-1]
}

// codeOfLink is the code that a mailed link carries, or nothing.
func codeOfLink(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	ok(t, err)
	return u.Query().Get("code")
}

// mailingNode is w's site from when it has a mailer.
func (w *world) mailingNode() *world {
	w.t.Helper()
	node, cfg, face := *w, w.auth.Config(), w.site.cfg
	byMail(&cfg, &face)
	var err error
	node.auth, err = mapae.New(cfg)
	ok(w.t, err)
	node.site = New(node.auth, face)
	node.h = node.site
	return &node
}

// parts are what a node is made of.
func (w *world) parts() (*mapae.Auth, *Site, http.Handler) { return w.auth, w.site, w.h }

// atNode is the person at another node.
func (p person) atNode(w *world) person {
	p.w, p.HTTP.Transport = w, w
	return p
}

// provenMember is somebody who signed up with a password, by mail.
func (w *world) provenMember(email string) person {
	w.t.Helper()
	p := w.person()
	ticket, _, err := p.BeginSignUp(w.ctx, email, "Somebody", "")
	ok(w.t, err)
	proven, _, err := p.ProveSignUp(w.ctx, ticket, w.lastMail().Code)
	ok(w.t, err)
	_, err = p.FinishSignUpPassword(w.ctx, proven, password)
	ok(w.t, err)
	return p
}

func TestSomebodySignsUpAndInByMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail)
	for _, p := range []person{w.person(), w.person().app()} {
		email := map[bool]string{true: "app@example.com", false: alice}[p.App]
		ticket, options, err := p.BeginSignUp(w.ctx, email, "Alice", "")
		if err != nil || options != nil {
			t.Fatalf("options %s, %v", options, err)
		}
		proven, first, err := p.ProveSignUp(w.ctx, ticket, w.lastMail().Code)
		if err != nil || first == nil {
			t.Fatal(err)
		}
		options, err = p.BeginSignUpPasskey(w.ctx, proven)
		ok(t, err)
		credential, err := p.key.Create(options)
		ok(t, err)
		_, err = p.FinishSignUp(w.ctx, proven, credential)
		ok(t, err)
		account, err := p.Account(w.ctx)
		if err != nil || account.EmailVerifiedAt == nil {
			t.Errorf("account %+v, %v", account, err)
		}
		ticket, err = p.RequestEmailCode(w.ctx, strings.ToUpper(email))
		ok(t, err)
		_, err = p.VerifyEmailCode(w.ctx, ticket, w.lastMail().Code)
		if due := client.SecondFactorOf(err); due == nil || !slices.Contains(due.Methods, "passkey") {
			t.Errorf("the second step is %+v, %v", due, err)
		}
	}
}

func TestSomebodyWithoutASecondFactorSignsInByMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail)
	p := w.provenMember(alice)
	q := w.person()
	ticket, err := q.RequestEmailCode(w.ctx, alice)
	ok(t, err)
	code := w.lastMail().Code
	_, err = w.person().VerifyEmailCode(w.ctx, ticket, code) // BI-433
	wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
	_, err = p.VerifyEmailCode(w.ctx, ticket, code) // signed in elsewhere as the same
	wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
	_, err = q.VerifyEmailCode(w.ctx, ticket, code)
	ok(t, err)
	q.wantSession(t, "a code", 1, mapae.MethodEmailCode)
	w.pass(11 * time.Minute)
	_, err = q.NewRecoveryCodes(w.ctx)
	wantCode(t, err, 403, mapae.CodeStepUpRequired)
	ticket, err = q.ReauthRequestEmailCode(w.ctx)
	ok(t, err)
	_, err = q.ReauthEmailCode(w.ctx, ticket, w.lastMail().Code, client.ActionDeleteAccount)
	ok(t, err)
	_, err = q.NewRecoveryCodes(w.ctx)
	ok(t, err)
}

func TestSomebodyProvesTheAddressLater(t *testing.T) {
	t.Parallel()
	before := newWorld(t, allMethods)
	p := before.passwordMember(alice)
	w := before.mailingNode()
	q, other := p.atNode(w), w.provenMember(bob)
	ticket, err := q.RequestVerification(w.ctx)
	ok(t, err)
	code := w.lastMail().Code
	_, err = other.VerifyEmail(w.ctx, ticket, code) // another user
	wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
	account, err := q.VerifyEmail(w.ctx, ticket, code)
	if err != nil || account.EmailVerifiedAt == nil {
		t.Errorf("account %+v, %v", account, err)
	}
	_, err = q.RequestVerification(w.ctx)
	wantCode(t, err, 409, mapae.CodeConflict)
}

func TestSomebodyResetsThePassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail)
	p, other := w.provenMember(alice), w.provenMember(bob)
	ok(t, w.person().ForgotPassword(w.ctx, alice))
	code := codeOfLink(t, w.lastMail().Link)
	w.unchanged([]string{alice}, func() { // a scanner of mail opens every link
		w.person().page("/reset?code="+url.QueryEscape(code)).says(t, "the link", 200, "New password")
	})
	wantCode(t, other.ResetPassword(w.ctx, code, "short"), 400, mapae.CodeBadRequest)
	ok(t, other.ResetPassword(w.ctx, code, password+"!")) // with another user signed in
	other.wantSession(t, "another's", 1, mapae.MethodPassword)
	if in, err := other.Session(w.ctx); err != nil || in.User.Login != bob {
		t.Errorf("the session is %+v, %v", in, err)
	}
	_, err := p.Session(w.ctx)
	wantCode(t, err, 401, mapae.CodeUnauthenticated)
	w.unchanged([]string{alice, bob}, func() {
		wantCode(t, other.ResetPassword(w.ctx, code, password+"?"), 400, mapae.CodeCeremonyInvalid)
	})
	_, err = p.SignInPassword(w.ctx, alice, password+"!")
	ok(t, err)
}

func TestMailsAreLimitedByAddressAndThoseThatWereUsedAreNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, func(_ *mapae.Config, c *Config) { c.Limits = Limits{Mails: 2} })
	p := w.provenMember(alice) // its mail was used
	for i := range 3 {
		w.pass(time.Minute)
		ticket, err := p.RequestEmailCode(w.ctx, alice)
		ok(t, err)
		if i < 2 {
			_, err = p.VerifyEmailCode(w.ctx, ticket, w.lastMail().Code)
			ok(t, err)
		}
	}
	p.send("POST", "/api/auth/password/forgot", `{"email":"not an address"}`).want(t, 400, mapae.CodeBadRequest)
	ok(t, p.ForgotPassword(w.ctx, "nobody@example.com"))
	for _, path := range []string{"/api/auth/password/forgot", "/api/auth/email-code/request", "/api/auth/signup/passkey/options"} {
		a := p.send("POST", path, `{"email":"carol@example.com","name":"Carol"}`).want(t, 429, mapae.CodeRateLimited)
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
}

func TestAStrangerSeesNoDifferenceByMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited).mailingNode()
	w.provenMember(alice)
	key := w.person() // proven, without a password
	ticket, _, err := key.BeginSignUp(w.ctx, bob, "Somebody", "")
	ok(t, err)
	ticket, options, err := key.ProveSignUp(w.ctx, ticket, w.lastMail().Code)
	ok(t, err)
	credential, err := webauthntest.New(home).Create(options)
	ok(t, err)
	_, err = key.FinishSignUp(w.ctx, ticket, credential)
	ok(t, err)
	nobody := "kim@example.com"
	post := func(path, body string) func(string) reply {
		return func(email string) reply { return w.person().send("POST", path, fmt.Sprintf(body, email)) }
	}
	then := func(path, body, next string) func(string) reply {
		return func(email string) reply {
			q := w.person()
			ticket := q.send("POST", path, fmt.Sprintf(body, email)).json("ticket")
			return q.send("POST", next, `{"code":"0000-0000"}`, header(ticketHeader, ticket))
		}
	}
	form := func(path string, values url.Values) func(string) reply {
		return func(email string) reply {
			values.Set("username", email)
			return w.person().form(path, values)
		}
	}
	for _, c := range []struct {
		name   string
		ask    func(email string) reply
		status int
	}{
		{"a code to sign in", post("/api/auth/email-code/request", `{"email":%q}`), 200},
		{"a wrong code to sign in", then("/api/auth/email-code/request", `{"email":%q}`, "/api/auth/email-code/verify"), 401},
		{"a reset", post("/api/auth/password/forgot", `{"email":%q}`), 200},
		{"BI-419 a sign-up", post("/api/auth/signup/passkey/options", `{"email":%q,"name":"Kim"}`), 200},
		{"a wrong code of a sign-up", then("/api/auth/signup/passkey/options", `{"email":%q,"name":"Kim"}`, "/api/auth/signup/verify"), 401},
		{"the page of a code", form("/email-code", url.Values{"step": {"start"}}), 200},
		{"the page of a reset", form("/reset", url.Values{"step": {"start"}}), 200},
		{"the page of a sign-up", form("/sign-up", url.Values{"name": {"Kim"}}), 200},
	} {
		for n := range 7 { // BI-421: neither does the limit of mails tell
			answers := map[string]string{}
			for _, email := range []string{alice, bob, nobody} {
				a := c.ask(email)
				a.body = regexp.MustCompile(`mt_[A-Za-z0-9_-]+`).ReplaceAll(a.body, []byte("mt_…"))
				a.body = []byte(strings.NewReplacer(bob, "…", nobody, "…", alice, "…").Replace(string(a.body)))
				a.Header.Del("Content-Length")
				answers[email] = strings.ReplaceAll(appearance(a), fmt.Sprint(len(a.body)), "")
				if a.StatusCode != c.status {
					t.Errorf("%s, try %d of %s: %d %s", c.name, n+1, email, a.StatusCode, a.body)
				}
			}
			if answers[alice] != answers[nobody] || answers[bob] != answers[nobody] {
				t.Errorf("%s, try %d:\n%s\n%s\n%s", c.name, n+1, answers[alice], answers[bob], answers[nobody])
			}
		}
		w.pass(2 * time.Hour)
	}
}

// BI-434: a mail server that is down or slow changes no answer; what was asked
// for is sent when it is back.
func TestAMailServerThatIsDownIsNotNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail)
	w.provenMember(alice)
	down := &broken{}
	node, cfg := *w, w.auth.Config()
	cfg.Mailer = down
	var err error
	node.auth, err = mapae.New(cfg)
	ok(t, err)
	node.site = New(node.auth, w.site.cfg)
	node.h = node.site
	q := node.person()
	ticket, err := q.RequestEmailCode(w.ctx, alice)
	ok(t, err)
	if n, err := node.auth.Deliver(w.ctx); n != 0 || err != nil || down.asked != 1 {
		t.Fatalf("sent %d, %v, asked %d", n, err, down.asked)
	}
	w.pass(time.Minute)
	_, err = q.VerifyEmailCode(w.ctx, ticket, w.lastMail().Code)
	ok(t, err)
}

// broken is a mailer whose server does not answer.
type broken struct{ asked int }

func (b *broken) Send(context.Context, mapae.Message) error {
	b.asked++
	return errors.New("connection refused")
}
