package e2e

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/web"
)

// site is a server of the test's own.
type site struct {
	url  string // http://localhost:PORT
	port string
	auth *mapae.Auth

	late atomic.Int64 // how far the server's clock is ahead

	mu    sync.Mutex
	seen  map[string][]int  // statuses of the answers by method and path, in order
	first map[string]func() // done before a request of that method and path is answered
}

// newSite starts a development server on the loopback address that offers
// passkeys and more methods.
func newSite(t *testing.T, more ...mapae.Method) *site {
	t.Helper()
	return newSiteWith(t, func(face *web.Site) http.Handler { return face }, more...)
}

// newSiteWith is newSite in a program that around puts around it.
func newSiteWith(t *testing.T, around func(*web.Site) http.Handler, more ...mapae.Method) *site {
	t.Helper()
	return newSiteOf(t, func(c *mapae.Config) { c.Methods = append(c.Methods, more...) }, around)
}

// newSiteOf is newSiteWith with a configuration that change changes.
func newSiteOf(t *testing.T, change func(*mapae.Config), around func(*web.Site) http.Handler) *site {
	t.Helper()
	listener, rp := localhost(t)
	return newSiteAt(t, listener, rp, web.Config{}, change, around)
}

// localhost listens on the loopback address, for the relying party that is
// there.
func localhost(t *testing.T) (net.Listener, mapae.RelyingParty) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return listener, mapae.RelyingParty{ID: "localhost", Name: "Example", Origins: []string{"http://localhost:" + port}}
}

// newSiteAt is newSiteOf for a relying party whose origins lead to listener,
// with pages as they are set.
func newSiteAt(t *testing.T, listener net.Listener, rp mapae.RelyingParty, pages web.Config, change func(*mapae.Config), around func(*web.Site) http.Handler) *site {
	t.Helper()
	s := &site{url: rp.Origins[0], seen: map[string][]int{}, first: map[string]func(){}}
	cfg := mapae.Config{
		Store:   memory.New(),
		Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      rp,
		Methods: []mapae.Method{mapae.Passkey{}},
		Clock:   func() time.Time { return time.Now().Add(time.Duration(s.late.Load())) },
	}
	change(&cfg)
	var err error
	if s.auth, err = mapae.New(cfg); err != nil {
		t.Fatal(err)
	}
	_, s.port, _ = net.SplitHostPort(listener.Addr().String())
	pages.Development, pages.Logger = true, slog.New(slog.NewTextHandler(io.Discard, nil))
	face := web.New(s.auth, pages)
	server := &http.Server{Handler: s.record(around(face))}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return s
}

// pass lets time pass for the server.
func (s *site) pass(d time.Duration) { s.late.Add(int64(d)) }

// before does f before each request of that method and path is answered.
func (s *site) before(request string, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first[request] = f
}

// record notes how h answers each request.
func (s *site) record(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noted := &noted{ResponseWriter: w, status: http.StatusOK}
		what := r.Method + " " + r.URL.Path
		s.mu.Lock()
		f := s.first[what]
		s.mu.Unlock()
		if f != nil {
			f()
		}
		h.ServeHTTP(noted, r)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen[what] = append(s.seen[what], noted.status)
	})
}

// noted remembers the status of an answer.
type noted struct {
	http.ResponseWriter
	status int
}

func (n *noted) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

// answers returns the statuses that requests of that method and path got.
func (s *site) answers(request string) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen[request])
}

// count returns how many requests of that method and path were answered.
func (s *site) count(request string) int { return len(s.answers(request)) }

// await waits until there were n requests of that method and path.
func (s *site) await(t *testing.T, request string, n int) {
	t.Helper()
	for end := time.Now().Add(patience); s.count(request) < n; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d times %s", s.count(request), n, request)
		}
	}
}
