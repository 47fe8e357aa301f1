package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/storetest"
	"github.com/mapae/mapae/webauthntest"
)

// withStore replaces the store of a world.
func withStore(store mapae.Store) setting {
	return func(c *mapae.Config, _ *Config) { c.Store = store }
}

func unlimited(_ *mapae.Config, c *Config) {
	c.Limits = Limits{Failures: -1, SignUps: -1, Passwords: -1, Mails: -1}
}

// allMethods offers every method; Argon2 is cheap so that tests are quick.
func allMethods(c *mapae.Config, _ *Config) {
	c.Methods = []mapae.Method{mapae.Passkey{}, mapae.Password{Argon2: mapae.Argon2{MemoryKiB: 8 << 10, Passes: 1, Lanes: 1}}, mapae.TOTP{}}
}

// flow is a ceremony in its two requests.
type flow struct {
	name   string
	begin  func(p person) (ticket string, options []byte, err error)
	create bool
	finish func(p person, ticket string, credential []byte) error
}

// flows are all ceremonies that there are, for a person who is signed in.
func flows() []flow {
	get := func(begin func(person) ([]byte, error)) func(person) (string, []byte, error) {
		return func(p person) (string, []byte, error) {
			options, err := begin(p)
			return "", options, err
		}
	}
	signIn := func(p person, _ string, credential []byte) error {
		_, err := p.FinishSignIn(p.w.ctx, credential)
		return err
	}
	return []flow{
		{"sign-up", func(p person) (string, []byte, error) { return p.BeginSignUp(p.w.ctx, "new@example.com", "New", "") }, true,
			func(p person, ticket string, credential []byte) error {
				_, err := p.FinishSignUp(p.w.ctx, ticket, credential)
				return err
			}},
		{"sign-in", get(func(p person) ([]byte, error) { return p.BeginSignIn(p.w.ctx, "") }), false, signIn},
		{"sign-in by name", get(func(p person) ([]byte, error) { return p.BeginSignIn(p.w.ctx, alice) }), false, signIn},
		{"autofill", get(func(p person) ([]byte, error) { return p.BeginAutofill(p.w.ctx) }), false, signIn},
		{"adding a passkey", get(func(p person) ([]byte, error) { return p.BeginAddPasskey(p.w.ctx) }), true,
			func(p person, _ string, credential []byte) error {
				_, err := p.FinishAddPasskey(p.w.ctx, credential, "")
				return err
			}},
		{"step-up", get(func(p person) ([]byte, error) { return p.BeginReauth(p.w.ctx) }), false,
			func(p person, _ string, credential []byte) error {
				_, err := p.FinishReauth(p.w.ctx, credential)
				return err
			}},
		{"step-up as a second factor", get(func(p person) ([]byte, error) { return p.BeginVerify(p.w.ctx, "") }), false,
			func(p person, _ string, credential []byte) error {
				_, err := p.FinishVerify(p.w.ctx, "", credential)
				return err
			}},
	}
}

