package storetest

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

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
	{"use one secret once", func(f *fixture) { f.race(raceUseSecret) }},
	{"step a secret once to each step", func(f *fixture) { f.race(raceStepSecret) }},
	{"replace what a secret held once", func(f *fixture) { f.race(raceReplaceSecret) }},
	{"count each failure", func(f *fixture) { f.race(raceFailures) }},
	{"count each failure after a count was removed", func(f *fixture) { f.race(raceFailuresRemoved) }},
	{"leave one recovery of a user", func(f *fixture) { f.race(raceSetRecovery) }},
	{"end one recovery once", func(f *fixture) { f.race(raceRemoveRecovery) }},
	{"give one key of a proven address to one user", func(f *fixture) { f.race(raceEmail) }},
	{"link one identity to one user", func(f *fixture) { f.race(raceIdentity) }},
	{"claim each mail once", func(f *fixture) { f.race(raceClaim) }},
	{"remove one mail once", func(f *fixture) { f.race(raceRemoveMail) }},
	{"suspend before a sign-in or after it", func(f *fixture) { f.race(raceSuspend) }},
	{"leave no session that outlives a raised epoch", func(f *fixture) { f.race(raceEpoch) }},
}

// roundsVariable is the environment variable that asks for the long form.
const roundsVariable = "STORETEST_ROUNDS"

// rounds is how often each race is run: STORETEST_ROUNDS, or 60.
func rounds() (int, error) {
	s := os.Getenv(roundsVariable)
	if s == "" {
		return 60, nil
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

// wonBy returns whether the conditional write of do's transaction wrote.
func (f *fixture) wonBy(do func(tx mapae.Tx) (bool, error)) (wrote bool, err error) {
	err = f.store.Update(f.ctx, func(tx mapae.Tx) (err error) {
		wrote, err = do(tx)
		return err
	})
	return wrote, err
}

func raceUseSecret(f *fixture, n int) {
	u := newUser(n)
	s := newSecret(u, mapae.SecretRecoveryCode, n)
	f.add(u, s)
	f.once(f.at(func(i int) (bool, error) {
		return f.wonBy(func(tx mapae.Tx) (bool, error) {
			return tx.UseSecret(f.ctx, u.ID, s.ID, when(time.Duration(i)*time.Second))
		})
	}))
}

func raceStepSecret(f *fixture, n int) {
	u := newUser(n)
	s := newSecret(u, mapae.SecretTOTP, n)
	f.add(u, s)
	var wins [3]atomic.Int64
	f.at(func(i int) (bool, error) {
		step := int64(1 + i%2)
		rose, err := f.wonBy(func(tx mapae.Tx) (bool, error) { return tx.StepSecret(f.ctx, u.ID, s.ID, step) })
		if rose {
			wins[step].Add(1)
		}
		return rose, err
	})
	f.once(int(wins[2].Load()))
	if low := wins[1].Load(); low > 1 { // none, where the higher step was first
		f.Errorf("winners of the lower step: %d", low)
	}
	s.Step = 2
	f.same("secrets", f.secretsOf(u), []mapae.Secret{s})
}

func raceReplaceSecret(f *fixture, n int) {
	u := newUser(n)
	s := newSecret(u, mapae.SecretPassword, n)
	f.add(u, s)
	f.once(f.at(func(i int) (bool, error) {
		next := s
		next.Data = nonce(i)
		return f.wonBy(func(tx mapae.Tx) (bool, error) { return tx.ReplaceSecret(f.ctx, next, s.Data) })
	}))
}

// countFailure counts one failure under key.
func (f *fixture) countFailure(key [32]byte) error {
	return f.store.Update(f.ctx, func(tx mapae.Tx) error {
		now, err := tx.LockFailures(f.ctx, key)
		if err != nil {
			return err
		}
		now.Count++
		return tx.SetFailures(f.ctx, key, now)
	})
}

func raceFailures(f *fixture, n int) {
	f.at(func(int) (bool, error) { return true, f.countFailure(newKey(n)) })
	f.same("counted", f.failures(newKey(n)), mapae.Failures{Count: racers})
}

// raceFailuresRemoved lets one of the racers remove the count: what it saw and
// what is there in the end must add up to what the others counted.
func raceFailuresRemoved(f *fixture, n int) {
	key, seen := newKey(n), 0
	f.at(func(i int) (bool, error) {
		if i != racers/2 {
			return true, f.countFailure(key)
		}
		return true, f.store.Update(f.ctx, func(tx mapae.Tx) error {
			now, err := tx.LockFailures(f.ctx, key)
			if err != nil {
				return err
			}
			seen = now.Count
			return tx.SetFailures(f.ctx, key, mapae.Failures{})
		})
	})
	f.same("counted before and after", seen+f.failures(key).Count, racers-1)
}

func raceSetRecovery(f *fixture, n int) {
	u := newUser(n)
	f.add(u)
	claim := func(i int) mapae.Recovery { return newRecovery(u, n*racers+i) }
	f.at(func(i int) (bool, error) {
		return true, f.store.Update(f.ctx, func(tx mapae.Tx) error { return tx.SetRecovery(f.ctx, claim(i)) })
	})
	left := 0
	for i := range racers {
		got, err := f.store.Recovery(f.ctx, claim(i).ClaimHash)
		if is(err, mapae.ErrNotFound) {
			continue
		}
		f.answers("Recovery", err, nil)
		f.same("what the claim is of", got, claim(i))
		f.waits(claim(i))
		left++
	}
	f.same("claims left", left, 1)
}

func raceRemoveRecovery(f *fixture, n int) {
	u := newUser(n)
	f.add(u, newRecovery(u, n))
	f.once(f.at(func(int) (bool, error) {
		return f.unless(mapae.ErrNotFound, func(tx mapae.Tx) error { return tx.RemoveRecovery(f.ctx, u.ID) })
	}))
}

func raceEmail(f *fixture, n int) {
	f.once(f.at(func(i int) (bool, error) {
		u := newUser(n*racers + i)
		u.EmailKey = fmt.Sprint("wanted ", n)
		return f.unless(mapae.ErrExists, func(tx mapae.Tx) error { return tx.AddUser(f.ctx, u) })
	}))
}

// raceSuspend lets one of the racers suspend the credential and end all
// sessions: whoever signs in was there before, and nobody comes after.
func raceSuspend(f *fixture, n int) {
	u, c := f.stage(n)
	f.once(f.at(func(i int) (bool, error) {
		if i == racers/2 {
			return true, f.store.Update(f.ctx, func(tx mapae.Tx) error {
				if _, err := tx.LockUser(f.ctx, u.ID); err != nil {
					return err
				}
				if _, err := tx.EndSessions(f.ctx, u.ID, ""); err != nil {
					return err
				}
				return tx.SuspendCredential(f.ctx, u.ID, c.ID, when(0))
			})
		}
		adm := newAdmission(u, c, n*racers+i)
		adm.Use.SignCount = uint32(8 + i)
		_, err := f.store.Admit(f.ctx, adm)
		return false, err
	}))
	f.same("sessions", f.count(u), 0)
}
