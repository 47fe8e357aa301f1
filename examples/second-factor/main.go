// Command second-factor is a site of passwords that asks for a second step: a
// passkey, a security key or an authenticator app. People sign up with a
// password; until they add a second factor, what is sensitive stays closed. Run
// it and open http://localhost:8080.
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/web"
)

func main() {
	handler, err := newSite("http://localhost:8080")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("localhost:8080", handler))
}

// newSite is the program at that origin. It forgets everybody when it ends:
// examples/mount keeps them in a file.
func newSite(origin string) (http.Handler, error) {
	auth, err := mapae.New(mapae.Config{
		Store:   memory.New(),
		Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      mapae.RelyingParty{ID: "localhost", Name: "Second factor", Origins: []string{origin}},
		Methods: []mapae.Method{
			mapae.Password{}, // the first of those listed is offered first
			mapae.Passkey{},
			mapae.TOTP{},
		},
	})
	if err != nil {
		return nil, err
	}
	site := web.New(auth, web.Config{Base: "/auth", Development: true})

	mux := http.NewServeMux()
	mux.Handle("/auth/", site)
	mux.Handle("GET /{$}", site.Require(say("Signed in.")))
	mux.Handle("GET /payslip", site.Require(say("Only with two factors."), mapae.SecondFactor()))
	mux.Handle("POST /account/iban", site.Require(say("Changed."), mapae.SecondFactor(), mapae.Within(5*time.Minute)))
	return mux, nil
}

func say(what string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, what) })
}
