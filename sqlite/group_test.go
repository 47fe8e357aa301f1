package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/sqlstore"
)

// group is a store whose writer can be held, so that others must wait.
type group struct {
	*testing.T
	*Store
	path string
}

func newGroup(t *testing.T) group {
	t.Parallel()
	g := group{T: t, path: filepath.Join(t.TempDir(), "mapae.db")}
	var err error
	if g.Store, err = Open(t.Context(), g.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return g
}

// hold keeps the writer until the function that it returns is called, which
// waits for the holder's transaction to end.
func (g group) hold() (release func()) {
	held, free, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		if err := g.Update(g.Context(), func(mapae.Tx) error {
			close(held)
			<-free
			return nil
		}); err != nil {
			g.Errorf("hold: %v", err)
		}
	}()
	<-held
	return func() { close(free); <-ended }
}

// waiting waits until so many wait for the writer.
func (g group) waiting(n int) {
	g.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		g.writer.mu.Lock()
		got := len(g.writer.queue)
		g.writer.mu.Unlock()
		if got == n {
			return
		}
		if time.Now().After(deadline) {
			g.Fatalf("%d wait, not %d", got, n)
		}
	}
}

func addEvent(ctx context.Context, tx mapae.Tx, n int) error {
	return tx.AddEvent(ctx, mapae.Event{ID: mapae.EventID(fmt.Sprintf("%016d", n)), At: time.UnixMicro(1), Type: "x"})
}

// events returns how many events are stored.
func (g group) events() int {
	g.Helper()
	list, err := g.Events(g.Context(), "", "", 1000)
	if err != nil {
		g.Fatal(err)
	}
	return len(list)
}

// commits counts the commit marks in the write-ahead log: the frames that tell
// a database size (https://www.sqlite.org/fileformat2.html#walformat).
func (g group) commits() (n int) {
	g.Helper()
	wal, err := os.ReadFile(g.path + "-wal")
	if err != nil {
		g.Fatal(err)
	}
	if len(wal) == 0 {
		return 0
	}
	frame := 24 + int(binary.BigEndian.Uint32(wal[8:]))
	for at := 32; at+frame <= len(wal); at += frame {
		if binary.BigEndian.Uint32(wal[at+4:]) != 0 {
			n++
		}
	}
	return n
}

func TestTransactionsThatWaitTogetherAreCommittedTogether(t *testing.T) {
	g := newGroup(t)
	const n = 40
	before := g.commits()
	release := g.hold()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := g.Update(g.Context(), func(tx mapae.Tx) error { return addEvent(g.Context(), tx, i) }); err != nil {
				t.Errorf("update: %v", err)
			}
		})
	}
	g.waiting(n)
	release()
	wg.Wait()
	if got := g.events(); got != n {
		t.Errorf("%d events, want %d", got, n)
	}
	// The holder writes nothing itself and commits some or none of them; the
	// rest goes together.
	if got := g.commits() - before; got > 2 {
		t.Errorf("%d commits for %d transactions that waited together", got, n)
	}
}

func TestContextThatEndsWhileWaitingDoesNotRun(t *testing.T) {
	g := newGroup(t)
	release := g.hold()
	ctx, cancel := context.WithCancel(t.Context())
	var ran atomic.Bool
	answer := make(chan error)
	go func() {
		answer <- g.Update(ctx, func(mapae.Tx) error {
			ran.Store(true)
			return nil
		})
	}()
	g.waiting(1)
	cancel()
	if err := <-answer; !errors.Is(err, context.Canceled) {
		t.Errorf("update: %v", err)
	}
	g.waiting(0)
	release()
	if ran.Load() {
		t.Error("it ran")
	}
}

func TestContextThatEndsWhileRunningIsCompleted(t *testing.T) {
	g := newGroup(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := g.Update(ctx, func(tx mapae.Tx) error {
		cancel()
		return addEvent(ctx, tx, 1)
	})
	if err != nil || g.events() != 1 {
		t.Errorf("update: %v, %d events", err, g.events())
	}
}

func TestPanicOfOneThatWaitsIsItsOwn(t *testing.T) {
	g := newGroup(t)
	release := g.hold()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			defer func() {
				if got := recover(); (got != nil) != (i == 2) {
					t.Errorf("%d: panic %v", i, got)
				}
			}()
			err := g.Update(g.Context(), func(tx mapae.Tx) error {
				if err := addEvent(g.Context(), tx, i); err != nil {
					return err
				}
				if i == 2 {
					panic("mine")
				}
				return nil
			})
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	g.waiting(4)
	release()
	wg.Wait()
	if got := g.events(); got != 3 {
		t.Errorf("%d events, want 3", got)
	}
}

// TestBatchThatCantBeCommittedFailsForAll undoes the whole transaction behind
// the back of one member, as SQLite does itself when a disk fails.
func TestBatchThatCantBeCommittedFailsForAll(t *testing.T) {
	g := newGroup(t)
	release := g.hold()
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			err := g.Update(g.Context(), func(tx mapae.Tx) error {
				err := addEvent(g.Context(), tx, i)
				if i == 3 {
					_, err = g.writer.conn.Exec(g.Context(), undoBatch)
				}
				return err
			})
			if err == nil {
				t.Errorf("%d succeeded", i)
			}
		})
		g.waiting(i + 1)
	}
	release()
	wg.Wait()
	if got := g.events(); got != 0 {
		t.Errorf("%d events stayed", got)
	}
	if err := g.Update(g.Context(), func(tx mapae.Tx) error { return addEvent(g.Context(), tx, 9) }); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

