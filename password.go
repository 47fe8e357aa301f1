package mapae

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// Password offers sign-in with e-mail address and password. Any characters are
// allowed; common passwords and the person's own address and name are not.
type Password struct {
	MinAlone  int    // characters where nothing else is asked for; zero: 15
	MinSecond int    // characters where the user has a second factor; zero: 8
	Argon2    Argon2 // zero: 19 MiB, 2 passes, 1 lane
}

// Argon2 are the costs of Argon2id. A password whose stored hash has others is
// hashed again at the next sign-in.
type Argon2 struct {
	MemoryKiB uint32
	Passes    uint32
	Lanes     uint8
}

const (
	maxPassword  = 256 // characters
	saltSize     = 16
	hashSize     = 32
	gateQueue    = 64 // how many may wait for the gate
	gateRetry    = 2 * time.Second
	argon2Prefix = "$argon2id$v=19$"
)

// Name returns MethodPassword.
func (Password) Name() MethodName { return MethodPassword }

func (p Password) withDefaults() Password {
	p.MinAlone, p.MinSecond = or(p.MinAlone, 15), or(p.MinSecond, 8)
	p.Argon2 = or(p.Argon2, Argon2{MemoryKiB: 19 << 10, Passes: 2, Lanes: 1})
	return p
}

func (p Password) check() error {
	d := p.withDefaults()
	switch {
	case d.MinSecond < 8 || d.MinAlone < d.MinSecond || d.MinAlone > maxPassword:
		return fmt.Errorf("MinAlone %d and MinSecond %d: at least 8, the first not below the second, at most %d", d.MinAlone, d.MinSecond, maxPassword)
	case d.Argon2.MemoryKiB < 8<<10 || d.Argon2.Passes < 1 || d.Argon2.Lanes < 1:
		return fmt.Errorf("Argon2 %+v: at least 8 MiB, one pass and one lane", d.Argon2)
	}
	return nil
}

// rule returns why password may not be the password of u, or nil. second says
// that the user has a second factor.
func (p Password) rule(password string, u User, second bool) error {
	least := p.MinAlone
	if second {
		least = p.MinSecond
	}
	name, _, _ := strings.Cut(u.LoginKey, "@")
	folded := strings.ToLower(password)
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return flaw(FlawMalformed, "not valid UTF-8")
	case n < least:
		return tooShort(n, least)
	case n > maxPassword:
		return tooLong(n, maxPassword)
	case commonPassword(password):
		return flaw(FlawCommon, "one of the passwords that are tried first")
	case folded == u.LoginKey || folded == name || folded == strings.ToLower(u.Name):
		return flaw(FlawPersonal, "the person's own address or name")
	}
	return nil
}

// gate lets a bounded number of Argon2 computations run and wait, so that they
// can't take all memory and starve everything else.
type gate struct {
	running chan struct{}
	waiting chan struct{}
}

func newGate() gate {
	return gate{make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), make(chan struct{}, gateQueue)}
}

// pass runs f behind the gate; or answers CodeUnavailable where the queue is
// full or ctx ends first.
func (g gate) pass(ctx context.Context, f func()) error {
	select {
	case g.waiting <- struct{}{}:
		defer func() { <-g.waiting }()
	default:
		return &Error{Code: CodeUnavailable, RetryAfter: gateRetry, Err: errors.New("too many passwords to compute")}
	}
	select {
	case g.running <- struct{}{}:
		defer func() { <-g.running }()
	case <-ctx.Done():
		return &Error{Code: CodeUnavailable, RetryAfter: gateRetry, Err: ctx.Err()}
	}
	f()
	return nil
}

// hashPassword returns the Argon2id hash of password in PHC string format.
func (a *Auth) hashPassword(ctx context.Context, password string) (hash []byte, err error) {
	salt := make([]byte, saltSize)
	a.random(salt)
	cost := a.password.Argon2
	err = a.gate.pass(ctx, func() {
		key := argon2.IDKey([]byte(password), salt, cost.Passes, cost.MemoryKiB, cost.Lanes, hashSize)
		hash = fmt.Appendf(nil, argon2Prefix+"m=%d,t=%d,p=%d$%s$%s", cost.MemoryKiB, cost.Passes, cost.Lanes,
			base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
	})
	return hash, err
}

// checkPassword reports whether password has the stored hash, and whether that
// was made with other costs than those in force. A nil hash takes the same time
// and matches nothing.
func (a *Auth) checkPassword(ctx context.Context, password string, stored []byte) (match, outdated bool, err error) {
	cost, salt, want := a.password.Argon2, make([]byte, saltSize), make([]byte, hashSize)
	if stored != nil {
		if cost, salt, want, err = parseHash(string(stored)); err != nil {
			return false, false, err
		}
	}
	err = a.gate.pass(ctx, func() {
		got := argon2.IDKey([]byte(password), salt, cost.Passes, cost.MemoryKiB, cost.Lanes, uint32(len(want)))
		match = subtle.ConstantTimeCompare(got, want) == 1 && stored != nil
	})
	return match, cost != a.password.Argon2, err
}

func parseHash(text string) (cost Argon2, salt, hash []byte, err error) {
	fields := strings.Split(strings.TrimPrefix(text, argon2Prefix), "$")
	if !strings.HasPrefix(text, argon2Prefix) || len(fields) != 3 {
		return cost, nil, nil, errors.New("mapae: a stored password is not an Argon2id hash")
	}
	_, err = fmt.Sscanf(fields[0], "m=%d,t=%d,p=%d", &cost.MemoryKiB, &cost.Passes, &cost.Lanes)
	var errSalt, errHash error
	salt, errSalt = base64.RawStdEncoding.DecodeString(fields[1])
	hash, errHash = base64.RawStdEncoding.DecodeString(fields[2])
	if err = errors.Join(err, errSalt, errHash); err != nil || len(hash) == 0 {
		return cost, nil, nil, fmt.Errorf("mapae: a stored password can't be read: %w", err)
	}
	return cost, salt, hash, nil
}
