package client_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/web"
	"github.com/mapae/mapae/webauthntest"
)

// serve runs a site and returns its origin.
func serve(t *testing.T) string {
	t.Helper()
	return serveAt(t, time.Now)
}

// serveAt is serve by another clock, with every method, and more of them.
func serveAt(t *testing.T, clock func() time.Time, more ...mapae.Method) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	origin := "http://localhost:" + port
	auth, err := mapae.New(mapae.Config{
		Store: memory.New(), Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      mapae.RelyingParty{ID: "localhost", Origins: []string{origin}},
		Methods: append([]mapae.Method{mapae.Passkey{}, mapae.Password{Argon2: mapae.Argon2{MemoryKiB: 8 << 10, Passes: 1, Lanes: 1}}, mapae.TOTP{}}, more...),
		Clock:   clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = web.New(auth, web.Config{Base: "/auth", Logger: slog.New(slog.DiscardHandler)})
	server.Start()
	t.Cleanup(server.Close)
	return origin
}

func TestBrowsersAndAppsDoAllThatThereIs(t *testing.T) {
	t.Parallel()
	for name, app := range map[string]bool{"browser": false, "app": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, origin := t.Context(), serve(t)
			c := client.New(origin+"/auth/", webauthntest.New(origin))
			c.App = app
			up, err := c.SignUp(ctx, "alice@example.com", "Alice")
			must(t, err)
			in, err := c.SignInAs(ctx, "alice@example.com")
			must(t, err)
			if in.User != up.User || in.User.Name != "Alice" || in.User.Email != "alice@example.com" || in.Session.App != app || (in.Token != "") != app || c.Token() != in.Token {
				t.Errorf("signed up as %+v, in as %+v", up, in)
			}
			again, err := c.Reauth(ctx)
			must(t, err)
			if again.Session.ID != in.Session.ID || app && again.Token == in.Token {
				t.Errorf("a step-up leads from %+v to %+v", in.Session, again.Session)
			}
			added, err := c.AddPasskey(ctx, webauthntest.New(origin), "Phone")
			must(t, err)
			renamed, err := c.RenamePasskey(ctx, added.ID, "Old phone")
			must(t, err)
			own, err := c.Passkeys(ctx)
			must(t, err)
			if len(own) != 2 || own[0].ID != renamed.ID || own[0].Name != "Old phone" || own[0].LastUsedAt != nil || own[1].LastUsedAt == nil || !own[1].Current {
				t.Errorf("passkeys are %+v", own)
			}
			must(t, c.RemovePasskey(ctx, added.ID))
			sessions, err := c.Sessions(ctx)
			must(t, err)
			if len(sessions) != 2 || !sessions[0].Current || sessions[0].AAL != 2 || !sessions[0].PhishingResistant || sessions[0].CreatedAt.IsZero() || !sessions[0].EndsAt.After(sessions[0].IdleEndsAt) {
				t.Errorf("sessions are %+v", sessions)
			}
			must(t, c.EndSession(ctx, sessions[1].ID))
			_, err = c.EndOtherSessions(ctx)
			must(t, err)
			now, err := c.Session(ctx)
			must(t, err)
			if now.Session.ID != in.Session.ID {
				t.Errorf("the session is %+v", now.Session)
			}
			must(t, c.SignOut(ctx))
			_, err = c.Session(ctx)
			if e := new(client.Error); !errors.As(err, &e) || e.Status != 401 || e.Code != "unauthenticated" || e.RequestID == "" || e.Message == "" {
				t.Errorf("after sign-out the error is %v", err)
			}
			if _, err = c.BeginAutofill(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAKeptTokenGoesOn(t *testing.T) {
	t.Parallel()
	origin := serve(t)
	key := webauthntest.New(origin)
	first := client.New(origin+"/auth", key)
	first.App = true
	up, err := first.SignUp(t.Context(), "alice@example.com", "Alice")
	must(t, err)
	second := client.New(origin+"/auth", key)
	second.App = true
	second.SetToken(first.Token())
	now, err := second.Session(t.Context())
	must(t, err)
	if now.User.ID != up.User.ID {
		t.Errorf("goes on as %+v", now.User)
	}
}

func TestRefusalsOfTheDeviceAreReturned(t *testing.T) {
	t.Parallel()
	origin := serve(t)
	var refused *webauthntest.Error
	c := client.New(origin+"/auth", webauthntest.New("https://evil.example"))
	if _, err := c.SignUp(t.Context(), "a@example.com", "A"); !errors.As(err, &refused) || refused.Name != "SecurityError" {
		t.Errorf("sign-up: %v", err)
	}
	empty := client.New(origin+"/auth", webauthntest.New(origin))
	if _, err := empty.SignIn(t.Context()); !errors.As(err, &refused) || refused.Name != "NotAllowedError" {
		t.Errorf("sign-in: %v", err)
	}
}

func TestErrorsSayWhatTheServerSaid(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"problem": `{"code":"rate_limited","field":"email","reason":"missing","message":"Wait.","retry_after":7,"request_id":"r1"}`,
		"page":    "<html>502 Bad Gateway</html>",
	}
	for name, want := range map[string]client.Error{
		"problem": {Status: 429, Code: "rate_limited", Field: "email", Reason: "missing", Message: "Wait.", RetryAfter: 7 * time.Second, RequestID: "r1"},
		"page":    {Status: 429, RequestID: "from the header"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Request-Id", "from the header")
			w.WriteHeader(429)
			io.WriteString(w, answers[name])
		}))
		_, err := client.New(server.URL, nil).SignIn(t.Context())
		if got := new(client.Error); !errors.As(err, &got) || *got != want {
			t.Errorf("%s: the error is %#v, want %#v", name, err, want)
		}
		server.Close()
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "not JSON") }))
	defer server.Close()
	if _, err := client.New(server.URL, nil).Session(t.Context()); err == nil || !strings.Contains(err.Error(), "GET /api/auth/session") {
		t.Errorf("an answer that is not JSON: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.New(server.URL, nil).Session(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
