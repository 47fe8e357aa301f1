package main

import (
	"bytes"
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
	"github.com/mapae/mapae/webauthntest"
)

// alternating sends each request to the next of the servers.
type alternating struct {
	forwarded
	servers []*process
	turn    atomic.Uint32
}

func (a *alternating) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	to := a.servers[int(a.turn.Add(1))%len(a.servers)]
	r.URL.Host = strings.TrimPrefix(to.origin, "http://")
	r.Host = r.URL.Host
	return a.forwarded.RoundTrip(r)
}

// pair starts two servers on one database, each with a key file of its own.
func pair(t *testing.T) (at home, servers []*process, keyFiles []string) {
	t.Helper()
	at, other := newHome(t), newHome(t)
	for i, h := range []home{at, other} {
		keys := filepath.Join(h.dir, "keys")
		flags := []string{"--origin", []string{other.origin, at.origin}[i], "--database", filepath.Join(at.dir, "mapae.db"), "--key-file", keys}
		if i > 0 {
			text, err := os.ReadFile(keyFiles[0])
			if err == nil {
				err = os.WriteFile(keys, text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		servers, keyFiles = append(servers, start(t, h, nil, flags...)), append(keyFiles, keys)
	}
	return at, servers, keyFiles
}

// keysCLI runs mapae keys and returns what it printed.
func keysCLI(t *testing.T, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("mapae", append([]string{"keys"}, args...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("mapae keys %v: %v\n%s", args, err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// Two servers, one database: a root key is added, promoted and retired, while
// people begin on one server and finish on the other. Nobody is refused.
func TestTwoServersRotateTheirKeysWithoutAFailedSignIn(t *testing.T) {
	t.Parallel()
	at, servers, files := pair(t)
	keys, err := mapae.LoadKeys(files[0])
	if err != nil {
		t.Fatal(err)
	}
	old := keys[0].ID()
	var people sync.WaitGroup
	var signIns atomic.Int64
	end := make(chan struct{})
	defer people.Wait()
	defer sync.OnceFunc(func() { close(end) })()
	for i := range 3 {
		key := webauthntest.New(at.origin)
		c := servers[0].app(key, nil)
		c.HTTP = &http.Client{Transport: &alternating{servers: servers}, Timeout: 10 * time.Second}
		if _, err := c.SignUp(t.Context(), string(rune('a'+i))+"@example.com", "Ada"); err != nil {
			t.Fatal(err)
		}
		people.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				if _, err := c.SignIn(t.Context()); err != nil {
					t.Errorf("sign-in %d: %v", signIns.Load(), err)
					return
				}
				signIns.Add(1)
			}
		})
	}
	// reload gives both servers a key file, one after the other, and lets people
	// sign in after each.
	reload := func(seals, opens string) {
		t.Helper()
		text, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range servers {
			if err := os.WriteFile(files[i], text, 0o600); err != nil {
				t.Fatal(err)
			}
			s.signal(t, syscall.SIGHUP)
			s.waitFor(t, `msg="the root keys were read anew" seals=`+seals+" opens="+opens+"\n")
			for want, late := signIns.Load()+9, time.Now().Add(30*time.Second); signIns.Load() < want && !t.Failed(); time.Sleep(time.Millisecond) {
				if time.Now().After(late) {
					t.Fatal("the sign-ins stand still")
				}
			}
		}
	}
	files0 := []string{"--key-file", files[0]}
	fresh := keysCLI(t, append([]string{"add"}, files0...)...)
	reload(old, fresh)
	keysCLI(t, append([]string{"promote"}, files0...)...)
	reload(fresh, old)
	told := keysCLI(t, append([]string{"retire", old, "--yes", "--database", filepath.Join(at.dir, "mapae.db")}, files0...)...)
	if want := "30 recovery codes of 3 people end: a@example.com, b@example.com, c@example.com; tell them"; !strings.Contains(told, want) {
		t.Errorf("retire tells\n%s", told)
	}
	reload(fresh, `""`)
	t.Logf("proven: %d", signIns.Load())
}

func TestAKeyFileThatCanNotBeTakenChangesNothing(t *testing.T) {
	t.Parallel()
	at, f := newHome(t), new(forwarded)
	s := start(t, at, nil)
	file := filepath.Join(at.dir, "mapae.keys")
	key := webauthntest.New(s.origin)
	c := s.app(key, f)
	if _, err := c.SignUp(t.Context(), "ada@example.com", "Ada"); err != nil {
		t.Fatal(err)
	}
	options, err := c.BeginSignIn(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"secret\n", "seal AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		before := strings.Count(s.out.String(), "the root keys stay as they are")
		s.signal(t, syscall.SIGHUP)
		for end := time.Now().Add(30 * time.Second); strings.Count(s.out.String(), "the root keys stay as they are") == before; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("it was not logged:\n%s", &s.out)
			}
		}
	}
	for _, why := range []string{"line 1: a key starts with", "which is not among the keys given"} {
		if !strings.Contains(s.out.String(), why) {
			t.Errorf("the log lacks %q:\n%s", why, &s.out)
		}
	}
	answer, err := key.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.FinishSignIn(t.Context(), answer); err != nil {
		t.Errorf("a sign-in that was under way: %v", err)
	}
}
