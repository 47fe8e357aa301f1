// Command existing-users is an application that has users, passwords and
// sessions of its own, and adds passkeys: as second factor after its password,
// and alone. users.go is the application as it was; passkeys.go is all that is
// new. Mapae does the ceremonies and keeps the passkeys; nobody gets a cookie of
// it. Run it and open http://localhost:8080: ann@example.com has the password
// "correct horse".
package main

import (
	"embed"
	"log"
	"net/http"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
)

//go:embed page
var page embed.FS

func main() {
	handler, err := newApplication("http://localhost:8080")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("localhost:8080", handler))
}

// newApplication is the program at that origin. Its passkeys are forgotten when
// it ends: keep them with sqlite.Open or postgres.Open in the database that you
// have.
func newApplication(origin string) (http.Handler, error) {
	auth, err := mapae.New(mapae.Config{
		Store:   memory.New(),
		Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      mapae.RelyingParty{ID: "localhost", Name: "Application", Origins: []string{origin}},
		Methods: []mapae.Method{mapae.Passkey{}, mapae.External{}},
		SignUp:  mapae.SignUpClosed, // people sign up at the application
	})
	if err != nil {
		return nil, err
	}
	app := newApp(auth)
	mux := http.NewServeMux()
	app.routes(mux)
	app.passkeyRoutes(mux)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, page, "page/index.html") })
	mux.HandleFunc("GET /page/{file}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, page, "page/"+r.PathValue("file"))
	})
	return http.NewCrossOriginProtection().Handler(app.visitors(mux)), nil
}
