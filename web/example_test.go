package web_test

import (
	"fmt"
	"net/http"
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
