package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/lines"
	"github.com/mapae/mapae/web"
)

// loopback is trusted as a proxy, so that sign-ups can come from many addresses
// and the limits stay on.
var loopback = netip.MustParsePrefix("127.0.0.0/8")

// openMapae is Mapae as the binary serves it, with its access log in a file.
func openMapae(path, origin string) (*http.Server, string, io.Closer, error) {
	store, settings, err := openSQLite(path)
	if err != nil {
		return nil, "", nil, err
	}
	srv, closer, err := openSite(store, path+".log", origin)
	return srv, settings, closer, err
}

// openPostgres is the same on the PostgreSQL database whose URL is the text of
// the file at path.
func openPostgres(path, origin string) (*http.Server, string, io.Closer, error) {
	store, settings, err := openServer(path)
	if err != nil {
		return nil, "", nil, err
	}
	srv, closer, err := openSite(store, path+".log", origin)
	return srv, settings, closer, err
}

func openSite(store mapae.Store, logPath, origin string) (*http.Server, io.Closer, error) {
	auth, err := mapae.New(mapae.Config{
		Store: store, Secrets: []mapae.RootKey{mapae.NewRootKey()}, Methods: []mapae.Method{mapae.Passkey{}, mapae.Password{}},
		RP: mapae.RelyingParty{ID: "localhost", Name: "Bench", Origins: []string{origin}},
	})
	if err != nil {
		return nil, nil, err
	}
	log, err := os.Create(logPath)
	if err != nil {
		return nil, nil, err
	}
	out := lines.NewWriter(log)
	site := web.New(auth, web.Config{Logger: slog.New(slog.NewTextHandler(out, nil)), TrustedProxies: []netip.Prefix{loopback}})
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page") })
	guarded := site.Require(page)
	serve := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case openPage:
			page(w, r)
		case closedPage:
			guarded.ServeHTTP(w, r)
		default: // no second mux in front of the site, as in the binary
			site.ServeHTTP(w, r)
		}
	}
	return site.Server("", http.HandlerFunc(serve)), closers{store, flusher{out}, log}, nil
}

// The same page for everybody, and for those who are signed in.
const openPage, closedPage = "/open", "/closed"

// flusher writes the last lines of a log.
type flusher struct{ *lines.Writer }

func (f flusher) Close() error { return f.Flush() }

// closers closes several things, in their order.
type closers []io.Closer

func (all closers) Close() (err error) {
	for _, c := range all {
		if e := c.Close(); err == nil {
			err = e
		}
	}
	return err
}
