package storetest

import (
	"sync"

	"github.com/mapae/mapae"
)

// Counts is how often a store was called.
type Counts struct {
	Reads        int // outside of transactions
	Transactions int // Update, Admit and Sweep
	Writes       int // calls inside transactions that are not reads
}

// Counter is a store that counts its calls. Counting makes one.
type Counter struct {
	proxy
	mu     sync.Mutex
	counts Counts
}

// Counting returns s, counting its calls.
func Counting(s mapae.Store) *Counter {
	c := &Counter{}
	c.proxy = newProxy(s, c.count)
	return c
}

// Counts returns what was counted since the last call of Reset.
func (c *Counter) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}

// Reset begins to count from zero.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts = Counts{}
}

func (c *Counter) count(k callKind) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch k {
	case callRead:
		c.counts.Reads++
	case callBegin:
		c.counts.Transactions++
	case callWrite:
		c.counts.Writes++
	}
	return nil
}
