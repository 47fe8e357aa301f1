package web

import (
	"context"
	"sync"
	"time"
)

// deadline is a context that ends with its parent, at a time, or by end. What
// watches the clock is made when somebody first waits: most requests are
// answered before anybody has.
type deadline struct {
	parent context.Context
	at     time.Time

	mu     sync.Mutex
	timed  context.Context // nil: nobody has waited
	cancel context.CancelFunc
}

// Deadline implements context.Context.
func (d *deadline) Deadline() (time.Time, bool) {
	if at, ok := d.parent.Deadline(); ok && at.Before(d.at) {
		return at, true
	}
	return d.at, true
}

// Done implements context.Context.
func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timed == nil {
		d.timed, d.cancel = context.WithDeadline(d.parent, d.at)
	}
	return d.timed.Done()
}

// Err implements context.Context.
func (d *deadline) Err() error {
	if err := d.context().Err(); err != nil {
		return err
	}
	if !time.Now().Before(d.at) {
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements context.Context. By what it answers package context finds the
// timed context, and needs no goroutine to wait for it.
func (d *deadline) Value(key any) any { return d.context().Value(key) }

// context is what ends first, as far as it is made.
func (d *deadline) context() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timed != nil {
		return d.timed
	}
	return d.parent
}

// end lets go of the clock, and of everybody who waits.
func (d *deadline) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel != nil {
		d.cancel()
	}
}
