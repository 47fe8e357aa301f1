// Command tutorial is the program of docs/tutorial.md: notes that only the person
// who wrote them sees.
package main

import (
	"context"
	"errors"
	"html/template"
	"io/fs"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/sqlite"
	"github.com/mapae/mapae/web"
)

func main() {
	store, err := sqlite.Open(context.Background(), "notes.db")
	if err != nil {
		log.Fatal(err)
	}
	secrets, err := mapae.LoadKeys("notes.keys")
	if errors.Is(err, fs.ErrNotExist) { // the first run
		secrets, err = mapae.CreateKeys("notes.keys")
	}
	if err != nil {
		log.Fatal(err)
	}
	handler, err := newHandler(store, secrets, "http://localhost:8080")
	if err != nil {
		log.Fatal(err)
	}
	log.Print("open http://localhost:8080/notes")
	log.Fatal(http.ListenAndServe("localhost:8080", handler))
}

func newHandler(store mapae.Store, secrets []mapae.RootKey, origin string) (http.Handler, error) {
	auth, err := mapae.New(mapae.Config{
		Store:   store,
		Secrets: secrets,
		RP:      mapae.RelyingParty{ID: "localhost", Name: "Notes", Origins: []string{origin}},
		Methods: []mapae.Method{mapae.Passkey{}},
	})
	if err != nil {
		return nil, err
	}
	site := web.New(auth, web.Config{Base: "/auth", Development: true})
	own := &notes{site: site, byUser: map[mapae.UserID][]string{}}

	mux := http.NewServeMux()
	mux.Handle("/auth/", site)
	mux.HandleFunc("GET /{$}", own.show)
	mux.Handle("GET /notes", site.Require(http.HandlerFunc(own.show)))
	mux.Handle("POST /notes", site.Require(http.HandlerFunc(own.add)))
	mux.Handle("POST /notes/clear", site.Require(http.HandlerFunc(own.clear), mapae.PhishingResistant(), mapae.Within(5*time.Minute)))
	return mux, nil
}

type notes struct {
	site   *web.Site
	mu     sync.Mutex
	byUser map[mapae.UserID][]string
}

var page = template.Must(template.New("").Parse(`<!DOCTYPE html><meta charset="utf-8"><title>Notes</title>
{{with .Viewer}}{{if .SignedIn}}<form method="post" action="{{.SignOut}}">{{.User.Name}} <button>Sign out</button></form>
{{else}}<a href="{{.SignIn}}">Sign in</a>{{end}}{{end}}
{{range .Notes}}<p>{{.}}</p>{{end}}
{{if .Viewer.SignedIn}}<form method="post" action="/notes"><input name="text"> <button>Add</button></form>
<form method="post" action="/notes/clear"><button>Clear</button></form>{{end}}`))

func (n *notes) show(w http.ResponseWriter, r *http.Request) {
	viewer := n.site.Viewer(r)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := page.Execute(w, map[string]any{"Viewer": viewer, "Notes": n.byUser[viewer.User.ID]}); err != nil {
		log.Print(err)
	}
}

func (n *notes) add(w http.ResponseWriter, r *http.Request) {
	in, _ := web.SessionFrom(r.Context())
	n.mu.Lock()
	n.byUser[in.User.ID] = append(n.byUser[in.User.ID], r.FormValue("text"))
	n.mu.Unlock()
	http.Redirect(w, r, "/notes", http.StatusSeeOther)
}

func (n *notes) clear(w http.ResponseWriter, r *http.Request) {
	in, _ := web.SessionFrom(r.Context())
	n.mu.Lock()
	delete(n.byUser, in.User.ID)
	n.mu.Unlock()
	http.Redirect(w, r, "/notes", http.StatusSeeOther)
}
