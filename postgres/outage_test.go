package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

func TestADatabaseThatHangsIsAnsweredForWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	direct := place(t)
	p := newProxy(t, shared.Cluster(t))
	s := open(t, p.url(t, direct))
	people(t, s, 1)
	goOn := p.hang()
	calls := map[string]func() error{
		"ping":       func() error { return s.Ping(t.Context()) },
		"read":       func() error { return second(s.User(t.Context(), person(0).ID)) },
		"admit":      func() error { return second(s.Admit(t.Context(), signIn(0, 1, 1))) },
		"update":     func() error { return s.Update(t.Context(), func(mapae.Tx) error { return nil }) },
		"sweep":      func() error { return second(s.Sweep(t.Context(), mapae.SweepPlan{SpentBefore: end, Limit: 1})) },
		"the second": func() error { return s.Ping(t.Context()) },
	}
	var all sync.WaitGroup
	for name, call := range calls {
		all.Go(func() {
			begun := time.Now()
			err := call()
			broken(t, name, err)
			if took := time.Since(begun); took > 4*time.Second {
				t.Errorf("%s took %v", name, took)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v looks like the end of the caller's own context", name, err)
			}
		})
	}
	all.Wait()
	goOn()
	wait(t, func() error { return s.Ping(t.Context()) })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestACallersOwnEndIsItsOwn(t *testing.T) {
	t.Parallel()
	direct := place(t)
	p := newProxy(t, shared.Cluster(t))
	s := open(t, p.url(t, direct))
	goOn := p.hang()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ping: %v", err)
	}
	goOn()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestNothingIsToldOfAServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	c := ownCluster(t, "fsync=off")
	s := open(t, c.URL("postgres"))
	people(t, s, 1)
	for round, with := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		if err := c.Stop(with); err != nil {
			t.Fatal(err)
		}
		for range 40 {
			begun := time.Now()
			_, err := s.Admit(t.Context(), signIn(0, 100+round, 100+round))
			broken(t, "admit", err)
			broken(t, "update", s.Update(t.Context(), func(tx mapae.Tx) error { return tx.AddUser(t.Context(), person(1)) }))
			_, err = s.User(t.Context(), person(0).ID)
			broken(t, "read", err)
			if took := time.Since(begun); took > 5*time.Second {
				t.Fatalf("%v: three calls took %v", with, took)
			}
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		wait(t, func() error { return s.Ping(t.Context()) })
		if got := sessions(t, s, 0); got != round {
			t.Errorf("%d sessions, want %d", got, round)
		}
		if v, err := s.Admit(t.Context(), signIn(0, round, round)); err != nil || v != mapae.VerdictAdmitted {
			t.Errorf("after the restart: verdict %d, %v", v, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// kills is how often the server is killed: MAPAE_KILLS, or 5.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("MAPAE_KILLS")
	if text == "" {
		return 5
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("MAPAE_KILLS is %q, not a number of kills", text)
	}
	return n
}

// Under load the server is killed and started again and again: what was
// acknowledged is there, nothing is spent twice, and the store heals.
func TestWhatWasAcknowledgedSurvivesAKillOfTheServer(t *testing.T) {
	t.Parallel()
	const users = 8
	rounds := kills(t)
	c := ownCluster(t)
	s := open(t, c.URL("postgres"))
	people(t, s, users)
	var acknowledged [users]atomic.Int64 // sign-ins of each user
	var sent [users]atomic.Int64
	stop := make(chan struct{})
	var all sync.WaitGroup
	for u := range users {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				i := int(sent[u].Add(1))
				if v, err := s.Admit(t.Context(), signIn(u, i, u<<32+i)); err == nil {
					if v != mapae.VerdictAdmitted {
						t.Errorf("verdict %d", v)
					}
					acknowledged[u].Add(1)
				} else {
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
	for range rounds {
		before := acknowledged[0].Load()
		wait(t, func() error {
			if n := acknowledged[0].Load() - before; n < 20 {
				return fmt.Errorf("%d sign-ins since the last kill", n)
			}
			return nil
		})
		if err := c.Stop(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		wait(t, c.Start)
	}
	close(stop)
	all.Wait()
	total := 0
	for u := range users {
		there, told := sessionsOf(t, s, u), int(acknowledged[u].Load())
		if len(there) < told || len(there) > int(sent[u].Load()) {
			t.Errorf("user %d: %d sessions, %d acknowledged, %d sent", u, len(there), told, sent[u].Load())
		}
		total += told
		for i := range int(sent[u].Load()) {
			first := signIn(u, i+1, u<<32+i+1)
			if !there[first.Session.ID] {
				continue
			}
			again := signIn(u, 1<<30+i, 0)
			again.Spend = first.Spend
			if v, err := s.Admit(t.Context(), again); err != nil || v != mapae.VerdictSpent {
				t.Errorf("what was spent once more: verdict %d, %v", v, err)
			}
		}
	}
	t.Logf("%d acknowledged things were there after %d kills", total, rounds)
	if !t.Failed() {
		t.Logf("proven: %d", rounds)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// The connection is cut after the server was told to commit: nobody knows
// whether it did, and who tries again gets no second session.
func TestASignInWhoseAnswerIsCutMakesNoSecondSession(t *testing.T) {
	t.Parallel()
	direct := place(t)
	p := newProxy(t, shared.Cluster(t))
	s := open(t, p.url(t, direct))
	const n = 40
	people(t, s, n)
	spent := 0
	for u := range n {
		// Every other time the sign-in is a transaction of several statements.
		at := []byte(signIn(u, 1, u).Session.ID)
		call := func(i int) (mapae.Verdict, error) { return s.Admit(t.Context(), signIn(u, i, u)) }
		if u%2 == 1 {
			at = []byte("commit")
			call = func(i int) (v mapae.Verdict, err error) {
				err = s.Update(t.Context(), func(tx mapae.Tx) error {
					v, err = tx.Admit(t.Context(), signIn(u, i, u))
					return err
				})
				return v, err
			}
		}
		p.cutAt(at)
		v, err := call(1)
		p.cutAt(nil)
		if err == nil {
			t.Fatalf("verdict %d, though the answer was cut", v)
		}
		wait(t, func() (err error) { v, err = call(2); return err })
		if got := sessions(t, s, u); got != 1 {
			t.Errorf("%d sessions", got)
		}
		if v == mapae.VerdictSpent {
			spent++
		}
	}
	if p.cuts.Load() != n || spent < n/2 {
		t.Errorf("%d connections were cut, want %d; %d of them after the sign-in had been made", p.cuts.Load(), n, spent)
	}
	t.Logf("proven: %d", n)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

// A server that was demoted refuses writes. Its connections are given up, so
// that the next ones go to whoever takes writes.
func TestAServerThatOnlyReadsIsLeft(t *testing.T) {
	t.Parallel()
	c := shared.Cluster(t)
	if err := c.Create("readonly"); err != nil {
		t.Fatal(err)
	}
	first := open(t, c.URL("readonly"))
	people(t, first, 1)
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	run(t, c.URL("postgres"), "ALTER DATABASE readonly SET default_transaction_read_only = on")
	s := open(t, c.URL("readonly", "pool_max_conns", "1"))
	refused := func() {
		t.Helper()
		_, err := s.Admit(t.Context(), signIn(0, 1, 1))
		broken(t, "admit", err)
		broken(t, "update", s.Update(t.Context(), func(tx mapae.Tx) error { return tx.AddUser(t.Context(), person(1)) }))
		if _, err := s.User(t.Context(), person(0).ID); err != nil {
			t.Errorf("read: %v", err)
		}
	}
	refused()
	refused()
	run(t, c.URL("postgres"), "ALTER DATABASE readonly RESET default_transaction_read_only")
	_, err := s.Admit(t.Context(), signIn(0, 1, 1))
	broken(t, "admit on the old connection", err)
	if v, err := s.Admit(t.Context(), signIn(0, 1, 1)); err != nil || !v.Admitted() {
		t.Errorf("on a new connection: verdict %d, %v", v, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
