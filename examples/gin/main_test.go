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

func TestAPersonSignsInAtTheRouter(t *testing.T) {
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

	person := client.New(origin+"/auth", webauthntest.New(origin))
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

	want("GET", "/", 200, `{"name":"","signed_in":false}`)
	want("GET", "/notes/7", 303, "/auth/sign-in?next=%2Fnotes%2F7")
	want("POST", "/transfer", 401, "<html")
	want("GET", "/auth/sign-in", 200, `data-base="/auth"`)
	want("GET", "/auth/nowhere", 404, "<html")
	if _, err := person.SignUp(t.Context(), "alice@example.com", "Alice"); err != nil {
		t.Fatal(err)
	}
	if err := person.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := person.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("GET", "/", 200, `{"name":"Alice","signed_in":true}`)
	want("GET", "/notes/7", 200, `{"note":"7","of":"Alice"}`)
	want("POST", "/transfer", 200, `{"transferred":true}`)
	want("GET", "/auth/account", 200, "Alice")
}
