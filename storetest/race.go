package storetest

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/mapae/mapae"
)

// racers is how many goroutines want the same thing at once.
const racers = 16

var races = []test{
	{"spend one thing once", func(f *fixture) { f.race(raceSpend) }},
	{"admit one challenge once", func(f *fixture) { f.race(raceAdmit) }},
	{"renew one token once", func(f *fixture) { f.race(raceRotate) }},
	{"let one counter value in once", func(f *fixture) { f.race(raceCounter) }},
	{"leave one of the last two credentials", func(f *fixture) { f.race(raceLastTwo) }},
	{"give one login key to one user", func(f *fixture) { f.race(raceLogin) }},
	{"give one credential ID to one user", func(f *fixture) { f.race(raceCredentialID) }},
	{"leave no session that outlives a raised epoch", func(f *fixture) { f.race(raceEpoch) }},
}

// roundsVariable is the environment variable that asks for the long form.
const roundsVariable = "STORETEST_ROUNDS"

// rounds is how often each race is run: STORETEST_ROUNDS, or 200.
func rounds() (int, error) {
	s := os.Getenv(roundsVariable)
	if s == "" {
		return 200, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s is %q, not a number of rounds", roundsVariable, s)
	}
	return n, nil
}

// race runs every round of one race.
func (f *fixture) race(round func(f *fixture, n int)) {
	f.Helper()
	total, err := rounds()
	if err != nil {
		f.Fatal(err)
	}
	for n := range total {
		if round(f, n); f.Failed() {
			f.Fatalf("lost in round %d", n)
		}
	}
	f.Logf("proven: %d", total)
}

// at runs do in all racers at once and returns how many won.
func (f *fixture) at(do func(i int) (won bool, err error)) int {
	f.Helper()
	var wins atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range racers {
		wg.Go(func() {
			<-start
			won, err := do(i)
			if err != nil {
				f.Errorf("racer %d: %v", i, err)
			}
			if won {
				wins.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(wins.Load())
}

// unless returns whether do's transaction won: nil is a win, lost is not,
// another error is one.
func (f *fixture) unless(lost error, do func(tx mapae.Tx) error) (bool, error) {
	err := f.store.Update(f.ctx, do)
	if is(err, lost) {
		return false, nil
	}
	return err == nil, err
}

func (f *fixture) once(wins int) {
	f.Helper()
	f.same("winners", wins, 1)
}

func raceSpend(f *fixture, n int) {
	f.once(f.at(func(int) (first bool, err error) {
		err = f.store.Update(f.ctx, func(tx mapae.Tx) (err error) {
			first, err = tx.Spend(f.ctx, *newSpend(n))
			return err
		})
		return first, err
	}))
}

// admitAt lets all racers admit what adm makes for each.
func (f *fixture) admitAt(adm func(i int) mapae.Admission) int {
	f.Helper()
	return f.at(func(i int) (bool, error) {
		v, err := f.store.Admit(f.ctx, adm(i))
		return v.Admitted() && err == nil, err
	})
}

// stage adds the n-th user and credential.
func (f *fixture) stage(n int) (mapae.User, mapae.Credential) {
	f.Helper()
	u := newUser(n)
	c := newCredential(u, n)
	f.add(u, c)
	return u, c
}

// count returns how many sessions a user has.
func (f *fixture) count(u mapae.User) int {
	f.Helper()
	list, err := f.store.Sessions(f.ctx, u.ID, when(0))
	f.answers("Sessions", err, nil)
	return len(list)
}

func raceAdmit(f *fixture, n int) {
	u, c := f.stage(n)
	f.once(f.admitAt(func(i int) mapae.Admission {
		adm := newAdmission(u, c, n*racers+i)
		adm.Spend, adm.Use.SignCount = newSpend(n), uint32(8+i)
		return adm
	}))
	f.same("sessions", f.count(u), 1)
}

func raceRotate(f *fixture, n int) {
	u, c := f.stage(n)
	first := newAdmission(u, c, n)
	f.signIn(first)
	f.once(f.admitAt(func(i int) mapae.Admission {
		adm := mapae.Admission{Session: newSession(u, (n+1)*1_000_000+i), Rotate: &first.Session.TokenHash}
		adm.Session.ID = first.Session.ID
		return adm
	}))
	f.same("sessions", f.count(u), 1)
}

func raceCounter(f *fixture, n int) {
	u, c := f.stage(n)
	f.once(f.admitAt(func(i int) mapae.Admission { return newAdmission(u, c, n*racers+i) }))
	f.same("sessions", f.count(u), 1)
}

func raceLastTwo(f *fixture, n int) {
	u, c := f.stage(2 * n)
	d := newCredential(u, 2*n+1)
	f.add(d)
	f.once(f.at(func(i int) (bool, error) {
		id := [][]byte{c.ID, d.ID}[i%2]
		return f.unless(errChanged, func(tx mapae.Tx) error {
			if _, err := tx.LockUser(f.ctx, u.ID); err != nil {
				return err
			}
			list, err := tx.Credentials(f.ctx, u.ID)
			if err != nil {
				return err
			}
			if len(list) < 2 {
				return errChanged
			}
			return tx.RemoveCredential(f.ctx, u.ID, id)
		})
	}))
	list, err := f.store.Credentials(f.ctx, u.ID)
	f.answers("Credentials", err, nil)
	f.same("credentials left", len(list), 1)
}

func raceLogin(f *fixture, n int) {
	f.once(f.at(func(i int) (bool, error) {
		u := newUser(n*racers + i)
		u.LoginKey = fmt.Sprint("wanted ", n)
		return f.unless(mapae.ErrExists, func(tx mapae.Tx) error { return tx.AddUser(f.ctx, u) })
	}))
}

func raceCredentialID(f *fixture, n int) {
	a, b := newUser(2*n), newUser(2*n+1)
	f.add(a, b)
	f.once(f.at(func(i int) (bool, error) {
		c := newCredential([]mapae.User{a, b}[i%2], n)
		return f.unless(mapae.ErrExists, func(tx mapae.Tx) error { return tx.AddCredential(f.ctx, c) })
	}))
}

func raceEpoch(f *fixture, n int) {
	u, c := f.stage(n)
	f.once(f.at(func(i int) (bool, error) {
		if i == racers/2 {
			return true, f.store.Update(f.ctx, func(tx mapae.Tx) error {
				now, err := tx.LockUser(f.ctx, u.ID)
				if err != nil {
					return err
				}
				now.Epoch++
				return tx.UpdateUser(f.ctx, now)
			})
		}
		adm := newAdmission(u, c, n*racers+i)
		adm.Use.SignCount = uint32(8 + i)
		_, err := f.store.Admit(f.ctx, adm)
		return false, err
	}))
	f.same("sessions", f.count(u), 0)
}