// perform answers options with the person's device, or with a new one where
// a passkey is made.
func (f flow) perform(t *testing.T, p person, options []byte) []byte {
	t.Helper()
	act := p.key.Get
	if f.create {
		act = webauthntest.New(home).Create
	}
	credential, err := act(options)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

func TestBeginWritesNothingAndFinishIsOneTransaction(t *testing.T) {
	eachEngine(t, func(t *testing.T, store mapae.Store) {
		counter := storetest.Counting(store)
		w := newWorld(t, withStore(counter), unlimited)
		p := w.member(alice)
		for _, f := range flows() {
			counter.Reset()
			ticket, options, err := f.begin(p)
			if err != nil {
				t.Fatalf("%s: %v", f.name, err)
			}
			if n := counter.Counts(); n.Transactions != 0 || n.Writes != 0 {
				t.Errorf("%s: begin made %d transactions, %d writes", f.name, n.Transactions, n.Writes)
			}
			credential := f.perform(t, p, options)
			counter.Reset()
			if err := f.finish(p, ticket, credential); err != nil {
				t.Fatalf("%s: %v", f.name, err)
			}
			if n := counter.Counts(); n.Transactions != 1 {
				t.Errorf("%s: finish made %d transactions", f.name, n.Transactions)
			}
		}
	})
}

func TestAFaultyStoreIs503AndLeavesAllOrNothing(t *testing.T) {
	t.Parallel()
	for i, f := range flows() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				store := memory.New()
				w := newWorld(t, withStore(store), func(_ *mapae.Config, c *Config) { c.Limits.Failures = 1 })
				p := w.member(alice)
				ticket, options, err := f.begin(p)
				if err != nil {
					t.Fatal(err)
				}
				credential := f.perform(t, p, options)
				fault := storetest.Faulty(store, n)
				broken := newNode(w, fault)
				q := p
				q.w, q.HTTP = broken, &http.Client{Jar: p.HTTP.Jar, Transport: broken}
				q.Client.HTTP = q.HTTP
				before := w.state(alice, "new@example.com")
				err = f.finish(q, ticket, credential)
				if !fault.Struck() {
					if err != nil || n == 1 {
						t.Fatalf("without a fault, after %d calls: %v", n-1, err)
					}
					t.Logf("proven: %d", n-1)
					return
				}
				if err != nil {
					wantCode(t, err, 503, mapae.CodeUnavailable)
					if after := w.state(alice, "new@example.com"); after != before {
						t.Errorf("flow %d, fault %d left\n%s\nwas\n%s", i, n, after, before)
					}
					// Nothing was spent or counted: the same answer is good again.
					q.Client.HTTP = &http.Client{Jar: p.HTTP.Jar, Transport: w}
					if err := f.finish(q, ticket, credential); err != nil {
						t.Errorf("fault %d, then again: %v", n, err)
					}
				}
			}
		})
	}
}

// newNode is a second node of w's site on another view of its store: the same
// keys, the same clock.
func newNode(w *world, store mapae.Store) *world {
	node, view := *w, &late{Store: w.store}
	cfg := w.auth.Config()
	cfg.Store = view
	var err error
	if node.auth, err = mapae.New(cfg); err != nil {
		w.t.Fatal(err)
	}
	view.Store = store
	node.site = New(node.auth, Config{Logger: w.site.log})
	node.h = node.site
	return &node
}

// late is a store that is replaced after New has looked at it.
type late struct{ mapae.Store }

// served is a site on a real socket at http://localhost.
func served(t *testing.T, store mapae.Store) (*httptest.Server, *webauthntest.Authenticator, *client.Client, *world) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	origin := "http://localhost:" + port
	w := newWorld(t, withStore(store), unlimited, func(c *mapae.Config, _ *Config) {
		c.RP = mapae.RelyingParty{ID: "localhost", Name: "Test", Origins: []string{origin}}
		c.Clock = nil
	})
	server.Config = w.site.Server("", nil)
	server.Start()
	t.Cleanup(server.Close)
	key := webauthntest.New(origin)
	return server, key, client.New(origin, key), w
}

func TestOneAssertionPostedSixteenTimesAtOnceIsOneSession(t *testing.T) {
	eachEngine(t, func(t *testing.T, store mapae.Store) { // BI-328, BI-329
		_, key, c, w := served(t, store)
		if _, err := c.SignUp(w.ctx, alice, "Alice"); err != nil {
			t.Fatal(err)
		}
		const tries, rounds = 16, 20
		for round := range rounds {
			options, err := c.BeginSignIn(w.ctx, "")
			if err != nil {
				t.Fatal(err)
			}
			credential, err := key.Get(options)
			if err != nil {
				t.Fatal(err)
			}
			errs := make([]error, tries)
			var all sync.WaitGroup
			for i := range tries {
				all.Go(func() { _, errs[i] = c.FinishSignIn(w.ctx, credential) })
			}
			all.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else {
					wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
				}
			}
			sessions, err := c.Sessions(w.ctx)
			if won != 1 || err != nil || len(sessions) != round+2 {
				t.Fatalf("round %d: %d won, %d sessions, %v", round, won, len(sessions), err)
			}
		}
	})
}

