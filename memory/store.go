package memory

import (
	"context"
	"errors"
	"sync"

	"github.com/mapae/mapae"
)

// Store is a mapae.Store in memory. New makes one.
type Store struct {
	mu     sync.Mutex
	tables *tables
	closed bool
}

var _ mapae.Store = (*Store)(nil)

var errClosed = errors.New("memory: store is closed")

// New returns an empty store.
func New() *Store { return &Store{tables: newTables()} }

// Close ends the store; every later call fails.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// Update implements mapae.Store. The function runs once, while the store is
// held.
func (s *Store) Update(ctx context.Context, f func(mapae.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	t := &tx{tables: s.tables}
	done := false
	defer func() {
		if !done {
			t.rollBack()
		}
	}()
	if err := f(t); err != nil {
		return err
	}
	if t.broken != nil {
		return t.broken
	}
	done = true
	return nil
}

// Admit implements mapae.Store.
func (s *Store) Admit(ctx context.Context, a mapae.Admission) (v mapae.Verdict, err error) {
	err = s.Update(ctx, func(t mapae.Tx) error {
		v, err = t.Admit(ctx, a)
		return err
	})
	return v, err
}

// Sweep implements mapae.Store.
func (s *Store) Sweep(ctx context.Context, plan mapae.SweepPlan) (removed int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	t := &tx{tables: s.tables}
	return t.sweepSpent(plan) + t.sweepSessions(plan) + t.sweepEvents(plan) +
		t.sweepFailures(plan) + t.sweepRecoveries(plan), nil
}

// ready returns why the store can't be used. The caller holds the mutex.
func (s *Store) ready(ctx context.Context) error {
	if s.closed {
		return errClosed
	}
	return ctx.Err()
}

// tx is a transaction, and the reader of all reads: it works on the tables of
// a store whose mutex is held.
type tx struct {
	*tables
	undo   []func()
	broken error // a write failed: the transaction can't succeed any more
}

// rollBack undoes every change, newest first.
func (t *tx) rollBack() {
	for i := len(t.undo) - 1; i >= 0; i-- {
		t.undo[i]()
	}
}

// fail notes and returns an error that the function may not swallow.
func (t *tx) fail(err error) error {
	if t.broken == nil {
		t.broken = err
	}
	return err
}

// set puts k and v in m so that it can be undone.
func set[K comparable, V any](t *tx, m map[K]V, k K, v V) {
	old, had := m[k]
	m[k] = v
	t.undo = append(t.undo, func() { restore(m, k, old, had) })
}

// remove takes k out of m so that it can be undone.
func remove[K comparable, V any](t *tx, m map[K]V, k K) {
	old, had := m[k]
	delete(m, k)
	t.undo = append(t.undo, func() { restore(m, k, old, had) })
}

func restore[K comparable, V any](m map[K]V, k K, old V, had bool) {
	if had {
		m[k] = old
		return
	}
	delete(m, k)
}
