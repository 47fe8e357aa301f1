package web

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

// lastReason is the reason in the newest event: what operators learn and
// clients don't.
func (w *world) lastReason() string {
	w.t.Helper()
	events, err := w.store.Events(w.ctx, "", "", 1)
	if err != nil || len(events) != 1 {
		w.t.Fatal(events, err)
	}
	return events[0].Reason
}

func TestAPasskeySignsInOnlyItsOwnUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	a, b := w.member(alice), w.member(bob)
	handle := func(id []byte) func(map[string]any) {
		return func(members map[string]any) {
			if id == nil {
				delete(members["response"].(map[string]any), "userHandle")
				return
			}
			members["response"].(map[string]any)["userHandle"] = encode64(id)
		}
	}
	asAlice := func(ctx context.Context) ([]byte, error) { return b.BeginSignIn(ctx, alice) }
	for name, c := range map[string]struct {
		forge  func(map[string]any)
		begin  func(context.Context) ([]byte, error)
		path   string
		reason string
	}{
		"BI-353 somebody else's name":   {nil, asAlice, "/api/auth/passkey/verify", "login"},
		"BI-355 somebody else's handle": {handle(a.key.Credentials()[0].UserHandle), b.BeginAutofill, "/api/auth/passkey/verify", "user_handle"},
		"BI-356 no handle":              {handle(nil), b.BeginAutofill, "/api/auth/passkey/verify", "user_handle"},
		"BI-358 SQL":                    {handle([]byte("' OR 1=1; --")), b.BeginAutofill, "/api/auth/passkey/verify", "user_handle"},
		"BI-358 NUL":                    {handle([]byte("\x00")), b.BeginAutofill, "/api/auth/passkey/verify", "user_handle"},
		"BI-358 a path":                 {handle([]byte("../../etc/passwd")), b.BeginAutofill, "/api/auth/passkey/verify", "user_handle"},
	} {
		t.Run(name, func(t *testing.T) {
			b.key.Forge.Response = c.forge
			defer func() { b.key.Forge.Response = nil }()
			body := b.answered(c.begin)
			w.unchanged([]string{alice, bob}, func() { b.send("POST", c.path, body).want(t, 401, mapae.CodeAuthenticationFailed) })
			if got := w.lastReason(); got != c.reason {
				t.Errorf("the event's reason is %q, want %q", got, c.reason)
			}
			b.send("POST", c.path, body).want(t, 400, mapae.CodeCeremonyInvalid) // X1
		})
	}
	t.Run("BI-359 a step-up by another user's passkey", func(t *testing.T) {
		options, err := a.BeginReauth(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		credential, err := b.key.Get([]byte(strings.Replace(string(options), encode64(a.key.Credentials()[0].ID), encode64(b.key.Credentials()[0].ID), 1)))
		if err != nil {
			t.Fatal(err)
		}
		w.unchanged([]string{alice, bob}, func() {
			_, err := a.FinishReauth(w.ctx, credential)
			wantCode(t, err, 401, mapae.CodeAuthenticationFailed)
		})
		if got := w.lastReason(); got != "allow_list" {
			t.Errorf("the event's reason is %q", got)
		}
	})
}

func TestNamesAreCheckedAndOnlyNamesAreChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	p := w.member(alice)
	path := "/api/webauthn/" + encode64(p.key.Credentials()[0].ID) + "/"
	for _, body := range []string{ // BI-049, BI-050, BI-074, BI-076
		`{"name":""}`, `{"name":"   "}`, `{"name":"` + strings.Repeat("x", 65) + `"}`, `{"name":"a\u0000b"}`, `{"name":"a\r\nb"}`, `{"name":"\u202egpj.exe"}`,
		"{\"name\":\"\xff\"}", `{"name":"\ud800"}`, `{"name":null}`, `{"name":1}`, `{"name":["x"]}`, `{}`, ``, `{"Name":"x"}`, `{"name":"x","name":"y"}`,
	} {
		w.unchanged([]string{alice}, func() {
			if a := p.send("PATCH", path, body).want(t, 400, mapae.CodeBadRequest); a.json("field") != "name" && strings.HasPrefix(body, `{"name":"`) && utf8.ValidString(body) && !strings.Contains(body, `,"name"`) {
				t.Errorf("%s: field is %q", body, a.json("field"))
			}
		})
	}
	before := w.state(alice)
	p.send("PATCH", path, `{"name":"<script>alert(1)</script> 마패","public_key":"AAAA","user_id":2,"first_factor":false}`).want(t, 200, "") // BI-385
	if got := strings.Replace(w.state(alice), `\u003cscript\u003ealert(1)\u003c/script\u003e 마패`, "Passkey", 1); got != before {
		t.Errorf("more than the name changed:\n%s\n%s", before, got)
	}
}

func TestOneAccountForEachCanonicalAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	w.member(alice)
	p := w.person()
	for _, email := range []string{ // BI-077
		`a\r\nBcc: x@example.com`, `a\u0000@example.com`, strings.Repeat("a", 10<<10), strings.Repeat("a", 250) + "@x.org", `Alice <new@example.com>`, `new`, `new@`, `@example.com`,
		`new@example.com,x@example.com`, ``, ` `, `\"a b\"@example.com`,
	} {
		a := p.send("POST", "/api/auth/signup/passkey/options", `{"email":"`+email+`","name":"New"}`)
		if len(email) > 9000 {
			a.want(t, 413, mapae.CodeBodyTooLarge)
			continue
		}
		if a.want(t, 400, mapae.CodeBadRequest).json("field") != "email" {
			t.Errorf("%q: %s", email, a.body)
		}
	}
	for _, email := range []string{"alice@example.com", "ALICE@example.com", "Alice@EXAMPLE.COM"} { // BI-419
		p.send("POST", "/api/auth/signup/passkey/options", `{"email":"`+email+`","name":"New"}`).want(t, 409, mapae.CodeLoginTaken)
	}
	p.send("POST", "/api/auth/signup/passkey/options", `{"email":"alice+tag@example.com","name":"New"}`).want(t, 200, "")
}

func TestASignUpThatIsNotFinishedReservesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	first, second := w.person(), w.person()
	ticket, options, err := first.BeginSignUp(w.ctx, alice, "First", "") // BI-425
	if err != nil {
		t.Fatal(err)
	}
	if got := w.state(alice); got != "nobody " {
		t.Errorf("begin made %s", got)
	}
	if _, err := second.SignUp(w.ctx, alice, "Second"); err != nil {
		t.Fatal(err)
	}
	credential, err := first.key.Create(options)
	if err != nil {
		t.Fatal(err)
	}
	w.unchanged([]string{alice}, func() {
		_, err := first.FinishSignUp(w.ctx, ticket, credential)
		wantCode(t, err, 409, mapae.CodeLoginTaken)
	})
}

func TestATicketIsOneSignUps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	p := w.person()
	ticket, options, err := p.BeginSignUp(w.ctx, alice, "Alice", "")
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := p.BeginSignUp(w.ctx, bob, "Bob", "")
	if err != nil {
		t.Fatal(err)
	}
	credential, err := p.key.Create(options)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.person().FinishSignUp(w.ctx, ticket, credential)
	wantCode(t, err, 400, mapae.CodeCeremonyInvalid) // another browser
	if _, err := p.FinishSignUp(w.ctx, ticket, credential); err != nil {
		t.Fatal(err)
	}
	w.unchanged([]string{alice, bob}, func() {
		_, err = p.FinishSignUp(w.ctx, ticket, credential)
		wantCode(t, err, 400, mapae.CodeCeremonyInvalid) // again
		_, err = p.FinishSignUp(w.ctx, other, credential)
		wantCode(t, err, 400, mapae.CodeCeremonyInvalid) // with another's challenge
	})
}

