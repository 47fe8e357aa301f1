package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing/fstest"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/web"
)

// Routes of one's own are guarded where they are registered.
func ExampleSite_Require() {
	auth, err := mapae.New(mapae.Config{
		Store:   memory.New(),
		Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      mapae.RelyingParty{ID: "example.com", Origins: []string{"https://example.com"}},
		Methods: []mapae.Method{mapae.Passkey{}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	site := web.New(auth, web.Config{Base: "/auth"})
	account := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := site.User(r)
		fmt.Fprintln(w, "Hello,", user.Name)
	})
	transfer := account

	mux := http.NewServeMux()
	mux.Handle("/auth/", site)
	mux.Handle("GET /account", site.Require(account))
	mux.Handle("POST /transfer", site.Require(transfer, mapae.PhishingResistant(), mapae.Within(5*time.Minute)))
}

// Apps of one's own use the same passkeys; the site says which they are.
func ExampleSite_WellKnown() {
	mux := http.NewServeMux()
	mount := func() error {
		auth, err := mapae.New(mapae.Config{
			Store:   memory.New(),
			Secrets: []mapae.RootKey{mapae.NewRootKey()},
			RP: mapae.RelyingParty{ID: "example.com", Origins: []string{
				"https://example.com", // the site, and the app for iOS
				"android:apk-key-hash:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
			}},
			Methods: []mapae.Method{mapae.Passkey{}},
		})
		if err != nil {
			return err
		}
		site := web.New(auth, web.Config{WellKnown: web.WellKnown{
			AppleApps:   []string{"ABCDE12345.com.example.app"},
			AndroidApps: []string{"com.example.app"},
		}})
		for pattern, h := range site.WellKnown() {
			mux.Handle(pattern, h)
		}
		return nil
	}
	if err := mount(); err != nil {
		fmt.Println(err)
		return
	}
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest("GET", "/.well-known/apple-app-site-association", nil))
	fmt.Println(answer.Body)
	// Output: {"webcredentials":{"apps":["ABCDE12345.com.example.app"]}}
}

// The pages take the look of the site that they belong to.
func ExampleBrand() {
	config := web.Config{
		Base: "/auth",
		Brand: web.Brand{
			Name:   "Acme",
			Accent: "#7a1f5c", AccentDark: "#f0b0d8",
			Terms: "https://acme.example/terms", Privacy: "/privacy", Help: "/help",
		},
	}
	fmt.Println(config.Brand.Check())
	config.Brand.Accent = "#ffcc00"
	fmt.Println(config.Brand.Check())
	// Output:
	// <nil>
	// brand: Accent "#ffcc00": its contrast with #ffffff is 1.5, less than 4.5
}

// A template of one's own takes the place of the page of the same name; what it
// does not define is as shipped.
func ExampleConfig_templates() {
	auth, err := mapae.New(mapae.Config{
		Store:   memory.New(),
		Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      mapae.RelyingParty{ID: "example.com", Name: "Acme", Origins: []string{"https://example.com"}},
		Methods: []mapae.Method{mapae.Passkey{}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	site := web.New(auth, web.Config{Base: "/auth", Templates: fstest.MapFS{
		"sign-in.html": {Data: []byte(`{{define "main"}}
<h1>Come in, {{.Site}}</h1>
<form method="post" action="{{.Base}}/sign-in" data-next="{{.Data.Next}}">
{{template "email" .}}
<button class="primary" data-needs="passkeys">{{.T "signin.continue"}}</button>
</form>
{{template "status" .}}
{{end}}`)},
	}})
	answer := httptest.NewRecorder()
	site.ServeHTTP(answer, httptest.NewRequest("GET", "https://example.com/auth/sign-in", nil))
	for _, line := range strings.Split(answer.Body.String(), "\n") {
		if strings.Contains(line, "<h1>") || strings.Contains(line, "<title>") {
			fmt.Println(line)
		}
	}
	// Output:
	// <title>Sign in · Acme</title>
	// <h1>Come in, Acme</h1>
}
