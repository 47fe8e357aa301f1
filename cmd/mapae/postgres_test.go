package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/internal/pgtest"
	"github.com/mapae/mapae/webauthntest"
)

// site is several nodes on one PostgreSQL, and the balancer before them.
type site struct {
	cluster *pgtest.Cluster
	origin  string
	keys    string // the key file, which all nodes have
	nodes   []*process
	listens []string

	away  atomic.Int64 // 1 + the node that gets no requests
	next  atomic.Int64
	count atomic.Uint32 // addresses that were forwarded for
}

// newSite starts n nodes on a new cluster.
func newSite(t *testing.T, n int) *site {
	t.Helper()
	_, err := pgtest.Find()
	pgtest.Needs(t, err)
	c, err := pgtest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &site{cluster: c, origin: newHome(t).origin, keys: filepath.Join(t.TempDir(), "keys"), nodes: make([]*process, n)}
	if _, err := mapae.CreateKeys(s.keys); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup // they make the tables together
	for i := range n {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		s.listens = append(s.listens, "127.0.0.1:"+port)
		s.launch(t, i)
		all.Go(func() { s.ready(t, i) })
	}
	all.Wait()
	return s
}

// launch starts the i-th node.
func (s *site) launch(t *testing.T, i int) {
	t.Helper()
	p := &process{origin: "http://" + s.listens[i]}
	p.cmd = exec.Command("mapae", "serve", "--origin", s.origin, "--listen", s.listens[i], "--data", t.TempDir(),
		"--key-file", s.keys, "--database", s.cluster.URL("postgres"), "--methods", "passkey,password", "--trusted-proxy", "127.0.0.0/8", "--mail", "none")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // most often it has ended
		_ = p.cmd.Wait()
	})
	s.nodes[i] = p
}

func (s *site) ready(t *testing.T, i int) {
	if status, _, err := getWhenUp(s.nodes[i].origin + "/readyz"); err != nil || status != http.StatusOK {
		t.Errorf("node %d is not ready: status %d, %v\n%s", i, status, err, &s.nodes[i].out)
	}
}

// drain lets the i-th node finish what it has, as one does before it is stopped.
func (s *site) drain(i int) {
	s.away.Store(int64(i + 1))
	time.Sleep(200 * time.Millisecond)
}

// again ends the i-th node with a signal and starts it anew.
func (s *site) again(t *testing.T, i int, with syscall.Signal, want string) {
	t.Helper()
	s.nodes[i].signal(t, with)
	if got := s.nodes[i].ended(t); got != want {
		t.Errorf("node %d ended with %s:\n%s", i, got, &s.nodes[i].out)
	}
	s.launch(t, i)
	s.ready(t, i)
	s.away.Store(0)
}

// RoundTrip is the balancer: each request goes to the next node, and on to
// another where nobody listens.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	n, node := s.count.Add(1), s.next.Add(1)
	var err error
	for range 100 {
		node++
		if node%int64(len(s.listens)) == s.away.Load()-1 {
			continue
		}
		to := r.Clone(r.Context())
		to.Host, to.URL.Host = to.URL.Host, s.listens[node%int64(len(s.listens))]
		to.Body, to.Close = io.NopCloser(bytes.NewReader(body)), true
		to.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", byte(n>>16), byte(n>>8), byte(n)))
		var answer *http.Response
		if answer, err = http.DefaultTransport.RoundTrip(to); !errors.Is(err, syscall.ECONNREFUSED) {
			return answer, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, err
}

// app returns an app of the site.
func (s *site) app(key client.Authenticator) *client.Client {
	c := client.New(s.origin, key)
	c.App, c.HTTP = true, &http.Client{Transport: s, Timeout: 15 * time.Second}
	return c
}

// use signs people up, and in again and again until stop is closed. Each error
// goes to wrong, each acknowledged session is returned.
func (s *site) use(ctx context.Context, people int, stop chan struct{}, wrong func(error)) (tokens func() []string) {
	var all sync.WaitGroup
	var mu sync.Mutex
	var list []string
	for i := range people {
		key := webauthntest.New(s.origin)
		c := s.app(key)
		_, err := c.SignUp(ctx, fmt.Sprintf("p%d@example.com", i), "Somebody")
		if err != nil {
			wrong(fmt.Errorf("sign-up: %w", err))
		}
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := c.SignIn(ctx); err != nil {
					wrong(err)
					continue
				}
				mu.Lock()
				list = append(list, c.Token())
				mu.Unlock()
			}
		})
	}
	return func() []string {
		all.Wait()
		return list
	}
}

