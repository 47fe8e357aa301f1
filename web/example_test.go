package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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
