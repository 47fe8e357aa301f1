package sqlite

import (
	"context"
	"errors"

	"github.com/mapae/mapae"
)

var errOver = errors.New("sqlite: the transaction is over")

// txConn is the writing connection as one transaction has it: a
// sqlstore.Querier that remembers the first statement that failed, and that
// ends with the function that it was given to.
type txConn struct {
	conn   *conn
	broken error
	over   bool
}

// ready returns why no statement can be run any more.
func (t *txConn) ready() error {
	if t.over {
		return errOver
	}
	return t.broken
}

// note remembers an error that the transaction may not survive.
func (t *txConn) note(err error) error {
	if err != nil && err != mapae.ErrNotFound && t.broken == nil {
		t.broken = err
	}
	return err
}

// Ping implements sqlstore.Querier.
func (t *txConn) Ping(context.Context) error { return t.ready() }

// Exec implements sqlstore.Querier.
func (t *txConn) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	if err := t.ready(); err != nil {
		return 0, err
	}
	n, err := t.conn.Exec(ctx, sql, args...)
	return n, t.note(err)
}

// Row implements sqlstore.Querier.
func (t *txConn) Row(ctx context.Context, sql string, args, dest []any) error {
	if err := t.ready(); err != nil {
		return err
	}
	return t.note(t.conn.Row(ctx, sql, args, dest))
}

// Rows implements sqlstore.Querier.
func (t *txConn) Rows(ctx context.Context, sql string, args, dest []any, row func() error) error {
	if err := t.ready(); err != nil {
		return err
	}
	return t.note(t.conn.Rows(ctx, sql, args, dest, row))
}