func TestTwoPasskeysRemovedAtOnceLeaveOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, store mapae.Store) { // BI-374
		_, _, c, w := served(t, store)
		if _, err := c.SignUp(w.ctx, alice, "Alice"); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			options, err := c.BeginAddPasskey(w.ctx)
			if err != nil {
				t.Fatal(err)
			}
			credential, err := webauthntest.New(w.auth.Config().RP.Origins[0]).Create(options)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.FinishAddPasskey(w.ctx, credential, ""); err != nil {
				t.Fatal(err)
			}
			own, err := c.Passkeys(w.ctx)
			if err != nil || len(own) != 2 {
				t.Fatalf("%d passkeys, %v", len(own), err)
			}
			errs := make([]error, 2)
			var both sync.WaitGroup
			for i := range errs {
				both.Go(func() { errs[i] = c.RemovePasskey(w.ctx, own[i].ID) })
			}
			both.Wait()
			if errs[0] != nil {
				errs[0], errs[1] = errs[1], errs[0]
			}
			if errs[0] != nil {
				t.Fatalf("none was removed: %v, %v", errs[0], errs[1])
			}
			wantCode(t, errs[1], 400, mapae.CodeLastFactor)
		}
	})
}

func TestOneCredentialIDAtOnceIsOneUsers(t *testing.T) {
	eachEngine(t, func(t *testing.T, store mapae.Store) { // BI-361, BI-362
		w := newWorld(t, withStore(store), unlimited)
		people := []person{w.member(alice), w.member(bob)}
		for round := range 10 {
			id := []byte(strings.Repeat(string(rune('a'+round)), 16))
			errs := make([]error, 2)
			var both sync.WaitGroup
			for i, p := range people {
				device := webauthntest.New(home)
				device.Forge.CredentialID = id
				both.Go(func() { _, errs[i] = p.AddPasskey(w.ctx, device, "") })
			}
			both.Wait()
			if errs[0] != nil {
				errs[0], errs[1] = errs[1], errs[0]
			}
			if errs[0] != nil {
				t.Fatal(errs)
			}
			wantCode(t, errs[1], 409, mapae.CodeCredentialExists)
		}
	})
}

func TestSignOutEverywhereEndsWhatIsUnderWay(t *testing.T) {
	eachEngine(t, func(t *testing.T, store mapae.Store) { // BI-461, BI-463
		w := newWorld(t, withStore(store), unlimited)
		p := w.member(alice)
		others := make([]person, 16)
		for i := range others {
			others[i] = p.another()
			if _, err := others[i].SignIn(w.ctx); err != nil {
				t.Fatal(err)
			}
		}
		var done sync.WaitGroup
		for _, q := range others {
			done.Go(func() {
				for range 20 {
					_, _ = q.Session(w.ctx)
				}
			})
		}
		if _, err := p.EndOtherSessions(w.ctx); err != nil {
			t.Fatal(err)
		}
		for _, q := range others {
			_, err := q.Session(w.ctx)
			wantCode(t, err, 401, mapae.CodeUnauthenticated)
		}
		done.Wait()
	})
}

