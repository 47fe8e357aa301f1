package sqlite_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/sqlite"
)

// childFile tells a run of this test binary to be the process that is killed,
// and in which file to write.
const childFile = "MAPAE_SQLITE_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		first, err := strconv.Atoi(os.Getenv(childFile + "_FIRST"))
		if err == nil {
			err = writeForEver(context.Background(), path, first)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// proof is what the child writes for n: a user, and the end of a sign-up that
// spends a thing and makes a session.
func proof(n int) (mapae.User, mapae.Admission) {
	id := binary.BigEndian.AppendUint64([]byte("child..."), uint64(n))
	end := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	u := mapae.User{ID: mapae.UserID(id), LoginKey: string(id)}
	a := mapae.Admission{
		Spend:   &mapae.Spend{Kind: mapae.SpendChallenge, ID: id, Until: end},
		Session: mapae.Session{ID: mapae.SessionID(id), UserID: u.ID, IdleEndsAt: end, EndsAt: end},
		Event:   mapae.Event{ID: mapae.EventID(id), UserID: u.ID},
	}
	a.Outcomes[mapae.VerdictAdmitted].Type = mapae.EventSignUp
	return u, a
}

// admitted is an error for every verdict that admits nobody.
func admitted(v mapae.Verdict, err error) error {
	if err == nil && !v.Admitted() {
		return fmt.Errorf("verdict %d", v)
	}
	return err
}

// writeForEver writes in eight goroutines and prints each number once its write
// was acknowledged: half of them write in one transaction, half in two. Line by line, unbuffered: what is printed was promised.
func writeForEver(ctx context.Context, path string, first int) error {
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	failed := make(chan error, 8)
	for i := range 8 {
		wg.Go(func() {
			for n := first + i; ; n += 8 {
				u, a := proof(n)
				err := s.Update(ctx, func(tx mapae.Tx) error {
					err := tx.AddUser(ctx, u)
					if err == nil && i%2 == 0 {
						err = admitted(tx.Admit(ctx, a))
					}
					return err
				})
				if err == nil && i%2 == 1 {
					err = admitted(s.Admit(ctx, a))
				}
				if err != nil {
					failed <- err
					return
				}
				fmt.Println(n)
			}
		})
	}
	wg.Wait()
	return <-failed
}

// kills is how often the child is killed: MAPAE_KILLS, or 5.
func kills(t *testing.T) int {
	t.Helper()
	s := os.Getenv("MAPAE_KILLS")
	if s == "" {
		return 5
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("MAPAE_KILLS is %q, not a number of kills", s)
	}
	return n
}

func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mapae.db")
	first, total, there := 1, kills(t), 0
	for round := range total {
		acknowledged := killed(t, path, first, 20+37*round%200)
		if len(acknowledged) == 0 {
			t.Fatal("the child acknowledged nothing")
		}
		s, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		there += len(acknowledged)
		for _, n := range acknowledged {
			kept(t, s, n)
			first = max(first, n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		first += 1000 // past what was written and not acknowledged
	}
	t.Logf("%d acknowledged things were there after %d kills", there, total)
	if !t.Failed() {
		t.Logf("proven: %d", total)
	}
}

// killed runs a child, kills it once it acknowledged so many writes, and
// returns all that it acknowledged.
func killed(t *testing.T, path string, first, after int) (acknowledged []int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path, childFile+"_FIRST="+strconv.Itoa(first))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF { // a line that was cut is no acknowledgement
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(line[:len(line)-1])
		if err != nil {
			t.Fatal(err)
		}
		if acknowledged = append(acknowledged, n); len(acknowledged) == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child was not killed: %v", err)
	}
	return acknowledged
}

// kept demands that all of the n-th write is there.
func kept(t *testing.T, s mapae.Store, n int) {
	t.Helper()
	u, a := proof(n)
	if _, err := s.User(t.Context(), u.ID); err != nil {
		t.Errorf("user %d: %v", n, err)
	}
	if _, _, err := s.Session(t.Context(), a.Session.ID, a.Session.TokenHash, time.Unix(0, 0)); err != nil {
		t.Errorf("session %d: %v", n, err)
	}
	if list, err := s.Events(t.Context(), u.ID, "", 2); err != nil || len(list) != 1 {
		t.Errorf("event %d: %d, %v", n, len(list), err)
	}
	a.Session.ID = "another"
	if v, err := s.Admit(t.Context(), a); err != nil || v != mapae.VerdictSpent {
		t.Errorf("spend %d again: verdict %d, %v", n, v, err)
	}
}
