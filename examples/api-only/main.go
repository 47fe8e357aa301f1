// Command api-only is the server of an app for phones or the command line: the
// app signs in by the JSON API with a passkey and gets a bearer token, and its
// own routes ask for that. There are no pages and no cookies. See
// docs/mobile.md for the app's side.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"strings"
	"sync"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/web"
)

func main() {
	handler, err := newAPI("http://localhost:8080")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("localhost:8080", handler))
}

// newAPI is the server at that origin. It forgets everybody when it ends:
// examples/mount keeps them in a file.
func newAPI(origin string) (http.Handler, error) {
	auth, err := mapae.New(mapae.Config{
		Store:   memory.New(),
		Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      mapae.RelyingParty{ID: "localhost", Name: "Notes", Origins: []string{origin}},
		Methods: []mapae.Method{mapae.Passkey{}},
	})
	if err != nil {
		return nil, err
	}
	site := web.New(auth, web.Config{Base: "/v1"})
	own := &notes{byUser: map[mapae.UserID][]string{}}

	mux := http.NewServeMux()
	mux.Handle("/v1/api/", site) // what people would see stays out
	mux.Handle("GET /v1/notes", site.Require(http.HandlerFunc(own.list)))
	mux.Handle("POST /v1/notes", site.Require(http.HandlerFunc(own.add)))
	return mux, nil
}

// notes are what people wrote, by who they are.
type notes struct {
	mu     sync.Mutex
	byUser map[mapae.UserID][]string
}

func (n *notes) list(w http.ResponseWriter, r *http.Request) {
	in, _ := web.SessionFrom(r.Context())
	n.mu.Lock()
	defer n.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string][]string{"notes": append([]string{}, n.byUser[in.User.ID]...)})
}

func (n *notes) add(w http.ResponseWriter, r *http.Request) {
	var note struct{ Text string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&note); err != nil || strings.TrimSpace(note.Text) == "" {
		http.Error(w, "a note is {\"text\": …}", http.StatusBadRequest)
		return
	}
	in, _ := web.SessionFrom(r.Context())
	n.mu.Lock()
	defer n.mu.Unlock()
	n.byUser[in.User.ID] = append(n.byUser[in.User.ID], note.Text)
	w.WriteHeader(http.StatusCreated)
}
