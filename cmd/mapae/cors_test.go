package main

import (
	"net/http"
	"strings"
	"testing"
)

// A page application at an origin of its own is let in by its whole name.
func TestAPageApplicationIsLetInByName(t *testing.T) {
	t.Parallel()
	at := newHome(t)
	const app, other = "http://localhost:5173", "http://localhost:5174"
	start(t, at, nil, "--origin", app, "--origin", other, "--cors-origin", app)
	for origin, want := range map[string]int{app: http.StatusOK, other: http.StatusForbidden} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.origin+"/api/auth/passkey/options", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", "same-site")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		allowed := map[int]string{http.StatusOK: origin}[want]
		if got := answer.Header.Get("Access-Control-Allow-Origin"); answer.StatusCode != want || got != allowed {
			t.Errorf("%s: %d, allowed %q, want %d", origin, answer.StatusCode, got, want)
		}
	}
}
