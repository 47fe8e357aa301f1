package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

// person is somebody who uses the server while it is killed, and remembers
// what it acknowledged.
type person struct {
	email  string
	key    *webauthntest.Authenticator
	exists bool     // the sign-up was acknowledged
	tokens []string // of acknowledged sign-ins
	ended  []string // of acknowledged sign-outs
	used   [][]byte // answers to challenges that were acknowledged
}

// use signs up, and then signs in again and again and out now and then, until
// the server is gone. It counts what was acknowledged.
func (p *person) use(ctx context.Context, c *client.Client, acknowledged *atomic.Int32) {
	ticket, options, err := c.BeginSignUp(ctx, p.email, "Somebody", "")
	if err != nil {
		return
	}
	made, err := p.key.Create(options)
	if err != nil {
		return
	}
	if _, err := c.FinishSignUp(ctx, ticket, made); err != nil {
		return
	}
	p.exists, p.tokens = true, append(p.tokens, c.Token())
	acknowledged.Add(1)
	for n := 0; ; n++ {
		options, err := c.BeginSignIn(ctx, "")
		if err != nil {
			return
		}
		answer, err := p.key.Get(options)
		if err != nil {
			return
		}
		if _, err := c.FinishSignIn(ctx, answer); err != nil {
			return
		}
		p.used = append(p.used, answer)
		acknowledged.Add(1)
		if n%4 < 3 {
			p.tokens = append(p.tokens, c.Token())
			continue
		}
		token := c.Token()
		if c.SignOut(ctx) != nil {
			return
		}
		p.ended = append(p.ended, token)
	}
}

// check asks the server after its restart for all that it has acknowledged,
// and returns how many things that were.
func (p *person) check(ctx context.Context, s *process, f *forwarded) (proven int, err error) {
	for _, answer := range p.used {
		if got := code(second(s.app(p.key, f).FinishSignIn(ctx, answer))); got != "ceremony_invalid" {
			return proven, fmt.Errorf("a spent challenge of %s answers %q", p.email, got)
		}
		proven++
	}
	for want, tokens := range map[bool][]string{true: p.tokens, false: p.ended} {
		for _, token := range tokens {
			if live, err := s.live(ctx, token, f); err != nil || live != want {
				return proven, fmt.Errorf("a session of %s is live: %v, want %v, %v", p.email, live, want, err)
			}
			proven++
		}
	}
	return proven, p.checkAccount(ctx, s, f)
}

// checkAccount signs in. An account whose sign-up was not acknowledged is whole
// or not there: then the address is free.
func (p *person) checkAccount(ctx context.Context, s *process, f *forwarded) error {
	c := s.app(p.key, f)
	_, err := c.SignIn(ctx)
	if p.exists || err == nil {
		return err
	}
	if len(p.key.Credentials()) > 0 && code(err) != "passkey_unknown" {
		return fmt.Errorf("sign-in of %s, whose sign-up was cut off: %w", p.email, err)
	}
	_, err = s.app(webauthntest.New(s.origin), f).SignUp(ctx, p.email, "Somebody")
	return err
}

// second drops what came with an error.
func second[T any](_ T, err error) error { return err }

// killsOr is how often a server is killed: MAPAE_KILLS, or n.
func killsOr(t *testing.T, n int) int {
	t.Helper()
	text := os.Getenv("MAPAE_KILLS")
	if text == "" {
		return n
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("MAPAE_KILLS is %q", text)
	}
	return n
}

// Every sign-up, sign-in and sign-out that was acknowledged before a SIGKILL
// under load is there after the restart, and no challenge that was spent can be
// used again. MAPAE_KILLS sets the number of kills.
func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	t.Parallel()
	kills := killsOr(t, 5)
	at, f, proven := newHome(t), new(forwarded), 0
	for round := range kills {
		people := useAndKill(t, at, round, f)
		proven += checkAll(t, at, people, f)
	}
	t.Logf("%d acknowledged things were there after %d kills", proven, kills)
	if !t.Failed() {
		t.Logf("proven: %d", kills)
	}
}

// useAndKill lets several people use the server until it is killed: after 1 to
// 60 things that it acknowledged, and a moment.
func useAndKill(t *testing.T, at home, round int, f *forwarded) []*person {
	t.Helper()
	s := start(t, at, nil)
	people := make([]*person, 8)
	var all sync.WaitGroup
	var acknowledged atomic.Int32
	for i := range people {
		people[i] = &person{email: fmt.Sprintf("p%d.%d@example.com", round, i), key: webauthntest.New(s.origin)}
		c := s.app(people[i].key, f)
		all.Go(func() { people[i].use(t.Context(), c, &acknowledged) })
	}
	end := time.Now().Add(30 * time.Second)
	for enough := 1 + rand.Int32N(60); acknowledged.Load() < enough; time.Sleep(rand.N(3 * time.Millisecond)) {
		if time.Now().After(end) {
			t.Fatalf("%d things were acknowledged in 30 s, want %d:\n%s", acknowledged.Load(), enough, &s.out)
		}
	}
	s.signal(t, syscall.SIGKILL)
	if got := s.ended(t); got != "signal: killed" {
		t.Fatalf("the server ended with %s:\n%s", got, &s.out)
	}
	all.Wait()
	return people
}

func checkAll(t *testing.T, at home, people []*person, f *forwarded) (proven int) {
	t.Helper()
	s := start(t, at, nil)
	for _, p := range people {
		n, err := p.check(t.Context(), s, f)
		if err != nil {
			t.Errorf("after a kill: %v", err)
		}
		proven += n
	}
	s.signal(t, syscall.SIGTERM)
	if got := s.ended(t); got != "exit 0" {
		t.Errorf("the server ended with %s:\n%s", got, &s.out)
	}
	return proven
}
