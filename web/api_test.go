package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

func TestAPersonSignsUpAndInWithTwoCalls(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "/auth"} {
		t.Run("mounted at "+base, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(_ *mapae.Config, c *Config) { c.Base = base })
			p := w.person()
			up, err := p.SignUp(w.ctx, alice, "Alice")
			if err != nil {
				t.Fatal(err)
			}
			in, err := p.SignIn(w.ctx)
			if err != nil {
				t.Fatal(err)
			}
			if in.User.ID != up.User.ID || in.User.Name != "Alice" || in.Session.ID == up.Session.ID || in.Session.AAL != 2 {
				t.Errorf("signed up as %+v, in as %+v", up, in)
			}
			if in.Token != "" || p.Token() != "" {
				t.Error("a browser got a token that scripts can read")
			}
			now, err := p.Session(w.ctx)
			if err != nil || now.Session.ID != in.Session.ID || !now.Session.Current {
				t.Errorf("session is %+v, %v", now, err)
			}
		})
	}
}

func TestAnAppSignsUpAndInWithTwoCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.person()
	p.App = true
	up, err := p.SignUp(w.ctx, alice, "Alice")
	if err != nil {
		t.Fatal(err)
	}
	in, err := p.SignIn(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(in.Token, mapae.SessionPrefix) || in.Token == up.Token || !in.Session.App {
		t.Errorf("signed in as %+v", in)
	}
	if cookies := p.HTTP.Jar.Cookies(mustURL(home)); len(cookies) > 0 {
		t.Errorf("an app got cookies: %v", cookies)
	}
	if _, err := p.Passkeys(w.ctx); err != nil {
		t.Error(err)
	}
}

func TestAPersonManagesPasskeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	w.pass(time.Second)
	second := webauthntest.New(home)
	added, err := p.AddPasskey(w.ctx, second, "Phone")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.RenamePasskey(w.ctx, added.ID, "New phone"); err != nil {
		t.Fatal(err)
	}
	own, err := p.Passkeys(w.ctx)
	if err != nil || len(own) != 2 || own[0].Name != "New phone" || own[0].LastUsedAt != nil || own[0].Current || !own[1].Current {
		t.Fatalf("passkeys are %+v, %v", own, err)
	}
	if err := p.RemovePasskey(w.ctx, own[1].ID); err != nil {
		t.Fatal(err)
	}
	a := p.send("DELETE", "/api/webauthn/"+own[0].ID+"/", "").want(t, 400, mapae.CodeLastFactor)
	if got, want := a.json("message"), "Cannot delete - you must have at least one authentication method"; got != want {
		t.Errorf("message is %q, want %q", got, want)
	}
	wantCode(t, p.RemovePasskey(w.ctx, own[1].ID), 404, mapae.CodeNotFound) // BI-377: twice
	if _, err := p.SignIn(w.ctx); err == nil {
		t.Error("the removed passkey signed in")
	} else {
		wantCode(t, err, 401, mapae.CodePasskeyUnknown)
	}
}

func TestAPersonManagesSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	phone, tablet := p.app(), p.another()
	for _, q := range []person{phone, tablet} {
		w.pass(time.Second)
		if _, err := q.SignIn(w.ctx); err != nil {
			t.Fatal(err)
		}
	}
	all, err := p.Sessions(w.ctx)
	if err != nil || len(all) != 3 || !all[1].App || !all[2].Current || all[0].Current {
		t.Fatalf("sessions are %+v, %v", all, err)
	}
	if err := p.EndSession(w.ctx, all[1].ID); err != nil {
		t.Fatal(err)
	}
	_, err = phone.Session(w.ctx)
	wantCode(t, err, 401, mapae.CodeUnauthenticated)
	before := p.cookie()
	if _, err := p.EndOtherSessions(w.ctx); err != nil {
		t.Fatal(err)
	}
	_, err = tablet.Session(w.ctx)
	wantCode(t, err, 401, mapae.CodeUnauthenticated)
	if _, err := p.Session(w.ctx); err != nil || p.cookie() == before {
		t.Errorf("the session that ended the others: %v, new token: %v", err, p.cookie() != before)
	}
	if err := p.SignOut(w.ctx); err != nil {
		t.Fatal(err)
	}
	if p.cookie() != "" {
		t.Error("the cookie is still there")
	}
	_, err = p.Session(w.ctx)
	wantCode(t, err, 401, mapae.CodeUnauthenticated)
}

