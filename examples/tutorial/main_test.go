package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/webauthntest"
)

func TestOnlyTheirWriterSeesNotes(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	origin := strings.Replace("http://"+server.Listener.Addr().String(), "127.0.0.1", "localhost", 1)
	handler, err := newHandler(memory.New(), []mapae.RootKey{mapae.NewRootKey()}, origin)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	defer server.Close()

	alice := client.New(origin+"/auth", webauthntest.New(origin))
	if _, err := alice.SignUp(t.Context(), "alice@example.com", "Alice"); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, alice.HTTP, origin, "/notes", url.Values{"text": {"Buy <milk>"}}); !strings.Contains(got, "<p>Buy &lt;milk&gt;</p>") {
		t.Errorf("her page is %s", got)
	}
	if got := ask(t, http.DefaultClient, origin, "/notes", nil); strings.Contains(got, "milk") {
		t.Errorf("everybody sees %s", got)
	}
	if got := ask(t, alice.HTTP, origin, "/notes/clear", url.Values{}); strings.Contains(got, "milk") {
		t.Errorf("it is still there: %s", got)
	}
}

// ask is what a browser is shown at path, after a form if there is one.
func ask(t *testing.T, browser *http.Client, origin, path string, form url.Values) string {
	t.Helper()
	method, body := "GET", io.Reader(nil)
	if form != nil {
		method, body = "POST", strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, origin+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	answer, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
