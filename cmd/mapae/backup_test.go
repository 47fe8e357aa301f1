package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mapae/mapae/internal/pgtest"
	"github.com/mapae/mapae/webauthntest"
)

// command runs mapae to its end, which must be well, and returns what it
// printed.
func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("mapae", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("mapae %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// A backup is taken while people sign up and in. Restored, it holds all that
// was acknowledged before: accounts, and what was spent; and nobody is signed
// in any more.
func TestABackupUnderLoadIsRestored(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(t *testing.T, at home) string{
		"SQLite":     func(_ *testing.T, at home) string { return filepath.Join(at.dir, "mapae.db") },
		"PostgreSQL": postgresDatabase,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, f := newHome(t), new(forwarded)
			database := database(t, at)
			if name == "PostgreSQL" {
				command(t, "keys", "new", "--data", at.dir)
			}
			file := filepath.Join(t.TempDir(), "backup")
			s := start(t, at, nil, "--database", database)
			before := backUpUnderLoad(t, s, f, func() { command(t, "backup", file, "--data", at.dir, "--database", database) })
			s.signal(t, syscall.SIGTERM)
			if got := s.ended(t); got != "exit 0" {
				t.Fatalf("the server ended with %s:\n%s", got, &s.out)
			}
			out := command(t, "restore", file, "--force", "--data", at.dir, "--database", database)
			if !strings.Contains(out, "accounts, restored from "+file) || !strings.Contains(out, "The last event in it is of 20") {
				t.Errorf("restore says\n%s", out)
			}
			s = start(t, at, nil, "--database", database)
			for _, p := range before {
				restored(t, s, p, f)
			}
		})
	}
}

// postgresDatabase returns the URL of a database in a cluster of its own.
func postgresDatabase(t *testing.T, _ home) string {
	t.Helper()
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
	return c.URL("postgres")
}

// backUpUnderLoad lets people sign up and in, takes the backup with others
// still at it, and returns the people as they were when it began.
func backUpUnderLoad(t *testing.T, s *process, f *forwarded, backUp func()) []*person {
	t.Helper()
	var acknowledged atomic.Int32
	use := func(name string, ctx context.Context) (*person, func()) {
		p := &person{email: name + "@example.com", key: webauthntest.New(s.origin)}
		c := s.app(p.key, f)
		return p, func() { p.use(ctx, c, &acknowledged) }
	}
	enough, cancel := context.WithCancel(t.Context())
	var first, rest sync.WaitGroup
	before := make([]*person, 4)
	for i := range before {
		var run func()
		before[i], run = use(fmt.Sprint("before", i), enough)
		first.Go(run)
	}
	for end := time.Now().Add(30 * time.Second); acknowledged.Load() < 40; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d things were acknowledged in 30 s:\n%s", acknowledged.Load(), &s.out)
		}
	}
	cancel()
	first.Wait()
	over, stop := context.WithCancel(t.Context())
	for i := range 4 {
		_, run := use(fmt.Sprint("during", i), over)
		rest.Go(run)
	}
	backUp()
	stop()
	rest.Wait()
	return before
}

// restored demands that what a person was told before the backup holds, but
// that sessions have ended.
func restored(t *testing.T, s *process, p *person, f *forwarded) {
	t.Helper()
	for _, answer := range p.used {
		if got := code(second(s.app(p.key, f).FinishSignIn(t.Context(), answer))); got != "ceremony_invalid" {
			t.Errorf("a spent challenge of %s answers %q", p.email, got)
		}
	}
	for _, token := range p.tokens {
		if live, err := s.live(t.Context(), token, f); err != nil || live {
			t.Errorf("a session of %s is live: %v, %v", p.email, live, err)
		}
	}
	c := s.app(p.key, f)
	if _, err := c.SignIn(t.Context()); err != nil {
		t.Errorf("%s signs in: %v", p.email, err)
	}
	if len(p.used) == 0 || !p.exists {
		t.Errorf("%s did nothing before the backup", p.email)
	}
}

// A file that is made is whole or not there: nothing is left of a backup that
// was killed but a part that says so by its name.
func TestABackupThatIsKilledHasNoName(t *testing.T) {
	t.Parallel()
	at := newHome(t)
	s := start(t, at, nil)
	s.signal(t, syscall.SIGTERM)
	if got := s.ended(t); got != "exit 0" {
		t.Fatalf("the server ended with %s", got)
	}
	file := filepath.Join(t.TempDir(), "backup")
	for wait := time.Duration(0); wait < 40*time.Millisecond; wait += 4 * time.Millisecond {
		cmd := exec.Command("mapae", "backup", file, "--data", at.dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(wait)
		_ = cmd.Process.Kill() // it may have ended
		err := cmd.Wait()
		if _, there := os.Stat(file); there != nil {
			if err == nil {
				t.Error("it ended well and made no file")
			}
			continue
		}
		other := newHome(t)
		copyFile(t, filepath.Join(at.dir, "mapae.keys"), filepath.Join(other.dir, "mapae.keys"))
		command(t, "restore", file, "--data", other.dir)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
