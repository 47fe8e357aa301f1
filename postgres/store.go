package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/sqlstore"
)

// Store is a mapae.Store in a PostgreSQL database. Open and New make one.
type Store struct {
	sqlstore.Reader // over the pool, a statement at a time
	pool            *pool
	close           func()
}

var _ mapae.Store = (*Store)(nil)

var errClosed = errors.New("postgres: store is closed")

// What Open sets where the URL is silent.
const (
	maxConns       = 16
	connectTimeout = 2 * time.Second
)

// Open opens the store in the database that url names, as "postgres://…" or as
// keywords and values, and brings its tables up to date. What libpq and pgx
// know as parameters may stand in it: several hosts with
// target_session_attrs=read-write, sslmode, search_path, pool_max_conns (16
// where it is not set), default_query_exec_mode. A database whose tables are
// newer than this program knows is refused.
func Open(ctx context.Context, url string) (*Store, error) {
	cfg, err := config(url)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL store: %w", err)
	}
	p, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL store: %w", err)
	}
	s, err := New(ctx, p)
	if err != nil {
		p.Close()
		return nil, err
	}
	s.close = p.Close
	return s, nil
}

// config reads a URL. Its errors don't show passwords.
func config(url string) (*pgxpool.Config, error) {
	given, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if given.RuntimeParams["pool_max_conns"] == "" {
		cfg.MaxConns = maxConns
	}
	conn := cfg.ConnConfig
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTimeout
	}
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = "mapae"
	}
	closes := conn.OnPgError
	conn.OnPgError = func(c *pgconn.PgConn, e *pgconn.PgError) bool {
		// A server that was demoted refuses writes: the next connection asks again who takes them.
		return e.Code != codeReadOnly && (closes == nil || closes(c, e))
	}
	cfg.AfterConnect = nameTypes
	return cfg, nil
}

// nameTypes tells a connection the PostgreSQL types of all Go types that
// statements get as arguments, or get pointers to. Where they are not prepared, nothing else knows:
// pgx leaves its own list out of a program that is built with the tag
// nopgxregisterdefaulttypes, as the binary is.
func nameTypes(_ context.Context, conn *pgx.Conn) error {
	for name, value := range map[string]any{"bool": false, "int8": int64(0), "text": "", "bytea": []byte(nil), "_text": []string(nil)} {
		conn.TypeMap().RegisterDefaultPgType(value, name)
	}
	return nil
}

// New returns the store in the database of an application's own pool, and
// brings its tables up to date, as Open does. Closing the store leaves the pool
// open.
func New(ctx context.Context, p *pgxpool.Pool) (*Store, error) {
	if err := migrate(ctx, p); err != nil {
		return nil, fmt.Errorf("open PostgreSQL store: %w", err)
	}
	q := &pool{pgx: p}
	return &Store{Reader: sqlstore.NewReader(q), pool: q, close: func() {}}, nil
}

// Update implements mapae.Store. The function is run again, at most three
// times in all, when other transactions were in its way.
func (s *Store) Update(ctx context.Context, f func(mapae.Tx) error) error {
	return s.pool.update(ctx, func(q *txConn) error { return f(tx{sqlstore.NewTx(q), q}) })
}

// Admit implements mapae.Store: one statement, one round trip.
func (s *Store) Admit(ctx context.Context, a mapae.Admission) (v mapae.Verdict, err error) {
	err = again(ctx, func() error {
		v, err = sqlstore.AdmitAtOnce(ctx, s.pool, a)
		return err
	})
	return v, err
}

// Sweep implements mapae.Store. It passes over what a transaction holds.
func (s *Store) Sweep(ctx context.Context, plan mapae.SweepPlan) (removed int, err error) {
	update := func(ctx context.Context, f func(mapae.Tx) error) error {
		return s.pool.update(ctx, func(q *txConn) error { return f(sqlstore.NewTx(q)) })
	}
	return sqlstore.Sweep(ctx, update, plan, sqlstore.SkipLocked)
}

// Close waits for what is under way and closes the connections that Open
// opened. Later calls fail.
func (s *Store) Close() error {
	s.pool.closed.Store(true)
	s.close()
	return nil
}

// tx is a transaction that admits in one statement, and that does not wait for
// mails that another one claims.
type tx struct {
	sqlstore.Tx
	q *txConn
}

// Admit implements mapae.Tx.
func (t tx) Admit(ctx context.Context, a mapae.Admission) (mapae.Verdict, error) {
	return sqlstore.AdmitAtOnce(ctx, t.q, a)
}

// ClaimMail implements mapae.Tx.
func (t tx) ClaimMail(ctx context.Context, now, until time.Time, limit int) ([]mapae.Mail, error) {
	return sqlstore.ClaimMailUnlocked(ctx, t.q, now, until, limit)
}

// pool is a sqlstore.Querier that runs each statement on whatever connection
// is free, in a transaction of its own.
type pool struct {
	pgx    *pgxpool.Pool
	closed atomic.Bool
}

// ready returns why nothing is to be asked.
func (p *pool) ready(ctx context.Context) error {
	if p.closed.Load() {
		return errClosed
	}
	return ctx.Err()
}

// Ping implements sqlstore.Querier.
func (p *pool) Ping(ctx context.Context) error {
	var one int64
	return p.Row(ctx, "SELECT count(*) FROM (SELECT 1 FROM mapae_keys LIMIT 1) AS k", nil, []any{&one})
}

// Exec implements sqlstore.Querier.
func (p *pool) Exec(ctx context.Context, sql string, args ...any) (n int64, err error) {
	if err := p.ready(ctx); err != nil {
		return 0, err
	}
	return execute(ctx, p.pgx, sql, args)
}

// Row implements sqlstore.Querier.
func (p *pool) Row(ctx context.Context, sql string, args, dest []any) error {
	if err := p.ready(ctx); err != nil {
		return err
	}
	return row(ctx, p.pgx, sql, args, dest)
}

// Rows implements sqlstore.Querier.
func (p *pool) Rows(ctx context.Context, sql string, args, dest []any, each func() error) error {
	if err := p.ready(ctx); err != nil {
		return err
	}
	return query(ctx, p.pgx, sql, args, dest, each)
}
