package sqlite

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

func TestTheConnectionThatReadLastReadsNext(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "mapae.db"))
	if err != nil {
		t.Fatal(err)
	}
	r := s.readers
	use := func(meanwhile func()) (used *conn) {
		err := r.with(t.Context(), func(c *conn) error {
			used = c
			meanwhile()
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		return used
	}
	nothing := func() {}
	first := use(nothing)
	for range 3 {
		if use(nothing) != first {
			t.Error("another connection reads next, with an older cache")
		}
	}
	var beside *conn
	if use(func() { beside = use(nothing) }) != first || beside == first {
		t.Error("two read at once on one connection")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhoWaitsForAReaderIsToldWhyThereIsNone(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "mapae.db"))
	if err != nil {
		t.Fatal(err)
	}
	r := s.readers
	var all []*conn
	for range cap(r.free) {
		c, err := r.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := r.Ping(short); err != context.DeadlineExceeded {
		t.Errorf("whose time is over is told %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- r.Ping(t.Context()) }()
	r.put(all[0])
	if err := <-done; err != nil {
		t.Errorf("who waited for one is told %v", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	<-r.closed
	if err := r.Ping(t.Context()); err != errClosed {
		t.Errorf("who comes too late is told %v", err)
	}
	for _, c := range all[1:] {
		r.put(c)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