// allLive demands that each token is a live session's.
func (s *site) allLive(t *testing.T, tokens []string) {
	t.Helper()
	for _, token := range tokens {
		c := s.app(nil)
		c.SetToken(token)
		if _, err := c.Session(t.Context()); err != nil {
			t.Errorf("an acknowledged session: %v", err)
		}
	}
	t.Logf("proven: %d", len(tokens))
}

func TestAPersonBeginsOnOneNodeAndFinishesOnTheOther(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	key := webauthntest.New(s.origin)
	c := s.app(key)
	if _, err := c.SignUp(t.Context(), "ada@example.com", "Ada"); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		options, err := c.BeginSignIn(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		answer, err := key.Get(options)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.FinishSignIn(t.Context(), answer); err != nil {
			t.Fatal(err)
		}
		for range 2 { // on each of the nodes
			if got := code(second(s.app(key).FinishSignIn(t.Context(), answer))); got != "ceremony_invalid" {
				t.Errorf("the answer once more: %q", got)
			}
		}
		s.next.Add(1)
	}
}

// The key ring: a new key is first known everywhere, then seals, and the old
// one goes on opening. Node after node is started anew, and nobody notices.
func TestKeysAreRotatedNodeByNode(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	stop := make(chan struct{})
	tokens := s.use(t.Context(), 4, stop, func(err error) { t.Errorf("while keys are rotated: %v", err) })
	old, err := os.ReadFile(s.keys)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "keys")
	if _, err := mapae.CreateKeys(other); err != nil {
		t.Fatal(err)
	}
	added, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	opens := func(keys []byte) []byte { return bytes.ReplaceAll(keys, []byte("\nseal "), []byte("\nopen ")) }
	for _, ring := range [][][]byte{{old, opens(added)}, {added, opens(old)}} {
		if err := os.WriteFile(s.keys, bytes.Join(ring, nil), 0o600); err != nil {
			t.Fatal(err)
		}
		for i := range s.nodes {
			s.drain(i)
			s.again(t, i, syscall.SIGTERM, "exit 0")
		}
	}
	close(stop)
	s.allLive(t, tokens())
}

// MAPAE_KILLS sets the number of kills.
func TestANodeThatIsKilledUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	kills := killsOr(t, 5)
	s := newSite(t, 2)
	stop := make(chan struct{})
	var cut atomic.Int64
	tokens := s.use(t.Context(), 8, stop, func(err error) {
		var answer *client.Error
		if errors.As(err, &answer) {
			t.Errorf("an answer: %v", err)
		}
		cut.Add(1)
	})
	for round := range kills {
		time.Sleep(300 * time.Millisecond)
		s.again(t, round%2, syscall.SIGKILL, "signal: killed")
	}
	close(stop)
	there := tokens()
	s.allLive(t, there)
	t.Logf("%d acknowledged things were there after %d kills", len(there), kills)
	t.Logf("%d requests were cut", cut.Load())
}

