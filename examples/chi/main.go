// Command chi mounts Mapae in a chi router, below another path: the site is at
// /app/auth, one group of routes needs a session, and one route a passkey used
// in the last five minutes. Run it and open http://localhost:8080/app/.
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/web"
)

func main() {
	router, err := newRouter("http://localhost:8080")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("localhost:8080", router))
}

// newRouter is the program at that origin. It forgets everybody when it ends:
// examples/mount keeps them in a file.
func newRouter(origin string) (http.Handler, error) {
	auth, err := mapae.New(mapae.Config{
		Store:   memory.New(),
		Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      mapae.RelyingParty{ID: "localhost", Name: "Chi", Origins: []string{origin}},
		Methods: []mapae.Method{mapae.Passkey{}},
	})
	if err != nil {
		return nil, err
	}
	site := web.New(auth, web.Config{Base: "/app/auth", Development: true})

	router := chi.NewRouter()
	router.Mount("/app/auth", site)
	router.Route("/app", func(r chi.Router) {
		r.Get("/", func(w http.ResponseWriter, r *http.Request) {
			user, _ := site.User(r)
			fmt.Fprintf(w, "Hello, %s.\n", or(user.Name, "stranger"))
		})
		r.Group(func(r chi.Router) {
			r.Use(func(next http.Handler) http.Handler { return site.Require(next) })
			r.Get("/notes/{id}", notes)
		})
		r.With(func(next http.Handler) http.Handler {
			return site.Require(next, mapae.PhishingResistant(), mapae.Within(5*time.Minute))
		}).Post("/transfer", transfer)
	})
	return router, nil
}

func notes(w http.ResponseWriter, r *http.Request) {
	in, _ := web.SessionFrom(r.Context())
	fmt.Fprintf(w, "Note %s of %s.\n", chi.URLParam(r, "id"), in.User.Name)
}

func transfer(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "Transferred.") }

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