func TestFullDiskIsAnErrorAndNoMoreOnceThereIsRoom(t *testing.T) {
	g := newGroup(t)
	limit := func(pages string) {
		t.Helper()
		if err := g.writer.conn.run("PRAGMA max_page_count = "+pages, nil, func(statement) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // SQLite makes it what the file has now
	fill := func(n int) error {
		return g.Update(g.Context(), func(tx mapae.Tx) error {
			for i := range 300 {
				if err := addEvent(g.Context(), tx, 1000*n+i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := fill(1); err == nil {
		t.Fatal("a full file took 300 events")
	}
	if got := g.events(); got != 0 {
		t.Errorf("%d events stayed", got)
	}
	limit("1000000")
	if err := fill(2); err != nil || g.events() != 300 {
		t.Errorf("with room: %v, %d events", err, g.events())
	}
}

func TestTransactionIsOverWithItsFunction(t *testing.T) {
	g := newGroup(t)
	var kept mapae.Tx
	if err := g.Update(g.Context(), func(tx mapae.Tx) error { kept = tx; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := addEvent(g.Context(), kept, 1); !errors.Is(err, errOver) {
		t.Errorf("a write after the end: %v", err)
	}
	if _, err := kept.User(g.Context(), "x"); !errors.Is(err, errOver) {
		t.Errorf("a read after the end: %v", err)
	}
}

func TestReadersCantWrite(t *testing.T) {
	g := newGroup(t)
	if _, err := g.readers.Exec(g.Context(), "DELETE FROM mapae_events"); err == nil {
		t.Error("a reader wrote")
	}
}

func TestSessionThatIsTouchedWhileItIsSweptLives(t *testing.T) {
	g := newGroup(t)
	end := time.UnixMicro(1000)
	u := mapae.User{ID: "u", LoginKey: "u"}
	x := mapae.Session{ID: "x", UserID: "u", IdleEndsAt: end, EndsAt: end.Add(time.Hour)}
	err := g.Update(g.Context(), func(tx mapae.Tx) error {
		if err := tx.AddUser(g.Context(), u); err != nil {
			return err
		}
		_, err := tx.Admit(g.Context(), mapae.Admission{Session: x})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	touched := func(ctx context.Context, f func(mapae.Tx) error) error {
		return g.Update(ctx, func(tx mapae.Tx) error {
			if err := tx.TouchSession(ctx, x.ID, end, end.Add(time.Minute)); err != nil {
				return err
			}
			return f(tx)
		})
	}
	n, err := sqlstore.Sweep(g.Context(), touched, mapae.SweepPlan{SessionsBefore: end, Limit: 9}, "")
	if n != 0 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	if _, _, err := g.Session(g.Context(), x.ID, x.TokenHash, end); err != nil {
		t.Errorf("the session: %v", err)
	}
}

func TestContextOfALeaderThatEndsBeforeItsOwnTurnDoesNotRun(t *testing.T) {
	g := newGroup(t)
	release := g.hold()
	ctx, cancel := context.WithCancel(t.Context())
	leader, other := make(chan error), make(chan error)
	go func() { leader <- g.Update(ctx, func(tx mapae.Tx) error { return addEvent(ctx, tx, 1) }) }()
	g.waiting(1)
	go func() {
		other <- g.Update(g.Context(), func(tx mapae.Tx) error {
			cancel()
			return addEvent(g.Context(), tx, 2)
		})
	}()
	g.waiting(2)
	release()
	if err := <-leader; !errors.Is(err, context.Canceled) {
		t.Errorf("the leader: %v", err)
	}
	if err := <-other; err != nil {
		t.Errorf("the other: %v", err)
	}
	if got := g.events(); got != 1 {
		t.Errorf("%d events, want 1", got)
	}
}

func TestCloseWaitsForThoseWhoWereLetIn(t *testing.T) {
	g := newGroup(t)
	release := g.hold()
	var ended atomic.Bool
	waited, closed := make(chan error), make(chan error)
	go func() {
		waited <- g.Update(g.Context(), func(tx mapae.Tx) error {
			time.Sleep(20 * time.Millisecond) // a Close that does not wait would be faster
			err := addEvent(g.Context(), tx, 1)
			ended.Store(true)
			return err
		})
	}()
	g.waiting(1)
	go func() {
		err := g.Close()
		if !ended.Load() {
			t.Error("Close did not wait")
		}
		closed <- err
	}()
	shut := func() bool {
		g.writer.mu.Lock()
		defer g.writer.mu.Unlock()
		return g.writer.closed
	}
	for !shut() {
		time.Sleep(time.Millisecond)
	}
	if err := g.Update(g.Context(), func(mapae.Tx) error { return nil }); !errors.Is(err, errClosed) {
		t.Errorf("one that came after Close: %v", err)
	}
	release()
	if err := <-waited; err != nil {
		t.Errorf("one that was let in: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
}
