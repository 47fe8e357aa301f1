package load

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"sync/atomic"
)

// Crowd is people of one run at one target.
type Crowd struct {
	target *Target
	run    string // in their e-mail addresses
	next   atomic.Int64

	mu       sync.Mutex
	accounts []Account
}

// NewCrowd returns a crowd of nobody yet.
func (t *Target) NewCrowd() *Crowd {
	return &Crowd{target: t, run: strings.ToLower(rand.Text()[:10])}
}

// Accounts returns those who have signed up. The slice is the caller's.
func (c *Crowd) Accounts() []Account {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Account(nil), c.accounts...)
}

// Add adds people who signed up otherwise.
func (c *Crowd) Add(accounts ...Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accounts = append(c.accounts, accounts...)
}

// SignUps returns n lanes, each over a connection of its own, that sign new
// people up, and what closes them.
func (c *Crowd) SignUps(ctx context.Context, n int) (lanes []func(context.Context) error, end func(), err error) {
	return c.lanes(ctx, n, func(conn *Conn, _ int) func(context.Context) error {
		return func(ctx context.Context) error {
			made, err := conn.SignUp(ctx, c.run, int(c.next.Add(1)-1))
			if err != nil {
				return err
			}
			c.Add(made)
			return nil
		}
	})
}

// SignIns returns n lanes, each over a connection of its own, that sign the
// crowd in, and what closes them. Each person signs in in one lane, unless
// there are fewer people than lanes. There must be somebody.
func (c *Crowd) SignIns(ctx context.Context, n int) (lanes []func(context.Context) error, end func(), err error) {
	all := c.Accounts()
	return c.lanes(ctx, n, func(conn *Conn, i int) func(context.Context) error {
		own, at := share(all, i, n), 0
		return func(ctx context.Context) error {
			at++
			return conn.SignIn(ctx, &own[at%len(own)])
		}
	})
}

func (c *Crowd) lanes(ctx context.Context, n int, lane func(conn *Conn, i int) func(context.Context) error) ([]func(context.Context) error, func(), error) {
	var conns []*Conn
	end := func() {
		for _, conn := range conns {
			conn.Close()
		}
	}
	lanes := make([]func(context.Context) error, n)
	for i := range lanes {
		conn, err := c.target.Dial(ctx)
		if err != nil {
			end()
			return nil, nil, err
		}
		conns = append(conns, conn)
		lanes[i] = lane(conn, i)
	}
	return lanes, end, nil
}

// share is the i-th of n parts of the accounts, or one of them where there are
// fewer than n.
func share(accounts []Account, i, n int) []Account {
	if len(accounts) < n {
		i %= len(accounts)
		return accounts[i : i+1]
	}
	return accounts[i*len(accounts)/n : (i+1)*len(accounts)/n]
}
