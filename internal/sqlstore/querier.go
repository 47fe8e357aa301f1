package sqlstore

import (
	"context"
	"sync"

	"github.com/mapae/mapae"
)

// Querier runs one statement of this package at a time. Arguments are int64,
// string or []byte, where an empty []byte is stored as empty, not as NULL, or
// *int64 or *[]byte, which stand for what they point at.
// Destinations are *int64, *string or *[]byte, which get bytes of their own, or
// have ScanBytes, which takes what it needs from the bytes of a text or a blob:
// they are there while it runs.
type Querier interface {
	// Ping answers nil when statements can be run.
	Ping(ctx context.Context) error
	// Exec runs a statement and returns how many rows it wrote.
	Exec(ctx context.Context, sql string, args ...any) (int64, error)
	// Row runs a statement and scans its first row, or returns
	// mapae.ErrNotFound where there is none.
	Row(ctx context.Context, sql string, args, dest []any) error
	// Rows runs a statement and calls row for each row, which is then in dest.
	// row must not ask the Querier.
	Rows(ctx context.Context, sql string, args, dest []any, row func() error) error
}

// Reader is the mapae.Reader on top of a Querier. Each method is one query.
type Reader struct {
	q     Querier
	looks *sync.Pool // of *sessionLook; nil: each is made anew
}

// Tx is the mapae.Tx on top of a Querier that runs everything in one
// transaction. The Querier remembers the first error of a statement, other
// than mapae.ErrNotFound, and does not let such a transaction commit.
type Tx struct{ Reader }

var (
	_ mapae.Reader = Reader{}
	_ mapae.Tx     = Tx{}
)

// NewReader returns a Reader that asks q.
func NewReader(q Querier) Reader { return Reader{q: q} }

// Reusing returns r, which from then on takes the memory of arguments and
// destinations again: for a Querier that lets nobody keep them.
func (r Reader) Reusing() Reader { return Reader{r.q, new(sync.Pool)} }

// NewTx returns a Tx that runs in q.
func NewTx(q Querier) Tx { return Tx{Reader{q: q}} }

// Ping implements mapae.Reader.
func (r Reader) Ping(ctx context.Context) error { return r.q.Ping(ctx) }

// args is a list of arguments.
func args(a ...any) []any { return a }

// write runs a statement that must write one row: mapae.ErrNotFound if none.
func (t Tx) write(ctx context.Context, sql string, args ...any) error {
	return t.writeOr(mapae.ErrNotFound, ctx, sql, args...)
}

// add runs an insert that must add one row: mapae.ErrExists if none.
func (t Tx) add(ctx context.Context, sql string, args ...any) error {
	return t.writeOr(mapae.ErrExists, ctx, sql, args...)
}

func (t Tx) writeOr(none error, ctx context.Context, sql string, args ...any) error {
	n, err := t.q.Exec(ctx, sql, args...)
	if err == nil && n == 0 {
		return none
	}
	return err
}
