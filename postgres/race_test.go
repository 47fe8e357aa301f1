package postgres_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mapae/mapae"
)

// count asks for one number on a connection of its own.
func count(t testing.TB, url, sql string) (n int64) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if err := c.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Sign-ins, step-ups and removals of one user's things at the same time: all
// lock the user first, so that none waits for one who waits for it.
func TestWhoMeetsAtOneUserDoesNotDeadlock(t *testing.T) {
	t.Parallel()
	c := shared.Cluster(t)
	if err := c.Create("deadlocks"); err != nil {
		t.Fatal(err)
	}
	url := c.URL("deadlocks")
	s := open(t, url)
	const rounds = 50
	people(t, s, rounds)
	for n := range rounds {
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				var err error
				switch i % 4 {
				case 0:
					_, err = s.Admit(t.Context(), signIn(n, i, n*100+i))
				case 1:
					err = s.Update(t.Context(), func(tx mapae.Tx) error {
						_, err := tx.Admit(t.Context(), signIn(n, i, n*100+i))
						return err
					})
				case 2:
					err = s.Update(t.Context(), func(tx mapae.Tx) error {
						_, err := tx.LockUser(t.Context(), person(n).ID)
						return errors.Join(err, tx.RenameCredential(t.Context(), person(n).ID, key(n).ID, "renamed"))
					})
				case 3:
					a := signIn(n, 1<<20+i, n*100+i)
					if _, err = s.Admit(t.Context(), a); err == nil {
						a.Rotate, a.Spend, a.Event.ID = &a.Session.TokenHash, nil, a.Event.ID+"r"
						_, err = s.Admit(t.Context(), a)
					}
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n := count(t, c.URL("postgres"), "SELECT deadlocks FROM pg_stat_database WHERE datname = 'deadlocks'"); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}

// A name is compared in the statement; one that is taken while it runs makes it
// run again, and is then seen.
func TestARaceForANameHasOneWinnerAndTellsTheOthers(t *testing.T) {
	t.Parallel()
	s := open(t, place(t))
	const racers = 16
	people(t, s, racers)
	for round := range 20 {
		var all sync.WaitGroup
		won := make([]bool, racers)
		for i := range racers {
			all.Go(func() {
				u := person(i)
				u.LoginKey = string(rune('가' + round))
				err := s.Update(t.Context(), func(tx mapae.Tx) error { return tx.UpdateUser(t.Context(), u) })
				if won[i] = err == nil; !won[i] && !errors.Is(err, mapae.ErrExists) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		winners := 0
		for _, w := range won {
			if w {
				winners++
			}
		}
		if winners != 1 {
			t.Errorf("%d winners", winners)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Two transactions that lock two users crosswise: PostgreSQL breaks one off,
// which is run again.
func TestATransactionThatIsBrokenOffRunsAgain(t *testing.T) {
	t.Parallel()
	s := open(t, place(t))
	people(t, s, 2)
	runs := make([]int, 2)
	var all, met sync.WaitGroup
	met.Add(2)
	for i := range 2 {
		all.Go(func() {
			err := s.Update(t.Context(), func(tx mapae.Tx) error {
				runs[i]++
				if _, err := tx.LockUser(t.Context(), person(i).ID); err != nil {
					return err
				}
				if runs[i] == 1 {
					met.Done()
					met.Wait()
				}
				_, err := tx.LockUser(t.Context(), person(1-i).ID)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if runs[0]+runs[1] != 3 {
		t.Errorf("they ran %d and %d times, want one of them twice", runs[0], runs[1])
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