// A session that steps up 16 times at once goes on under one token: each
// answer rotates the token that it was asked with, and only one can.
func TestSixteenStepUpsAtOnceLeaveOneToken(t *testing.T) {
	eachEngine(t, func(t *testing.T, store mapae.Store) { // BI-481
		w := newWorld(t, withStore(store), unlimited)
		p := w.member(alice)
		cookie := header("Cookie", "__Host-mapae="+p.cookie())
		bodies := make([]string, 16)
		for i := range bodies {
			bodies[i] = p.answered(p.BeginReauth)
		}
		replies := make([]reply, len(bodies))
		var all sync.WaitGroup
		for i, body := range bodies {
			q := w.person()
			all.Go(func() { replies[i] = q.send("POST", "/api/auth/reauth/passkey", body, cookie) })
		}
		all.Wait()
		won, live := 0, 0
		for _, a := range replies {
			if a.StatusCode == 200 {
				won++
			} else {
				a.want(t, 401, mapae.Code(a.json("code")))
			}
			for _, c := range a.Cookies() {
				if w.person().send("GET", "/api/auth/session", "", header("Cookie", c.Name+"="+c.Value)).StatusCode == 200 {
					live++
				}
			}
		}
		if won != 1 || live != 1 || strings.Count(w.state(alice), `"TokenHash"`) != 1 {
			t.Errorf("%d won, %d tokens live", won, live)
		}
	})
}

func TestTruncatedBodiesAreRefusedAndSpendNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	p := w.member(alice)
	body := p.answered(p.BeginAutofill)
	w.unchanged([]string{alice}, func() {
		for n := range len(body) {
			a := p.send("POST", "/api/auth/passkey/verify", body[:n])
			a.want(t, 400, mapae.CodeBadRequest)
			if a.Header.Get("Set-Cookie") != "" {
				t.Fatalf("the first %d bytes made a session", n)
			}
		}
	})
	p.send("POST", "/api/auth/passkey/verify", body).want(t, 200, "")
	t.Logf("proven: %d", len(body))
}

func TestEveryFlippedBitOfASignatureIsRefused(t *testing.T) {
	t.Parallel()
	for _, alg := range []webauthntest.Algorithm{webauthntest.ES256, webauthntest.EdDSA} {
		t.Run(strconv.Itoa(int(alg)), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, unlimited)
			p := w.person()
			p.key.Algorithms = []webauthntest.Algorithm{alg}
			if _, err := p.SignUp(w.ctx, alice, "Alice"); err != nil {
				t.Fatal(err)
			}
			q := p.another()
			q.key = p.key.Clone()
			q.Client = client.New(home, q.key)
			q.HTTP.Transport = w
			w.unchanged([]string{alice}, func() {
				for bit := range 64 * 8 {
					q.key.Forge.Signature = func(s []byte) []byte {
						s[bit/8] ^= 1 << (bit % 8)
						return s
					}
					q.finish(q.BeginAutofill).want(t, 401, mapae.CodeAuthenticationFailed)
				}
			})
			t.Logf("proven: %d", 64*8)
		})
	}
}

// edited returns a body with the value at a path of members replaced, or
// removed where value is the removed mark.
func edited(t *testing.T, body string, value any, path ...string) string {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		t.Fatal(err)
	}
	at := all
	for _, name := range path[:len(path)-1] {
		at = at[name].(map[string]any)
	}
	last := path[len(path)-1]
	if _, ok := at[last]; !ok && value == removed {
		t.Fatalf("there is no %v", path)
	}
	if at[last] = value; value == removed {
		delete(at, last)
	}
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// removed stands for a member that is not there.
var removed any = &struct{ int }{}

// mutilation is a body that can't be read: nothing may be spent by it.
type mutilation struct {
	name string
	edit func(t *testing.T, body string) string
}

func set(name string, value any, path ...string) mutilation {
	return mutilation{name, func(t *testing.T, body string) string {
		return edited(t, body, value, append([]string{"credential"}, path...)...)
	}}
}

