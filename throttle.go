package mapae

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits on wrong proofs in a row.
const (
	freeFailures  = 5                // after so many there is a wait
	barAfter      = 100              // after so many a second factor is barred until it is bound again
	maxBackOff    = 15 * time.Minute // longest wait
	ticketTries   = 5
	failuresKept  = 24 * time.Hour
	macThrottle   = "throttle"
	barredForLife = 100 * 365 * 24 * time.Hour
)

// backOff is how long to wait after count failures in a row: 1 s after the
// fifth, doubling, 15 minutes at most.
func backOff(count int) time.Duration {
	if count < freeFailures {
		return 0
	}
	shift := count - freeFailures
	if shift > 10 {
		return maxBackOff
	}
	return min(time.Second<<shift, maxBackOff)
}

// barredUntil is when the wait after f's last try ends; zero: there is none, also
// for who looked at the clock before that try.
func barredUntil(f Failures) time.Time {
	wait := backOff(f.Count)
	if wait == 0 {
		return time.Time{}
	}
	return f.At.Add(wait)
}

// throttleKey names the count of wrong proofs by method for a user, or, where
// there is none, for a login that nobody has, so that limits don't tell whether
// an account exists.
func (a *Auth) throttleKey(method MethodName, user UserID, login string) [32]byte {
	what := "user\x00" + string(method) + "\x00" + string(user)
	if user == "" {
		what = "login\x00" + string(method) + "\x00" + login
	}
	return a.ring.Load().throttleMAC([]byte(what))
}

// count counts a try under key as failed before it is looked at, in a
// transaction of its own, so that tries at the same moment can't pass the limit
// together. The caller clears the count when the proof was good. CodeRateLimited
// with the wait where it is not time yet: then nothing is counted.
func (a *Auth) count(ctx context.Context, key [32]byte, method MethodName) error {
	now := a.now()
	var wait time.Duration
	err := a.store.Update(ctx, func(tx Tx) error {
		wait = 0
		f, err := tx.LockFailures(ctx, key)
		if err != nil {
			return err
		}
		if f.Until.After(now) {
			wait = f.Until.Sub(now)
			return nil
		}
		f.Count, f.At = f.Count+1, now
		f.Until = barredUntil(f)
		if f.Count >= barAfter && (method == MethodTOTP || method == MethodRecoveryCode) {
			f.Until = now.Add(barredForLife)
		}
		return tx.SetFailures(ctx, key, f)
	})
	switch {
	case err != nil:
		return broken("count a try", err)
	case wait > 0:
		return &Error{Code: CodeRateLimited, RetryAfter: wait, Err: fmt.Errorf("too many wrong tries by %s", method)}
	}
	return nil
}

// spare returns err, and takes a counted try back where err says that the
// system is to blame and not the proof. It is best effort: a store that is
// still broken keeps the count, which the next good proof clears.
func (a *Auth) spare(ctx context.Context, err error, keys ...[32]byte) error {
	if !errors.Is(err, ErrUnavailable) {
		return err
	}
	_ = a.store.Update(context.WithoutCancel(ctx), func(tx Tx) error {
		for _, key := range keys {
			f, err := tx.LockFailures(ctx, key)
			if err != nil || f.Count == 0 {
				return err
			}
			f.Count--
			f.Until = barredUntil(f)
			if err := tx.SetFailures(ctx, key, f); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// recovering is what proofs by method in a recovery are counted as: not as in a
// second step, behind which a first factor stands. Anybody can try them, and
// could keep somebody out, so they are never barred for good; nor do 80 bits of
// a recovery code need it.
func recovering(method MethodName) MethodName { return method + " in a recovery" }

// unbar clears what is counted against a user's method: a proof was good, or
// the method was bound anew.
func (a *Auth) unbar(ctx context.Context, tx Tx, user UserID, method MethodName) error {
	return tx.SetFailures(ctx, a.throttleKey(method, user, ""), Failures{})
}

// ticketKey names the count of tries with a ticket.
func (a *Auth) ticketKey(t ticket) [32]byte {
	return a.ring.Load().throttleMAC(append([]byte("ticket\x00"), t.nonce...))
}

// countTicket counts a try with a ticket before it is looked at. From the sixth
// on the ticket is as good as ended: CodeCeremonyInvalid.
func (a *Auth) countTicket(ctx context.Context, t ticket) error {
	key, over := a.ticketKey(t), false
	err := a.store.Update(ctx, func(tx Tx) error {
		f, err := tx.LockFailures(ctx, key)
		if err != nil {
			return err
		}
		if over = f.Count >= ticketTries; over {
			return nil
		}
		return tx.SetFailures(ctx, key, Failures{Count: f.Count + 1, At: a.now()})
	})
	switch {
	case err != nil:
		return broken("count a try", err)
	case over:
		return fail(CodeCeremonyInvalid, errors.New("the ticket was tried five times"))
	}
	return nil
}
