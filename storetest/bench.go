package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

// benchUsers is how many users, with one passkey each, a benchmark's store has.
const benchUsers = 1000

// Benchmark measures the end of a sign-in (Admit: spend, counter, session,
// event) with 1, 8 and 32 callers waiting at a time, and the look-ups of a
// session and of a credential.
func Benchmark(b *testing.B, s mapae.Store) {
	next := NextAdmission(b, s)
	for _, waiting := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("admit/waiting=%d", waiting), func(b *testing.B) {
			Together(b, waiting, func() error {
				v, err := s.Admit(b.Context(), next())
				if err == nil && !v.Admitted() {
					return fmt.Errorf("verdict %d", v)
				}
				return err
			})
		})
	}
	benchReads(b, s)
}

// nextAdmission returns the n-th sign-in of all: each user in turn, with a
// passkey that does not count, at a time of its own (SQLite skips the write of
// a row that does not change).
func nextAdmission(users []mapae.User, n int) mapae.Admission {
	i := n % len(users)
	adm := newAdmission(users[i], newCredential(users[i], i), n)
	adm.Use.SignCount, adm.Use.At = 0, when(time.Duration(n)*time.Microsecond)
	return adm
}

func populate(b *testing.B, s mapae.Store) []mapae.User {
	b.Helper()
	users := make([]mapae.User, benchUsers)
	err := s.Update(b.Context(), func(tx mapae.Tx) error {
		for i := range users {
			users[i] = newUser(i)
			if err := tx.AddUser(b.Context(), users[i]); err != nil {
				return err
			}
			c := newCredential(users[i], i)
			c.SignCount = 0
			if err := tx.AddCredential(b.Context(), c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return users
}

func benchReads(b *testing.B, s mapae.Store) {
	u := newUser(0)
	x := newSession(u, 1<<40)
	if _, err := s.Admit(b.Context(), bare(x)); err != nil {
		b.Fatal(err)
	}
	b.Run("session", func(b *testing.B) {
		Together(b, 1, func() error {
			_, _, err := s.Session(b.Context(), x.ID, x.TokenHash, when(0))
			return err
		})
	})
	id := newCredential(u, 0).ID
	b.Run("credential", func(b *testing.B) {
		Together(b, 1, func() error {
			_, _, err := s.Credential(b.Context(), id)
			return err
		})
	})
}

// NextAdmission returns a function that makes one sign-in after another, each
// user of the store in turn, for a floor to hold a store against. It adds the
// users first.
func NextAdmission(b *testing.B, s mapae.Store) func() mapae.Admission {
	b.Helper()
	users := populate(b, s)
	var n atomic.Int64
	return func() mapae.Admission { return nextAdmission(users, int(n.Add(1))) }
}

// Together calls do b.N times, from so many goroutines at once, and reports
// calls a second and CPU time a call.
func Together(b *testing.B, goroutines int, do func() error) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64((cpuTime()-before).Microseconds())/float64(b.N), "cpu-µs/call")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
