package sqlite

import (
	"context"
	"slices"
	"sync"

	"github.com/mapae/mapae"
)

// maxBatch is how many transactions are committed together at most.
const maxBatch = 128

// writer is the connection that writes and those who wait for it. One of them
// leads: it opens a transaction, lets every other that waits run in turn, runs
// itself, commits, tells all, and hands the lead to the first who came
// meanwhile.
type writer struct {
	conn *conn // the leader's

	mu     sync.Mutex
	queue  []*member // those who wait, in order of arrival
	led    bool      // somebody leads or was told to
	closed bool
	active sync.WaitGroup // members that were let in
}

// member is one call of update.
type member struct {
	ctx  context.Context
	f    func(mapae.Tx) error
	ours bool // f is this package's: the leader may run it, and run it again
	err  error
	told chan turn     // from the leader
	ran  chan struct{} // to the leader, after runs
}

// turn is what a member is told, and the batch that it is in.
type turn struct {
	word  word
	batch *batch
}

type word uint8

const (
	runs  word = iota // it has the connection until it answers on ran
	leads             // it is the leader now
	ended             // err says how its transaction ended
)

func newWriter(c *conn) *writer { return &writer{conn: c} }

// update runs a caller's function in a transaction: in the caller's goroutine,
// so that its panics are the caller's.
func (w *writer) update(ctx context.Context, f func(mapae.Tx) error) error {
	return w.do(&member{ctx: ctx, f: f, ran: make(chan struct{}, 1)})
}

// updateOurs runs a function of this package in a transaction, in whatever
// goroutine leads: that saves two switches. The function can't panic, and may be
// run twice: what counts is what it did, and says, the last time.
func (w *writer) updateOurs(ctx context.Context, f func(mapae.Tx) error) error {
	return w.do(&member{ctx: ctx, f: f, ours: true})
}

func (w *writer) do(m *member) error {
	if err := m.ctx.Err(); err != nil {
		return err
	}
	m.told = make(chan turn, 1)
	lead, err := w.join(m)
	if err != nil {
		return err
	}
	defer w.active.Done()
	if lead {
		return w.lead(m)
	}
	t, waited := w.wait(m)
	switch {
	case !waited:
		return m.ctx.Err()
	case t.word == leads:
		return w.lead(m)
	case t.word == runs:
		m.run(t.batch)
		<-m.told
	}
	return m.err
}

// join lets m in: to lead when nobody does, or else to wait.
func (w *writer) join(m *member) (lead bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false, errClosed
	}
	w.active.Add(1)
	if !w.led {
		w.led = true
		return true, nil
	}
	w.queue = append(w.queue, m)
	return false, nil
}

// wait returns what m is told, and false when its context ended while it was
// still waiting.
func (w *writer) wait(m *member) (t turn, waited bool) {
	select {
	case t = <-m.told:
		return t, true
	case <-m.ctx.Done():
	}
	w.mu.Lock()
	i := slices.Index(w.queue, m)
	if i >= 0 {
		w.queue = slices.Delete(w.queue, i, i+1)
	}
	w.mu.Unlock()
	if i >= 0 {
		return turn{}, false
	}
	return <-m.told, true
}

// next takes the first who waits out of the queue, or returns nil.
func (w *writer) next() *member {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return nil
	}
	m := w.queue[0]
	w.queue = slices.Delete(w.queue, 0, 1)
	return m
}

// run runs m's function in its turn, and tells the leader when it is over, even
// by a panic.
func (m *member) run(b *batch) {
	defer func() { m.ran <- struct{}{} }()
	b.run(m)
}

// lead writes for all who wait, m last. What is deferred runs also when m's
// function panics: the others' transactions are committed all the same.
func (w *writer) lead(m *member) (err error) {
	b := &batch{conn: w.conn}
	defer func() {
		b.end(m)
		w.handOver()
		err = m.err
	}()
	b.begin()
	for len(b.others) < maxBatch-1 {
		other := w.next()
		if other == nil {
			break
		}
		b.let(other)
	}
	b.run(m)
	return nil
}

// handOver makes the first who waits the leader.
func (w *writer) handOver() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		w.led = false
		return
	}
	m := w.queue[0]
	w.queue = slices.Delete(w.queue, 0, 1)
	m.told <- turn{word: leads}
}

// close lets nobody in any more, waits for those who are, and closes the
// connection, which moves the write-ahead log into the file.
func (w *writer) close() error {
	w.mu.Lock()
	closed := w.closed
	w.closed = true
	w.mu.Unlock()
	if closed {
		return nil
	}
	w.active.Wait()
	return w.conn.close()
}
