package sqlite

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// readers is a fixed number of connections that only read: a sqlstore.Querier
// for any number of goroutines.
type readers struct {
	free   chan struct{} // as many as are idle
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	idle []*conn // the one used last at the end: it is the first to have read again what a commit took from its cache
}

func openReaders(path string) (*readers, error) {
	n := max(2, min(runtime.GOMAXPROCS(0), 8))
	r := &readers{free: make(chan struct{}, n), closed: make(chan struct{})}
	for range n {
		c, err := connect(path, readPragmas)
		if err != nil {
			for _, c := range r.idle {
				err = errors.Join(err, c.close())
			}
			return nil, err
		}
		r.put(c)
	}
	return r, nil
}

// with runs f with a connection that nobody else uses. It waits for one until
// ctx ends.
func (r *readers) with(ctx context.Context, f func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-r.closed:
		return errClosed
	default:
	}
	c, err := r.get(ctx)
	if err != nil {
		return err
	}
	defer r.put(c)
	return f(c)
}

// get waits for a connection. A select of one channel, which mostly is enough,
// costs a tenth of one of three.
func (r *readers) get(ctx context.Context) (*conn, error) {
	select {
	case <-r.free:
		return r.pop(), nil
	default:
	}
	select {
	case <-r.free:
		return r.pop(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.closed:
		return nil, errClosed
	}
}

// pop takes a connection out of idle, for who has received from free.
func (r *readers) pop() *conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.idle) - 1
	c := r.idle[last]
	r.idle = r.idle[:last]
	return c
}

func (r *readers) put(c *conn) {
	r.mu.Lock()
	r.idle = append(r.idle, c)
	r.mu.Unlock()
	r.free <- struct{}{}
}

// Ping implements sqlstore.Querier.
func (r *readers) Ping(ctx context.Context) error {
	return r.with(ctx, func(c *conn) error { return c.Ping(ctx) })
}

// Exec implements sqlstore.Querier; on these connections a write fails.
func (r *readers) Exec(ctx context.Context, sql string, args ...any) (n int64, err error) {
	err = r.with(ctx, func(c *conn) error {
		n, err = c.Exec(ctx, sql, args...)
		return err
	})
	return n, err
}

// Row implements sqlstore.Querier.
func (r *readers) Row(ctx context.Context, sql string, args, dest []any) error {
	return r.with(ctx, func(c *conn) error { return c.Row(ctx, sql, args, dest) })
}

// Rows implements sqlstore.Querier.
func (r *readers) Rows(ctx context.Context, sql string, args, dest []any, row func() error) error {
	return r.with(ctx, func(c *conn) error { return c.Rows(ctx, sql, args, dest, row) })
}

// close waits for what reads, and closes all connections.
func (r *readers) close() (err error) {
	r.once.Do(func() {
		close(r.closed)
		for range cap(r.free) {
			<-r.free
			err = errors.Join(err, r.pop().close())
		}
	})
	return err
}