// mutilations are the rows of group J that both finishes share.
func mutilations() []mutilation {
	whole := func(name, text string) mutilation {
		return mutilation{name, func(*testing.T, string) string { return text }}
	}
	swap := func(name, old, with string) mutilation {
		return mutilation{name, func(t *testing.T, body string) string {
			if !strings.Contains(body, old) {
				t.Fatalf("there is no %s in %s", old, body)
			}
			return strings.Replace(body, old, with, 1)
		}}
	}
	behind := func(name, text string) mutilation {
		return mutilation{name, func(_ *testing.T, body string) string { return body + text }}
	}
	return []mutilation{
		whole("BI-011 nothing", ""), whole("BI-041 markup", "<xml/>"), whole("BI-043 null", "null"),
		whole("an array", "[]"), whole("a string", `"x"`), whole("no credential", "{}"), whole("credential null", `{"credential":null}`),
		whole("credential a string", `{"credential":"x"}`), whole("credential empty", `{"credential":{}}`),
		behind("BI-044 a second object", "{}"), behind("BI-044 garbage", "x"), behind("a NUL byte", "\x00"),
		swap("BI-046 RAWID", `"rawId"`, `"RAWID"`), swap("BI-046 Id", `"id"`, `"Id"`), swap("Credential", `"credential"`, `"Credential"`),
		swap("a member twice", `{"credential":`, `{"credential":{},"credential":`), swap("an inner member twice", `"type":`, `"type":"public-key","type":`),
		swap("BI-049 invalid UTF-8", `{"credential"`, "{\"x\":\"\xff\",\"credential\""), swap("BI-050 a lone surrogate", `{"credential"`, `{"x":"\ud800","credential"`),
		swap("BI-052 1e400", `{"credential"`, `{"x":1e400,"credential"`), swap("BI-052 10,000 digits", `{"credential"`, `{"x":`+strings.Repeat("9", 10000)+`,"credential"`),
		swap("a deep value", `{"credential"`, `{"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`,"credential"`),
		set("BI-053 no id", removed, "id"), set("BI-055 an id of standard base64", "+/+/", "id"), set("an id with padding", "AAE=", "id"),
		set("an id with spare bits", "AAF", "id"), set("an id with a line break", "AA\nAA", "id"), set("an id with a space", "AA AA", "id"),
		set("an empty id", "", "id"), set("an id in full-width digits", "１２３４", "id"), set("an id that is a number", 1, "id"), set("an id that is null", nil, "id"),
		set("no rawId", removed, "rawId"), set("BI-056 another rawId", "AAAA", "rawId"), set("BI-058 no type", removed, "type"), set("BI-059 a number as type", 1, "type"),
		set("another type", "password", "type"), set("BI-061 no response", removed, "response"), set("BI-062 a string as response", "x", "response"),
		set("BI-064 a number as client data", 1, "response", "clientDataJSON"), set("BI-065 empty client data", "", "response", "clientDataJSON"),
		set("no client data", removed, "response", "clientDataJSON"), set("client data in standard base64", "+/+/", "response", "clientDataJSON"),
		set("an array as extensions", []any{}, "clientExtensionResults"),
	}
}

func TestMutilatedAssertionsAreRefusedAndSpendNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	p := w.member(alice)
	rows := append(mutilations(),
		set("BI-067 no authenticator data", removed, "response", "authenticatorData"), set("BI-067 a number", 1, "response", "authenticatorData"),
		set("BI-067 not base64url", "*", "response", "authenticatorData"), set("BI-067 empty", "", "response", "authenticatorData"),
		set("BI-068 no signature", removed, "response", "signature"), set("BI-068 a number as signature", 1, "response", "signature"),
		set("BI-068 not base64url as signature", "*", "response", "signature"), set("BI-068 an empty signature", "", "response", "signature"),
		set("BI-070 a registration", map[string]any{"clientDataJSON": "e30", "attestationObject": "oA"}, "response"),
	)
	for _, m := range rows {
		body := p.answered(p.BeginAutofill)
		w.unchanged([]string{alice}, func() {
			a := p.send("POST", "/api/auth/passkey/verify", m.edit(t, body))
			if a.StatusCode != 400 || a.json("code") != "bad_request" {
				t.Errorf("%s: %d %s", m.name, a.StatusCode, a.body)
			}
		})
		if a := p.send("POST", "/api/auth/passkey/verify", body); a.StatusCode != 200 {
			t.Errorf("%s: afterwards the good one is %d %s", m.name, a.StatusCode, a.body)
		}
	}
	t.Logf("proven: %d", len(rows))
}

func TestMutilatedRegistrationsAreRefusedAndSpendNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	p := w.member(alice)
	rows := append(mutilations(),
		set("no attestation object", removed, "response", "attestationObject"), set("a number as attestation object", 1, "response", "attestationObject"),
		set("not base64url as attestation object", "*", "response", "attestationObject"),
		set("BI-071 an assertion", map[string]any{"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA"}, "response"),
	)
	for _, m := range rows {
		options, err := p.BeginAddPasskey(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		device := webauthntest.New(home)
		made, err := device.Create(options)
		if err != nil {
			t.Fatal(err)
		}
		body := `{"credential":` + string(made) + `}`
		w.unchanged([]string{alice}, func() {
			a := p.send("POST", "/api/webauthn/register/complete/", m.edit(t, body))
			if a.StatusCode != 400 || a.json("code") != "bad_request" {
				t.Errorf("%s: %d %s", m.name, a.StatusCode, a.body)
			}
		})
		a := p.send("POST", "/api/webauthn/register/complete/", body)
		if a.StatusCode != 200 {
			t.Errorf("%s: afterwards the good one is %d %s", m.name, a.StatusCode, a.body)
		}
		if err := p.RemovePasskey(w.ctx, encode64(device.Credentials()[0].ID)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("proven: %d", len(rows))
}

func TestWhatClientsAddIsIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	p := w.member(alice)
	for _, m := range []mutilation{ // BI-047, BI-073, BI-098, BI-368
		set("a future member", map[string]any{"a": []any{1, nil}}, "future"), set("no extensions", removed, "clientExtensionResults"),
		set("deep extensions", map[string]any{"a": map[string]any{"b": map[string]any{"c": 1}}}, "clientExtensionResults"),
		set("wrong kinds of extensions", map[string]any{"credProps": map[string]any{"rk": "yes"}}, "clientExtensionResults"),
		{"members beside", func(t *testing.T, body string) string { return edited(t, body, "x", "expectedChallenge") }},
		{"somebody's ID", func(t *testing.T, body string) string { return edited(t, body, "victim", "userId") }},
	} {
		a := p.send("POST", "/api/auth/passkey/verify", m.edit(t, p.answered(p.BeginAutofill)))
		if a.StatusCode != 200 {
			t.Errorf("%s: %d %s", m.name, a.StatusCode, a.body)
		}
	}
	a := p.send("GET", "/api/webauthn/?user="+base64.RawURLEncoding.EncodeToString([]byte("bob")), "").want(t, 200, "") // BI-367
	if !strings.Contains(string(a.body), encode64(p.key.Credentials()[0].ID)) {
		t.Errorf("not my own list: %s", a.body)
	}
}

func TestChallengesStayWhereTheyWereIssued(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	p, stranger := w.member(alice), w.member(bob)
	app := p.app()
	browser := p.another()
	verify := "/api/auth/passkey/verify"
	for name, c := range map[string]struct {
		from   person
		begin  func(context.Context) ([]byte, error)
		at     person
		path   string
		status int
	}{
		"an app's in a browser":           {app, app.BeginAutofill, p, verify, 400},
		"a browser's in an app":           {p, p.BeginAutofill, app, verify, 400},
		"another browser's":               {p, p.BeginAutofill, browser, verify, 400},
		"a step-up's at sign-in":          {p, p.BeginReauth, p, verify, 400},
		"a sign-in's at step-up":          {p, p.BeginAutofill, p, "/api/auth/reauth/passkey", 400},
		"another session's step-up":       {p, p.BeginReauth, stranger, "/api/auth/reauth/passkey", 400},
		"in order, so that this can fail": {p, p.BeginAutofill, p, verify, 200},
	} {
		t.Run(name, func(t *testing.T) {
			body := c.from.answered(c.begin)
			run := func() {
				code := mapae.CodeCeremonyInvalid
				if c.status == 200 {
					code = ""
				}
				c.at.send("POST", c.path, body).want(t, c.status, code)
			}
			if c.status == 200 {
				run()
				return
			}
			w.unchanged([]string{alice, bob}, run)
		})
	}
}

func TestTabsThatBeginAtOnceDoNotBreakEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	p := w.member(alice)
	jarless := header("Cookie")
	first := w.person()
	ask := func(edits ...edit) (body string, cookie string) {
		a := first.send("GET", "/api/auth/passkey/options", "", edits...).want(t, 200, "")
		var options struct {
			Request struct {
				PublicKey json.RawMessage `json:"publicKey"`
			} `json:"request_options"`
		}
		if err := json.Unmarshal(a.body, &options); err != nil {
			t.Fatal(err)
		}
		credential, err := p.key.Get(options.Request.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		c := a.Cookies()
		if len(c) != 1 || !strings.HasPrefix(c[0].Name, "__Host-mapae-b-") || c[0].SameSite != http.SameSiteStrictMode || !c[0].Secure || !c[0].HttpOnly || c[0].Path != "/" || c[0].MaxAge < 900 {
			t.Fatalf("cookies are %v", c)
		}
		return `{"credential":` + string(credential) + `}`, c[0].Name + "=" + c[0].Value
	}
	one, cookieOne := ask(jarless)
	two, cookieTwo := ask(jarless) // asked before the first answer came
	if strings.Split(cookieOne, "=")[0] == strings.Split(cookieTwo, "=")[0] {
		t.Error("the second tab overwrites the first one's cookie")
	}
	both := header("Cookie", cookieOne+"; "+cookieTwo)
	three, again := ask(both)
	if again != cookieOne {
		t.Errorf("sent again is %q, want %q", again, cookieOne)
	}
	fresh := w.person()
	fresh.send("POST", "/api/auth/passkey/verify", two, header("Cookie", cookieOne)).want(t, 400, mapae.CodeCeremonyInvalid)
	for _, body := range []string{one, two, three} {
		fresh.send("POST", "/api/auth/passkey/verify", body, both).want(t, 200, "")
	}
	var many []string
	for i := range maxBindings {
		many = append(many, "__Host-mapae-b-AAA"+string(rune('A'+i))+"="+strings.Repeat("A", 43))
	}
	four, cookie := ask(jarless)
	fresh.send("POST", "/api/auth/passkey/verify", four, header("Cookie", strings.Join(many, "; ")+"; "+cookie)).want(t, 400, mapae.CodeCeremonyInvalid)
	fresh.send("POST", "/api/auth/passkey/verify", four, header("Cookie", strings.Join(many[1:], "; ")+"; "+cookie)).want(t, 200, "")
}

func TestAChallengeEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	p := w.member(alice)
	for _, c := range []struct {
		begin func(context.Context) ([]byte, error)
		life  time.Duration
	}{{p.BeginAutofill, 15 * time.Minute}, {func(ctx context.Context) ([]byte, error) { return p.BeginSignIn(ctx, "") }, 5 * time.Minute}} {
		body := p.answered(c.begin)
		w.pass(c.life)
		w.unchanged([]string{alice}, func() { p.send("POST", "/api/auth/passkey/verify", body).want(t, 400, mapae.CodeCeremonyInvalid) })
		body = p.answered(c.begin)
		w.pass(c.life - time.Second)
		p.send("POST", "/api/auth/passkey/verify", body).want(t, 200, "")
	}
}
