package postgres_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/pgtest"
	"github.com/mapae/mapae/postgres"
)

// failovers is how often a primary is killed: MAPAE_FAILOVERS, or 1.
func failovers(t *testing.T) int {
	t.Helper()
	text := os.Getenv("MAPAE_FAILOVERS")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("MAPAE_FAILOVERS is %q, not a number of failovers", text)
	}
	return n
}

// A primary with a synchronous standby is killed under load, and the standby
// promoted: every sign-up, passkey, sign-in and spent code that was
// acknowledged is there, on the connections that the same store makes anew.
func TestAFailoverLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	needed(t)
	n := failovers(t)
	for range n {
		failOver(t)
	}
	if !t.Failed() {
		t.Logf("proven: %d", n)
	}
}

// pair starts a primary whose commits wait for a standby.
func pair(t *testing.T) (primary, standby *pgtest.Cluster) {
	t.Helper()
	primary = ownCluster(t)
	standby, err := primary.Standby()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := standby.Close(); err != nil {
			t.Error(err)
		}
	})
	url := primary.URL("postgres")
	run(t, url, "ALTER SYSTEM SET synchronous_standby_names = '"+pgtest.StandbyName+"'", "SELECT pg_reload_conf()")
	wait(t, func() error {
		if count(t, url, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 0 {
			return errors.New("the standby is not synchronous yet")
		}
		return nil
	})
	return primary, standby
}

func failOver(t *testing.T) {
	t.Helper()
	primary, standby := pair(t)
	s := open(t, pgtest.URL("postgres", []*pgtest.Cluster{primary, standby}, "target_session_attrs", "read-write"))
	var load sync.WaitGroup
	stop := make(chan struct{})
	end := sync.OnceFunc(func() { close(stop); load.Wait() })
	defer end()
	all := make([]writes, 8)
	var acknowledged, latest atomic.Int64 // how many, and when
	for i := range all {
		load.Go(func() {
			for n := i; ; n += len(all) {
				select {
				case <-stop:
					return
				default:
				}
				if all[i].live(t, s, n) {
					acknowledged.Add(1)
					latest.Store(time.Now().UnixNano())
				}
			}
		})
	}
	more := func(n int64) {
		before := acknowledged.Load()
		wait(t, func() error {
			if acknowledged.Load() < before+n {
				return errors.New("too few writes are acknowledged")
			}
			return nil
		})
	}
	more(50)
	if err := primary.Stop(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	if err := standby.Promote(); err != nil {
		t.Fatal(err)
	}
	promoted := time.Now()
	more(1)
	back := time.Unix(0, latest.Load())
	more(50)
	end()
	kept := 0
	for i := range all {
		kept += all[i].check(t, s)
	}
	t.Logf("failover: %d acknowledged writes are there, 0 lost; %.2f s from the kill to the next acknowledged write, %.2f s of them until the standby was promoted",
		kept, back.Sub(killed).Seconds(), promoted.Sub(killed).Seconds())
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// writes are the people that one goroutine signs up, and what of them was
// acknowledged.
type writes struct{ signedUp, used, signedIn []int }

func secretOf(n int) mapae.Secret {
	return mapae.Secret{ID: "code" + string(number(n)), UserID: person(n).ID, Kind: mapae.SecretRecoveryCode, Data: number(n)}
}

// live is the n-th person's life: sign-up with a passkey and a code, sign-in,
// use of the code. It reports whether all of it was acknowledged.
func (w *writes) live(t *testing.T, s mapae.Store, n int) bool {
	ctx := context.WithoutCancel(t.Context())
	err := s.Update(ctx, func(tx mapae.Tx) error {
		return errors.Join(tx.AddUser(ctx, person(n)), tx.AddCredential(ctx, key(n)), tx.AddSecret(ctx, secretOf(n)))
	})
	if err != nil {
		return false
	}
	w.signedUp = append(w.signedUp, n)
	v, err := s.Admit(ctx, signIn(n, 1, n))
	if err != nil {
		return false
	}
	if !v.Admitted() {
		t.Errorf("person %d: verdict %d", n, v)
	}
	w.signedIn = append(w.signedIn, n)
	err = s.Update(ctx, func(tx mapae.Tx) error {
		first, err := tx.UseSecret(ctx, person(n).ID, secretOf(n).ID, time.UnixMicro(1))
		if err == nil && !first {
			t.Errorf("person %d: the code was used before", n)
		}
		return err
	})
	if err != nil {
		return false
	}
	w.used = append(w.used, n)
	return true
}

// check demands all that was acknowledged, and returns how many things that
// are.
func (w *writes) check(t *testing.T, s *postgres.Store) (kept int) {
	t.Helper()
	for _, n := range w.signedUp {
		if _, u, err := s.Credential(t.Context(), key(n).ID); err != nil || u.ID != person(n).ID {
			t.Errorf("person %d, who was signed up: %v", n, err)
		}
	}
	for _, n := range w.signedIn {
		if got := sessions(t, s, n); got != 1 {
			t.Errorf("person %d has %d sessions", n, got)
		}
		again := signIn(n, 2, n)
		if v, err := s.Admit(t.Context(), again); err != nil || v != mapae.VerdictSpent {
			t.Errorf("what was spent once more: verdict %d, %v", v, err)
		}
	}
	for _, n := range w.used {
		err := s.Update(t.Context(), func(tx mapae.Tx) error {
			first, err := tx.UseSecret(t.Context(), person(n).ID, secretOf(n).ID, time.UnixMicro(2))
			if err == nil && first {
				t.Errorf("person %d: a code that was spent is not", n)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	return len(w.signedUp) + len(w.signedIn) + len(w.used)
}

// A node that is given both hosts is never led to the one that only reads.
func TestAStandbyIsNeverWrittenTo(t *testing.T) {
	t.Parallel()
	needed(t)
	primary, standby := pair(t)
	s := open(t, pgtest.URL("postgres", []*pgtest.Cluster{standby, primary}, "target_session_attrs", "read-write"))
	people(t, s, 1)
	if v, err := s.Admit(t.Context(), signIn(0, 1, 1)); err != nil || !v.Admitted() {
		t.Errorf("verdict %d, %v", v, err)
	}
	c, err := pgx.Connect(t.Context(), standby.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	wait(t, func() error {
		var n int
		err := c.QueryRow(t.Context(), "SELECT count(*) FROM mapae_sessions").Scan(&n)
		if err == nil && n == 0 {
			err = errors.New("the session is not on the standby yet")
		}
		return err
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
