package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mapae/mapae"
)

// beginTx begins a transaction in one round trip. A node that stops in the
// middle must not hold a user's row for long.
const beginTx = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '10s'`

var errOver = errors.New("postgres: the transaction is over")

// update runs f in a transaction, at most three times.
func (p *pool) update(ctx context.Context, f func(*txConn) error) error {
	return again(ctx, func() error { return p.transact(ctx, f) })
}

// transact runs f in a transaction, which is undone unless f returns nil and no
// statement in it failed.
func (p *pool) transact(ctx context.Context, f func(*txConn) error) (err error) {
	if err := p.ready(ctx); err != nil {
		return err
	}
	var t txConn
	err = patiently(ctx, func(ctx context.Context) (err error) {
		t.tx, err = p.pgx.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginTx})
		return err
	})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		t.over = true
		// After a commit this does nothing; elsewhere a connection that fails at it is closed, which undoes as well.
		_ = patiently(context.WithoutCancel(ctx), t.tx.Rollback)
	}()
	if err = f(&t); inTheWay(t.broken) || err == nil {
		err = t.broken
	}
	if err != nil {
		return err
	}
	if err := patiently(ctx, t.tx.Commit); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// txConn is a connection in a transaction: a sqlstore.Querier that remembers
// the first statement that failed, and that ends with the function that it was
// given to.
type txConn struct {
	tx     pgx.Tx
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
	n, err := execute(ctx, t.tx, sql, args)
	return n, t.note(err)
}

// Row implements sqlstore.Querier.
func (t *txConn) Row(ctx context.Context, sql string, args, dest []any) error {
	if err := t.ready(); err != nil {
		return err
	}
	return t.note(row(ctx, t.tx, sql, args, dest))
}

// Rows implements sqlstore.Querier.
func (t *txConn) Rows(ctx context.Context, sql string, args, dest []any, each func() error) error {
	if err := t.ready(); err != nil {
		return err
	}
	return t.note(query(ctx, t.tx, sql, args, dest, each))
}
