// Command mount is a small program that people sign in to: Mapae is mounted at
// /auth, one page needs a session, and one action a passkey used in the last
// five minutes. Run it and open http://localhost:8080.
package main

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/sqlite"
	"github.com/mapae/mapae/web"
)

func main() {
	server, err := program(context.Background(), "localhost:8080", "data")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Open http://localhost:8080")
	log.Fatal(server.ListenAndServe())
}

// program keeps its database and keys in dir and serves at http://address.
func program(ctx context.Context, address, dir string) (*http.Server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	secrets, err := mapae.LoadKeys(filepath.Join(dir, "mount.keys"))
	if errors.Is(err, fs.ErrNotExist) {
		secrets, err = mapae.CreateKeys(filepath.Join(dir, "mount.keys"))
	}
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, filepath.Join(dir, "mount.db"))
	if err != nil {
		return nil, err
	}
	auth, err := mapae.New(mapae.Config{
		Store:   store,
		Secrets: secrets,
		RP:      mapae.RelyingParty{ID: "localhost", Name: "Mount", Origins: []string{"http://" + address}},
		Methods: []mapae.Method{mapae.Passkey{}},
	})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	site := web.New(auth, web.Config{Base: "/auth", Development: true})

	mux := http.NewServeMux()
	mux.Handle("/auth/", site)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		user, _ := site.User(r)
		show(w, front, user)
	})
	mux.Handle("GET /account", site.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := site.User(r)
		show(w, account, user)
	})))
	mux.Handle("POST /transfer", site.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := site.User(r)
		show(w, transferred, user)
	}), mapae.PhishingResistant(), mapae.Within(5*time.Minute)))

	server := site.Server(address, mux)
	server.RegisterOnShutdown(func() { _ = store.Close() })
	return server, nil
}

var (
	front       = page(`<h1>Mount</h1><p>{{with .Name}}Hello, {{.}}.{{else}}Nobody is signed in.{{end}} <a href="/account">Your account</a>`)
	account     = page(`<h1>{{.Name}}</h1><p>Only you see this. <form method="post" action="/transfer"><button>Transfer</button></form> <a href="/auth/account">Passkeys</a>`)
	transferred = page(`<h1>Transferred</h1><p>In your name, {{.Name}}. <a href="/account">Back</a>`)
)

func page(text string) *template.Template {
	return template.Must(template.New("").Parse("<!DOCTYPE html><meta charset=utf-8><title>Mount</title>" + text))
}

func show(w http.ResponseWriter, t *template.Template, user mapae.User) {
	if err := t.Execute(w, user); err != nil {
		log.Print(err)
	}
}
