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

func TestAPersonSignsInBelowTheRouter(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	origin := "http://localhost:" + server.Listener.Addr().String()[len("127.0.0.1:"):]
	router, err := newRouter(origin)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = router
	server.Start()
	t.Cleanup(server.Close)

	person := client.New(origin+"/app/auth", webauthntest.New(origin))
	want := func(method, path string, status int, text string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, origin+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Origin", origin)
		browser := *person.HTTP
		browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		answer, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := answer.Header.Get("Location") + string(body); answer.StatusCode != status || !strings.Contains(got, text) {
			t.Errorf("%s %s: %d %s, want %d with %q", method, path, answer.StatusCode, got, status, text)
		}
	}

	want("GET", "/app/", 200, "Hello, stranger.")
	want("GET", "/app/notes/7", 303, "/app/auth/sign-in?next=%2Fapp%2Fnotes%2F7")
	want("POST", "/app/transfer", 401, "<html")
	want("GET", "/app/auth/sign-in", 200, `data-base="/app/auth"`)
	want("GET", "/app/auth/nowhere", 404, "<html")
	if _, err := person.SignUp(t.Context(), "alice@example.com", "Alice"); err != nil {
		t.Fatal(err)
	}
	if err := person.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := person.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("GET", "/app/", 200, "Hello, Alice.")
	want("GET", "/app/notes/7", 200, "Note 7 of Alice.")
	want("POST", "/app/transfer", 200, "Transferred.")
	want("GET", "/app/auth/account", 200, "Alice")
}