func TestWhoMayNotSignUpIsToldSo(t *testing.T) {
	t.Parallel()
	for _, policy := range []mapae.SignUpPolicy{mapae.SignUpInvited, mapae.SignUpClosed} {
		w := newWorld(t, func(c *mapae.Config, _ *Config) { c.SignUp = policy })
		_, err := w.person().SignUp(w.ctx, alice, "Alice")
		wantCode(t, err, 403, mapae.CodeForbidden)
	}
	w := newWorld(t, func(c *mapae.Config, _ *Config) { c.SignUp = mapae.SignUpInvited })
	invitation, err := w.auth.Invite(w.ctx, alice, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.person().SignUpInvited(w.ctx, bob, "Bob", invitation)
	wantCode(t, err, 403, mapae.CodeForbidden)
	if _, err = w.person().SignUpInvited(w.ctx, alice, "Alice", invitation); err != nil {
		t.Fatal(err)
	}
	late, err := w.auth.Invite(w.ctx, bob, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	w.pass(time.Hour)
	_, err = w.person().SignUpInvited(w.ctx, bob, "Bob", late) // BI-389, whose 400 is a 403 here: nothing was begun yet
	wantCode(t, err, 403, mapae.CodeForbidden)
}

func TestNothingTellsWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	p := w.member(alice)
	stranger := w.person()
	shape := func(a reply) string {
		return fmt.Sprint(a.StatusCode, len(a.body), len(a.Header), variable.ReplaceAllString(string(a.body), ""))
	}
	known := stranger.send("POST", "/api/auth/passkey/options", `{"email":"`+alice+`"}`) // BI-416
	unknown := stranger.send("POST", "/api/auth/passkey/options", `{"email":"nobod@example.com"}`)
	if shape(known) != shape(unknown) || !strings.Contains(string(known.body), `"allowCredentials":[]`) {
		t.Errorf("known\n%s\nunknown\n%s", shape(known), shape(unknown))
	}
	q := p.another() // BI-422
	q.key = p.key.Clone()
	q.Client = client.New(home, q.key)
	q.HTTP.Transport = w
	bodies := map[string]bool{}
	for _, forge := range []webauthntest.Forge{
		{Signature: func(s []byte) []byte { s[0] ^= 1; return s }}, {Type: "webauthn.create"}, {Origin: "https://evil.example"}, {RPID: "evil.example"},
		{Flags: func(byte) byte { return 0 }}, {Members: `"topOrigin":"https://evil.example"`}, {ClientData: func(b []byte) []byte { return append(b, '}') }},
	} {
		q.key.Forge = forge
		a := q.finish(q.BeginAutofill)
		bodies[variable.ReplaceAllString(string(a.body), "")] = true
		if forge.ClientData == nil {
			a.want(t, 401, mapae.CodeAuthenticationFailed)
		} else {
			delete(bodies, variable.ReplaceAllString(string(a.body), "")) // can't be opened: nothing to verify
		}
	}
	if len(bodies) != 1 {
		t.Errorf("%d different bodies: %v", len(bodies), bodies)
	}
}

func TestNobodyLocksSomebodyElseOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // BI-430; with limits, and everybody at one address
	p := w.member(alice)
	attacker := w.person()
	attacker.key = p.key.Clone()
	attacker.key.Forge.Signature = func(s []byte) []byte { s[0] ^= 1; return s }
	attacker.Client = client.New(home, attacker.key)
	attacker.HTTP.Transport = w
	limited := 0
	for range 100 {
		if _, err := attacker.SignInAs(w.ctx, alice); err != nil && strings.Contains(err.Error(), "rate_limited") {
			limited++
		}
	}
	if limited != 70 {
		t.Errorf("%d of 100 were limited, want 70", limited)
	}
	if _, err := p.SignIn(w.ctx); err != nil {
		t.Errorf("the owner: %v", err)
	}
}

func TestARemovalThatMeetsASignInLeavesNoSession(t *testing.T) {
	eachEngine(t, func(t *testing.T, store mapae.Store) { // BI-376
		w := newWorld(t, withStore(store), unlimited)
		p := w.member(alice)
		for range 20 {
			device := w.person()
			added, err := p.AddPasskey(w.ctx, device.key, "")
			if err != nil {
				t.Fatal(err)
			}
			options, err := device.BeginSignIn(w.ctx, "")
			if err != nil {
				t.Fatal(err)
			}
			credential, err := device.key.Get(options)
			if err != nil {
				t.Fatal(err)
			}
			var removal, signIn error
			var both sync.WaitGroup
			both.Go(func() { removal = p.RemovePasskey(w.ctx, added.ID) })
			both.Go(func() { _, signIn = device.FinishSignIn(w.ctx, credential) })
			both.Wait()
			if removal != nil {
				t.Errorf("removal: %v", removal)
			}
			if signIn != nil {
				e := signIn.(*client.Error)
				wantCode(t, signIn, 401, mapae.Code(e.Code))
			}
			if _, err := device.SignIn(w.ctx); err == nil {
				t.Error("signed in after the removal")
			}
		}
	})
}

func TestWhyAPasskeyWasRejectedIsToldToWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited)
	p := w.member(alice)
	bad := webauthntest.New(home)
	bad.Forge.Origin = "https://evil.example"
	options, err := p.BeginAddPasskey(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	credential, err := bad.Create(options)
	if err != nil {
		t.Fatal(err)
	}
	body := `{"credential":` + string(credential) + `}`
	w.unchanged([]string{alice}, func() {
		if a := p.send("POST", "/api/webauthn/register/complete/", body).want(t, 400, mapae.CodeRegistrationRejected); a.json("reason") != "origin" {
			t.Errorf("the answer is %s", a.body)
		}
	})
	ticket, options, err := p.BeginSignUp(w.ctx, bob, "Bob", "")
	if err != nil {
		t.Fatal(err)
	}
	if credential, err = bad.Create(options); err != nil {
		t.Fatal(err)
	}
	body = `{"credential":` + string(credential) + `}`
	a := p.send("POST", "/api/auth/signup/passkey/complete", body, header(ticketHeader, ticket)).want(t, 400, mapae.CodeRegistrationRejected)
	if a.json("reason") != "" || w.state(bob) != "nobody " {
		t.Errorf("the answer is %s", a.body)
	}
}

func TestAMissingMemberIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	for path, field := range map[string]string{
		"/api/auth/passkey/verify": "credential", "/api/webauthn/register/complete/": "credential", "/api/auth/reauth/passkey": "credential", "/api/auth/signup/passkey/options": "email",
	} {
		if got := p.send("POST", path, `{}`).want(t, 400, mapae.CodeBadRequest).json("field"); got != field {
			t.Errorf("%s names %q, want %q", path, got, field)
		}
	}
}
