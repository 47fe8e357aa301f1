package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

const password = "correct horse battery staple"

func TestASecondStepIsAskedForAndOpensWhatIsSensitive(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	origin := "http://localhost:" + server.Listener.Addr().String()[len("127.0.0.1:"):]
	site, err := newSite(origin)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = site
	server.Start()
	t.Cleanup(server.Close)

	key := webauthntest.New(origin)
	person := client.New(origin+"/auth", key)
	want := func(method, path string, status int, text string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, origin+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		answer, err := person.HTTP.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != status || !strings.Contains(string(body), text) {
			t.Errorf("%s %s: %d %s, want %d with %q", method, path, answer.StatusCode, body, status, text)
		}
	}

	if _, err := person.SignUpPassword(t.Context(), "alice@example.com", "Alice", password, ""); err != nil {
		t.Fatal(err)
	}
	want("GET", "/", 200, "Signed in.")
	want("GET", "/payslip", 403, `"step_up_required"`)
	if _, err := person.AddPasskey(t.Context(), key, ""); err != nil {
		t.Fatal(err)
	}
	if err := person.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}

	_, err = person.SignInPassword(t.Context(), "alice@example.com", password)
	due := client.SecondFactorOf(err)
	if due == nil {
		t.Fatalf("a password is enough: %v", err)
	}
	want("GET", "/", 401, `"unauthenticated"`)
	if _, err := person.VerifyPasskey(t.Context(), due); err != nil {
		t.Fatal(err)
	}
	want("GET", "/payslip", 200, "Only with two factors.")
	want("POST", "/account/iban", 200, "Changed.")
}
