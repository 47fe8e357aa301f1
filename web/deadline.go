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
	ended  bool
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
	return d.clock().Done()
}

// clock is the timed context; the caller holds mu.
func (d *deadline) clock() context.Context {
	if d.timed == nil {
		d.timed, d.cancel = context.WithDeadline(d.parent, d.at)
		if d.ended {
			d.cancel()
		}
	}
	return d.timed
}

// Err implements context.Context. Who asks once the time is over has what the
// clock says from then on.
func (d *deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timed == nil && !d.ended && d.parent.Err() == nil && time.Now().Before(d.at) {
		return nil
	}
	return d.clock().Err()
}

// Value implements context.Context. By what it answers package context finds the
// timed context, and needs no goroutine to wait for it.
func (d *deadline) Value(key any) any {
	d.mu.Lock()
	from := d.parent
	if d.timed != nil {
		from = d.timed
	}
	d.mu.Unlock()
	return from.Value(key)
}

// end lets go of the clock, and of everybody who waits.
func (d *deadline) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	if d.cancel != nil {
		d.cancel()
	}
}
