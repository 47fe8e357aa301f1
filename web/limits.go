package web

import (
	"cmp"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/mapae/mapae"
)

// Limits bound what one client address (for IPv6 its /64) can try. Successful
// sign-ins are never limited: an office has one address. The counts are kept
// in this process's memory.
type Limits struct {
	Failures int // failed proofs in 10 minutes; zero: 30, negative: no limit
	SignUps  int // new accounts in an hour; zero: 20, negative: no limit

	// Mails that were asked for in an hour: codes and links that nobody used.
	// Zero: 20, negative: no limit.
	Mails int

	// Passwords that were computed in a minute and were wrong; from then on
	// they are refused before they are computed. Zero: 60, negative: no limit.
	Passwords int
}

// count is what a route's outcome counts towards.
type count uint8

const (
	nothing   count = iota
	failures        // proofs that failed
	passwords       // passwords that were wrong, and failures
	begins          // failures; refused where there is no room for a sign-up
	signUps         // accounts, and failures
)

// Limit is one of Limits.
type Limit struct {
	Name   string // "failures", "passwords", "sign_ups" or "mails"
	Most   int    // at one address in the window; zero: there is no limit
	Window time.Duration
}

// InForce returns all limits, the usual ones where l is silent.
func (l Limits) InForce() []Limit {
	all := []Limit{
		{"failures", cmp.Or(l.Failures, 30), 10 * time.Minute}, {"passwords", cmp.Or(l.Passwords, 60), time.Minute},
		{"sign_ups", cmp.Or(l.SignUps, 20), time.Hour}, {"mails", cmp.Or(l.Mails, 20), time.Hour},
	}
	for i := range all {
		all[i].Most = max(all[i].Most, 0)
	}
	return all
}

type limits struct{ failures, passwords, signUps, mails *limiter }

func newLimits(l Limits) limits {
	in := l.InForce()
	return limits{failures: newLimiter(in[0]), passwords: newLimiter(in[1]), signUps: newLimiter(in[2]), mails: newLimiter(in[3])}
}

// guard runs f for a client at address. A sign-up is counted before it is
// tried, and refused before a device makes a passkey for it. A password is
// counted before it is computed, for that is work, and forgotten where it was
// right. A failed proof is counted afterwards, and told as CodeRateLimited once
// there were too many: a good proof passes whatever others at that address did,
// and a bad one learns nothing.
func (l limits) guard(c count, address string, now func() time.Time, f func() error) error {
	if c == nothing {
		return f()
	}
	key := limitKey(address)
	var err error
	switch c {
	case begins:
		err = l.signUps.full(key, now())
	case signUps:
		err = l.signUps.take(key, now())
	case passwords:
		err = l.passwords.take(key, now())
	}
	if err != nil {
		return err
	}
	err = f()
	l.forget(c, key, now(), err)
	if isFailedProof(err) {
		if limited := l.failures.take(key, now()); limited != nil {
			return limited
		}
	}
	return err
}

// forget gives back what guard took for nothing: a sign-up that could not be
// read, and a password that was not wrong.
func (l limits) forget(c count, key netip.Prefix, now time.Time, err error) {
	switch {
	case c == signUps && errors.Is(err, mapae.ErrBadRequest):
		l.signUps.give(key, now)
	case c == passwords && !errors.Is(err, mapae.ErrAuthenticationFailed):
		l.passwords.give(key, now)
	}
}

// isFailedProof tells a wrong answer from one that can't be read and from a
// broken system, which count for nothing. A login that is taken counts too:
// else it could be asked for name by name.
func isFailedProof(err error) bool {
	for _, failed := range []error{mapae.ErrAuthenticationFailed, mapae.ErrPasskeyUnknown, mapae.ErrCeremonyInvalid,
		mapae.ErrRegistrationRejected, mapae.ErrLoginTaken, mapae.ErrCredentialExists} {
		if errors.Is(err, failed) {
			return true
		}
	}
	return false
}

// limitKey is the address, or the /64 that it is in. What is no address (a
// Unix socket) shares one key.
func limitKey(address string) netip.Prefix {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// limiter is a token bucket for each key, in bounded memory: of two
// generations of keys the older is forgotten when the younger is full.
type limiter struct {
	burst float64
	every time.Duration // time in which one token comes back

	mu         sync.Mutex
	young, old map[netip.Prefix]*bucket
}

// bucket is how many tokens a key had at a time.
type bucket struct {
	tokens float64
	at     time.Time
}

// maxKeys bounds each generation; a bucket takes about 100 bytes.
const maxKeys = 1 << 15

// newLimiter returns the limiter of l; nil: there is none.
func newLimiter(l Limit) *limiter {
	if l.Most == 0 {
		return nil
	}
	return &limiter{burst: float64(l.Most), every: l.Window / time.Duration(l.Most), young: map[netip.Prefix]*bucket{}}
}

// take takes a token of key, or returns CodeRateLimited and when there will be
// one.
func (l *limiter) take(key netip.Prefix, now time.Time) error { return l.change(key, now, -1) }

// give takes a take back.
func (l *limiter) give(key netip.Prefix, now time.Time) { _ = l.change(key, now, +1) }

// full is what take would return, without taking.
func (l *limiter) full(key netip.Prefix, now time.Time) error { return l.change(key, now, 0) }

// change adds to the tokens of key. Who does not give is refused where there
// is none.
func (l *limiter) change(key netip.Prefix, now time.Time, by float64) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(key, now)
	if by <= 0 && b.tokens < 1 {
		wait := time.Duration((1 - b.tokens) * float64(l.every))
		return &mapae.Error{Code: mapae.CodeRateLimited, RetryAfter: max(wait, time.Second)}
	}
	b.tokens = min(b.tokens+by, l.burst)
	return nil
}

// bucket returns the bucket of key as it is now; l.mu is held. A clock that
// was set back fills none.
func (l *limiter) bucket(key netip.Prefix, now time.Time) *bucket {
	b := l.young[key]
	if b == nil {
		if b = l.old[key]; b == nil {
			b = &bucket{tokens: l.burst, at: now}
		}
		if len(l.young) >= maxKeys {
			l.young, l.old = map[netip.Prefix]*bucket{}, l.young
		}
		l.young[key] = b
	}
	back := max(float64(now.Sub(b.at))/float64(l.every), 0)
	b.tokens, b.at = min(b.tokens+back, l.burst), now
	return b
}
