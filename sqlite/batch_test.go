package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

var errMine = errors.New("it failed after its write")

// part is a member of a batch in these tests: it writes the event of its number.
type part struct {
	ours   bool
	fails  bool // after the write
	panics bool // likewise
	undoes bool // the whole transaction, as SQLite does itself when a disk fails
	runs   int  // how often it ran
	err    error
}

func (p *part) run(g group, n int) func(mapae.Tx) error {
	return func(tx mapae.Tx) error {
		p.runs++
		if err := addEvent(g.Context(), tx, n); err != nil {
			return err
		}
		switch {
		case p.panics:
			panic("mine")
		case p.undoes:
			_, err := g.writer.conn.Exec(g.Context(), undoBatch)
			return err
		case p.fails:
			return errMine
		}
		return nil
	}
}

// together has all parts wait for the writer, in order, and lets them go. The
// first of them leads, and so runs last. Whoever is told that it is done must
// be seen by a reader.
func (g group) together(parts []*part) {
	g.Helper()
	release := g.hold()
	var wg sync.WaitGroup
	for n, p := range parts {
		wg.Go(func() {
			defer func() {
				if got := recover(); got != nil {
					p.err = errPanicked
				}
			}()
			update := g.Update
			if p.ours {
				update = g.writer.updateOurs
			}
			if p.err = update(g.Context(), p.run(g, n)); p.err == nil && !slices.Contains(g.stored(), n) {
				g.Errorf("%d was told that it is done before it was committed", n)
			}
		})
		g.waiting(n + 1)
	}
	release()
	wg.Wait()
}