// The database goes away for seconds: each answer is a 503 that says when to
// come back, no try is counted, and it goes on without a restart.
func TestADatabaseThatGoesAwayIsAnsweredFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	const password = "correct horse battery"
	if _, err := s.app(nil).SignUpPassword(t.Context(), "eve@example.com", "Eve", password, ""); err != nil {
		t.Fatal(err)
	}
	var down, up atomic.Bool // no longer up; up again
	var refused atomic.Int64
	stop := make(chan struct{})
	tokens := s.use(t.Context(), 4, stop, func(err error) {
		var answer *client.Error
		switch {
		case !down.Load() || up.Load():
			t.Errorf("with the database there: %v", err)
		case !errors.As(err, &answer) || answer.Status != http.StatusServiceUnavailable || answer.Code != "unavailable" || answer.RetryAfter <= 0:
			t.Errorf("without the database: %v", err)
		default:
			refused.Add(1)
		}
	})
	time.Sleep(500 * time.Millisecond)
	down.Store(true)
	if err := s.cluster.Stop(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	gone := time.Now()
	for range 20 {
		if got := code(second(s.app(nil).SignInPassword(t.Context(), "eve@example.com", "a wrong password"))); got != "unavailable" {
			t.Errorf("a wrong password: %q", got)
		}
	}
	if status, _, err := getWhenUp(s.nodes[0].origin + "/readyz"); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d, %v", status, err)
	}
	time.Sleep(3*time.Second - time.Since(gone))
	if err := s.cluster.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range s.nodes {
		ready := func() bool {
			status, _, err := getWhenUp(s.nodes[i].origin + "/readyz")
			return err == nil && status == http.StatusOK
		}
		for end := time.Now().Add(20 * time.Second); !ready(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("node %d is not ready 20 s after the database", i)
			}
		}
	}
	time.Sleep(time.Second) // connections that died are found and replaced
	up.Store(true)
	if _, err := s.app(nil).SignInPassword(t.Context(), "eve@example.com", password); err != nil {
		t.Errorf("the right password, after wrong ones that nobody could judge: %v", err)
	}
	time.Sleep(500 * time.Millisecond)
	close(stop)
	s.allLive(t, tokens())
	if refused.Load() == 0 {
		t.Error("nobody was refused: the database was never away")
	}
}

func TestWithPostgreSQLNoKeyIsMadeByItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys")
	const database = "postgres://ada:hidden@127.0.0.1:1/mapae"
	mapae := func(want int, args ...string) string {
		t.Helper()
		cmd := exec.Command("mapae", args...)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("mapae %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, want, out)
		}
		if strings.Contains(string(out), "hidden") {
			t.Errorf("the password is in %s", out)
		}
		return string(out)
	}
	serve := []string{"serve", "--origin", newHome(t).origin, "--data", dir, "--key-file", keys, "--database", database}
	if got := mapae(exitMistake, serve...); !strings.Contains(got, "mapae keys new --key-file "+keys) {
		t.Errorf("without a key file: %s", got)
	}
	if _, err := os.Stat(keys); !os.IsNotExist(err) {
		t.Errorf("a key file was made: %v", err)
	}
	mapae(exitDone, "keys", "new", "--key-file", keys)
	if info, err := os.Stat(keys); err != nil || info.Mode() != 0o600 {
		t.Errorf("the key file: %v, %v", info, err)
	}
	if got := mapae(exitFailed, "keys", "new", "--key-file", keys); !strings.Contains(got, "exists") {
		t.Errorf("over another: %s", got)
	}
	if got := mapae(exitFailed, serve...); !strings.Contains(got, "refused") {
		t.Errorf("without a server: %s", got)
	}
}

func TestMigrateTellsAndPrintsAndDoes(t *testing.T) {
	t.Parallel()
	_, err := pgtest.Find()
	pgtest.Needs(t, err)
	c, err := pgtest.New("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"--status"}, "tables: version 0, this program works with 4\n"},
		{[]string{"--print"}, "CREATE TABLE mapae_users (\n    id                BYTEA"},
		{[]string{"--status"}, "tables: version 0, this program works with 4\n"},
		{nil, "tables: version 4, this program works with 4\n"},
		{nil, "tables: version 4, this program works with 4\n"},
	} {
		out, err := exec.Command("mapae", append([]string{"migrate", "--database", c.URL("postgres")}, step.args...)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), step.want) {
			t.Errorf("migrate %v: %v, want %q\n%s", step.args, err, step.want, out)
		}
	}
}
