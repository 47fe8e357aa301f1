package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

func TestAPersonSignsInAndTransfers(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := program(t.Context(), "localhost:"+port, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })

	origin := "http://localhost:" + port
	person := client.New(origin+"/auth", webauthntest.New(origin))
	ask := func(method, path string) (int, string) {
		r, err := http.NewRequest(method, origin+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Origin", origin)
		h := *person.HTTP
		h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		answer, err := h.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, answer.Header.Get("Location") + string(body)
	}
	want := func(method, path string, status int, part string) {
		t.Helper()
		if got, body := ask(method, path); got != status || !strings.Contains(body, part) {
			t.Errorf("%s %s: %d %s, want %d with %q", method, path, got, body, status, part)
		}
	}

	want("GET", "/", 200, "Nobody is signed in")
	want("GET", "/account", 303, "/auth/sign-in?next=%2Faccount")
	want("POST", "/transfer", 401, "<html")
	if _, err := person.SignUp(t.Context(), "alice@example.com", "Alice <3"); err != nil {
		t.Fatal(err)
	}
	if err := person.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := person.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("GET", "/", 200, "Hello, Alice &lt;3")
	want("GET", "/account", 200, "Only you see this")
	want("POST", "/transfer", 200, "Transferred")
	want("GET", "/auth/account", 200, "<html")
}

func TestADirectoryThatCannotBeMadeIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := program(t.Context(), "localhost:8080", "main.go/data"); err == nil {
		t.Error("it goes on without a place for its keys")
	}
}
