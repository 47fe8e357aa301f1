package main

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

// TestThePageApplicationIsBuiltAndItsPeopleSignIn needs npm, as the tests of the
// browser module do.
func TestThePageApplicationIsBuiltAndItsPeopleSignIn(t *testing.T) {
	for _, args := range [][]string{{"ci", "--silent"}, {"run", "build", "--", "--logLevel", "error"}} {
		npm := exec.CommandContext(t.Context(), "npm", args...)
		npm.Dir = "app"
		if out, err := npm.CombinedOutput(); err != nil {
			t.Fatalf("npm %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	pages := os.DirFS("app/dist")
	index, err := fs.ReadFile(pages, "index.html")
	if err != nil {
		t.Fatal(err)
	}
	script := regexp.MustCompile(`src="(/assets/[^"]+\.js)"`).FindSubmatch(index)
	if script == nil {
		t.Fatalf("no script in %s", index)
	}

	server := httptest.NewUnstartedServer(nil)
	origin := "http://localhost:" + server.Listener.Addr().String()[len("127.0.0.1:"):]
	handler, err := newServer(pages, origin, "http://localhost:5173")
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(server.Close)
	person := client.New(origin+"/auth", webauthntest.New(origin))
	want := func(path string, status int, text string) {
		t.Helper()
		answer, err := person.HTTP.Get(origin + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != status || !strings.Contains(string(body), text) {
			t.Errorf("GET %s: %d %s, want %d with %q", path, answer.StatusCode, body, status, text)
		}
	}

	want("/", 200, `id="root"`)
	want("/settings/profile", 200, `id="root"`)
	want(string(script[1]), 200, "/api/auth/passkey/options")
	want("/api/hello", 401, `"unauthenticated"`)
	if _, err := person.SignUp(t.Context(), "alice@example.com", "Alice"); err != nil {
		t.Fatal(err)
	}
	if err := person.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := person.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("/api/hello", 200, `{"name":"Alice"}`)
}

// TestTheDevelopmentServersOriginIsTheServersToo asks as Vite's proxy does.
func TestTheDevelopmentServersOriginIsTheServersToo(t *testing.T) {
	t.Parallel()
	handler, err := newServer(os.DirFS("app"), "http://localhost:8080", "http://localhost:5173")
	if err != nil {
		t.Fatal(err)
	}
	for host, status := range map[string]int{"localhost:5173": 200, "localhost:8080": 200, "localhost:5174": 421} {
		r := httptest.NewRequest(http.MethodPost, "http://"+host+"/auth/api/auth/passkey/options", strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", "http://"+host)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		if answer.Code != status {
			t.Errorf("%s: %d, want %d", host, answer.Code, status)
		}
	}
}