// stored returns the numbers of the events that are stored.
func (g group) stored() (all []int) {
	list, err := g.Events(g.Context(), "", "", 1000)
	if err != nil {
		g.Error(err)
	}
	for _, e := range list {
		n := 0
		if _, err := fmt.Sscanf(string(e.ID), "%d", &n); err != nil {
			g.Error(err)
		}
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

// In these batches each letter is a member, the leader first, which runs last.
// a: a caller's function. o: one of ours. A, O: one that fails. p: one of ours
// that panics, as none should. u: undoes the transaction.
func TestOneThatFailsInABatchLeavesNothingAndTheOthersAreThere(t *testing.T) {
	for batch, runs := range map[string]string{
		"ooooo":   "11111",
		"aaaaa":   "11111",
		"aaAaa":   "11111",
		"ooOoo":   "12211", // what ran before it runs again, in savepoints; what comes after shares anew
		"Ooooo":   "22222",
		"oOOoo":   "12211",
		"oOoOo":   "12221",
		"oOooO":   "12222", // the second that fails has only those after the first run again
		"oaoOo":   "11221", // a caller's function runs once
		"ooaOo":   "11121", // and so does what came before it
		"aoOao":   "12211",
		"aOaOa":   "12121",
		"poooo":   "12222", // the leader's own panic comes last
		"OOOOO":   "22222",
		"oAoAo":   "11111",
		"aaooOAo": "1122211",
	} {
		t.Run(batch, func(t *testing.T) {
			g := newGroup(t)
			var parts []*part
			var want []int
			for n, c := range batch {
				parts = append(parts, &part{ours: strings.ContainsRune("oOp", c), fails: strings.ContainsRune("AO", c), panics: c == 'p'})
				if c == 'a' || c == 'o' {
					want = append(want, n)
				}
			}
			before := g.commits()
			g.together(parts)
			if got := g.stored(); !slices.Equal(got, want) {
				t.Errorf("stored are %v, want %v", got, want)
			}
			got := ""
			for n, p := range parts {
				got += fmt.Sprint(p.runs)
				if wrong := map[bool]error{true: errMine}[p.fails]; !p.panics && p.err != wrong {
					t.Errorf("%d was told %v, want %v", n, p.err, wrong)
				}
			}
			if got != runs {
				t.Errorf("they ran %s times, want %s", got, runs)
			}
			if parts[0].panics && parts[0].err != errPanicked {
				t.Error("the panic went nowhere")
			}
			if got := g.commits() - before; len(want) > 0 && got != 1 {
				t.Errorf("%d commits", got)
			}
		})
	}
}

func TestABatchThatWasUndoneFailsForAll(t *testing.T) {
	for _, batch := range []string{"uoaoo", "ouaoo", "oooua", "oouoo"} {
		t.Run(batch, func(t *testing.T) {
			g := newGroup(t)
			var parts []*part
			for _, c := range batch {
				parts = append(parts, &part{ours: c != 'a', undoes: c == 'u'})
			}
			g.together(parts)
			for n, p := range parts {
				if p.err == nil {
					t.Errorf("%d succeeded", n)
				}
			}
			if got := g.stored(); len(got) != 0 {
				t.Errorf("%v stayed", got)
			}
			if err := g.writer.updateOurs(t.Context(), func(tx mapae.Tx) error { return addEvent(t.Context(), tx, 9) }); err != nil {
				t.Errorf("the next one: %v", err)
			}
		})
	}
}

// Another program has the file's write lock for longer than is waited for.
func TestWhatCantBeginWritesNothing(t *testing.T) {
	g := newGroup(t)
	if _, err := g.writer.conn.Exec(t.Context(), "PRAGMA busy_timeout = 1"); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", g.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	p := &part{ours: true}
	if err := g.writer.updateOurs(t.Context(), p.run(g, 1)); err == nil || p.runs != 0 || !strings.Contains(err.Error(), "BEGIN IMMEDIATE: database is locked") {
		t.Errorf("it ran %d times and says %v", p.runs, err)
	}
	if _, err := db.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := g.writer.updateOurs(t.Context(), p.run(g, 1)); err != nil || len(g.stored()) != 1 {
		t.Errorf("afterwards: %v, %v stored", err, g.stored())
	}
}

// A sign-in whose session can't be stored has spent nothing and used nothing,
// and those beside it are admitted, with the verdicts of the last time they ran.
func TestASignInThatFailsAfterItsSpendLeavesTheSpend(t *testing.T) {
	g := newGroup(t)
	u, end := mapae.User{ID: "u", LoginKey: "u"}, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := g.Update(t.Context(), func(tx mapae.Tx) error { return tx.AddUser(t.Context(), u) }); err != nil {
		t.Fatal(err)
	}
	signIn := func(n int) mapae.Admission {
		id := fmt.Sprintf("%016d", n)
		a := mapae.Admission{
			Spend:   &mapae.Spend{Kind: mapae.SpendChallenge, ID: []byte(id), Until: end},
			Session: mapae.Session{ID: mapae.SessionID(id), UserID: u.ID, IdleEndsAt: end, EndsAt: end},
			Event:   mapae.Event{ID: mapae.EventID(id), UserID: u.ID},
		}
		a.Outcomes[mapae.VerdictAdmitted].Type = mapae.EventSignIn
		return a
	}
	if v, err := g.Admit(t.Context(), signIn(0)); err != nil || !v.Admitted() {
		t.Fatal(v, err)
	}
	failing, again := signIn(2), signIn(4)
	failing.Session.ID = signIn(0).Session.ID
	again.Spend = signIn(1).Spend
	all := []mapae.Admission{signIn(3), signIn(1), failing, again, signIn(5)} // the first leads, and is last
	want := []mapae.Verdict{mapae.VerdictAdmitted, mapae.VerdictAdmitted, 0, mapae.VerdictSpent, mapae.VerdictAdmitted}
	release := g.hold()
	var wg sync.WaitGroup
	for i, a := range all {
		wg.Go(func() {
			v, err := g.Admit(t.Context(), a)
			if failed := i == 2; failed != (err != nil) || !failed && v != want[i] {
				t.Errorf("%d: verdict %d, %v", i, v, err)
			}
		})
		g.waiting(i + 1)
	}
	release()
	wg.Wait()
	if got := g.stored(); !slices.Equal(got, []int{0, 1, 3, 5}) {
		t.Errorf("events of %v", got)
	}
	if v, err := g.Admit(t.Context(), signIn(2)); err != nil || !v.Admitted() {
		t.Errorf("the challenge of the one that failed: verdict %d, %v", v, err)
	}
}