func TestAStepUpKeepsTheSessionAndChangesItsToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	w.pass(11 * time.Minute)
	_, err := p.AddPasskey(w.ctx, webauthntest.New(home), "") // BI-379
	wantCode(t, err, 403, mapae.CodeStepUpRequired)
	first, err := p.Session(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	old := p.cookie()
	again, err := p.Reauth(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if again.Session.ID != first.Session.ID || p.cookie() == old || !again.Session.Current {
		t.Errorf("the session before is %+v, after %+v", first.Session, again.Session)
	}
	p.send("GET", "/api/auth/session", "", header("Cookie", "__Host-mapae="+old)).want(t, 401, mapae.CodeUnauthenticated)
	if _, err := p.AddPasskey(w.ctx, webauthntest.New(home), ""); err != nil {
		t.Error(err)
	}
}

func TestPasskeysTellTheirModelWhereItIsKnown(t *testing.T) {
	t.Parallel()
	own := webauthn.AAGUID{0xab}
	w := newWorld(t, func(cfg *mapae.Config, _ *Config) {
		cfg.Methods = []mapae.Method{mapae.Passkey{Models: map[webauthn.AAGUID]mapae.Model{own: {Name: "Our key", Kind: mapae.ModelSecurityKey}}}}
	})
	p := w.member(alice)
	for _, model := range [][16]byte{{0xea, 0x9b, 0x8d, 0x66, 0x4d, 0x01, 0x1d, 0x21, 0x3c, 0xe4, 0xb6, 0xb4, 0x8c, 0xb5, 0x75, 0xd4}, own, {}} {
		key := webauthntest.New(home)
		key.AAGUID = model
		if _, err := p.AddPasskey(w.ctx, key, ""); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
	}
	all, err := p.Passkeys(w.ctx)
	if err != nil || len(all) != 4 {
		t.Fatalf("%+v, %v", all, err)
	}
	told := func(s *string) string {
		if s == nil {
			return "null"
		}
		return *s
	}
	for i, want := range [][2]string{{"null", "null"}, {"Our key", "security_key"}, {"Google Password Manager", "platform"}, {"null", "null"}} {
		if got := [2]string{told(all[i].Provider), told(all[i].Kind)}; got != want {
			t.Errorf("passkey %d is %q, want %q", i, got, want)
		}
	}
}

func TestAnswersAreAsTheGoldenFilesHaveThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	signedIn := p.send("POST", "/api/auth/passkey/options", `{"email":"`+alice+`"}`).want(t, 200, "")
	golden(t, "request-options.json", signedIn.body)
	golden(t, "signup-options.json", p.send("POST", "/api/auth/signup/passkey/options", `{"email":"bob@example.com","name":"Bob"}`).want(t, 200, "").body)
	golden(t, "creation-options.json", p.send("GET", "/api/webauthn/register/options/", "").want(t, 200, "").body)
	golden(t, "creation-options-conditional.json", p.send("GET", "/api/webauthn/register/options/?mediation=conditional", "").want(t, 200, "").body)
	golden(t, "reauth-options.json", p.send("POST", "/api/auth/reauth/passkey/options", `{}`).want(t, 200, "").body)
	w.pass(time.Minute)
	golden(t, "signed-in.json", p.finish(p.Client.BeginAutofill).want(t, 200, "").body)
	golden(t, "session.json", p.send("GET", "/api/auth/session", "").want(t, 200, "").body)
	golden(t, "sessions.json", p.send("GET", "/api/auth/sessions", "").want(t, 200, "").body)
	golden(t, "passkeys.json", p.send("GET", "/api/webauthn/", "").want(t, 200, "").body)
	golden(t, "problem.json", p.send("POST", "/api/auth/signup/passkey/options", `{"email":"bob@example.com","name":""}`).want(t, 400, mapae.CodeBadRequest).body)
	golden(t, "signed-out.json", p.send("POST", "/api/auth/logout", `{}`).want(t, 200, "").body)
	app := p.app()
	golden(t, "signed-in-app.json", app.finish(app.Client.BeginAutofill).want(t, 200, "").body)
}

func TestHealthSaysNothingMoreThanOk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		a := w.person().send("GET", path, "", func(r *http.Request) { r.Host = "10.0.0.7:8080" })
		if a.StatusCode != 200 || string(a.body) != "ok\n" {
			t.Errorf("%s answers %d %q", path, a.StatusCode, a.body)
		}
	}
	w.store.Close()
	if a := w.person().send("GET", "/readyz", ""); a.StatusCode != 503 || string(a.body) != "unavailable\n" {
		t.Errorf("/readyz without a store answers %d %q", a.StatusCode, a.body)
	}
	if a := w.person().send("GET", "/healthz", ""); a.StatusCode != 200 {
		t.Errorf("/healthz without a store answers %d", a.StatusCode)
	}
}

func TestABrokenStoreIs503WithRetryAfter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	w.store.Close()
	a := p.finish(p.Client.BeginAutofill).want(t, 503, mapae.CodeUnavailable)
	if a.Header.Get("Retry-After") == "" || !strings.Contains(string(a.body), `"retry_after":5`) {
		t.Errorf("Retry-After is %q in %s", a.Header.Get("Retry-After"), a.body)
	}
	p.send("GET", "/api/auth/session", "").want(t, 503, mapae.CodeUnavailable)
}
