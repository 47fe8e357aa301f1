// Command react is a page application and its server: the browser's side is
// React in app/, Mapae is at /auth of the same origin, and the application's own
// API asks for a session. Build the pages and run it:
//
//	npm ci --prefix app && npm run build --prefix app && go run .
//
// and open http://localhost:8080. To work on the pages run `npm run dev --prefix
// app` beside it and open http://localhost:5173: the development server hands
// what is below /auth and /api on, so that for the browser all is one origin.
package main

import (
	"encoding/json"
	"io/fs"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/web"
)

func main() {
	handler, err := newServer(os.DirFS("app/dist"), "http://localhost:8080", "http://localhost:5173")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("localhost:8080", handler))
}

// newServer serves the pages in files and the API at the origins. It forgets
// everybody when it ends: examples/mount keeps them in a file.
func newServer(files fs.FS, origins ...string) (http.Handler, error) {
	auth, err := mapae.New(mapae.Config{
		Store:   memory.New(),
		Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      mapae.RelyingParty{ID: "localhost", Name: "React", Origins: origins},
		Methods: []mapae.Method{mapae.Passkey{}},
	})
	if err != nil {
		return nil, err
	}
	site := web.New(auth, web.Config{Base: "/auth", Development: true})
	mux := http.NewServeMux()
	mux.Handle("/auth/", site)
	mux.Handle("GET /api/hello", site.Require(http.HandlerFunc(hello)))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if f, err := fs.Stat(files, strings.TrimPrefix(r.URL.Path, "/")); err != nil || f.IsDir() {
			http.ServeFileFS(w, r, files, "index.html") // a path of the page application
			return
		}
		http.FileServerFS(files).ServeHTTP(w, r)
	})
	return mux, nil
}

func hello(w http.ResponseWriter, r *http.Request) {
	in, _ := web.SessionFrom(r.Context())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"name": in.User.Name})
}
