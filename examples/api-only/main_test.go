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

func TestAnAppSignsInAndKeepsItsNotes(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	origin := "http://localhost:" + server.Listener.Addr().String()[len("127.0.0.1:"):]
	api, err := newAPI(origin)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = api
	server.Start()
	t.Cleanup(server.Close)

	app := client.New(origin+"/v1", webauthntest.New(origin))
	app.App = true
	call := func(method, path, body, token string, status int, text string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, origin+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		got, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != status || !strings.Contains(string(got), text) {
			t.Errorf("%s %s: %d %s, want %d with %q", method, path, answer.StatusCode, got, status, text)
		}
		if answer.Header.Values("Set-Cookie") != nil {
			t.Errorf("%s %s sets a cookie", method, path)
		}
	}

	if _, err := app.SignUp(t.Context(), "alice@example.com", "Alice"); err != nil {
		t.Fatal(err)
	}
	if err := app.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := app.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	call("GET", "/v1/notes", "", "", 401, `"unauthenticated"`)
	call("GET", "/v1/notes", "", "ms_nonsense", 401, `"unauthenticated"`)
	call("POST", "/v1/notes", `{"text":"Buy milk"}`, app.Token(), 201, "")
	call("POST", "/v1/notes", `{"text":" "}`, app.Token(), 400, "a note is")
	call("GET", "/v1/notes", "", app.Token(), 200, `{"notes":["Buy milk"]}`)
	call("GET", "/v1/sign-in", "", "", 404, "") // no pages

	other := client.New(origin+"/v1", webauthntest.New(origin))
	other.App = true
	if _, err := other.SignUp(t.Context(), "bob@example.com", "Bob"); err != nil {
		t.Fatal(err)
	}
	call("GET", "/v1/notes", "", other.Token(), 200, `{"notes":[]}`)
}
