package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"modernc.org/sqlite"
)

// floorSchema has what a sign-in reads and writes, and no index that it does
// not need.
var floorSchema = []string{
	`CREATE TABLE credential (id BLOB PRIMARY KEY, user_id BLOB NOT NULL, public_key BLOB NOT NULL, count INTEGER NOT NULL, used_at INTEGER NOT NULL) WITHOUT ROWID`,
	`CREATE TABLE spent (until INTEGER NOT NULL, nonce BLOB NOT NULL, PRIMARY KEY (until, nonce)) WITHOUT ROWID`,
	`CREATE TABLE session (id INTEGER PRIMARY KEY, token_hash BLOB NOT NULL, user_id BLOB NOT NULL, created_at INTEGER NOT NULL, ends_at INTEGER NOT NULL)`,
}

// floorPragmas are the settings of package sqlite that matter for speed and
// durability.
var floorPragmas = []string{"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA busy_timeout = 5000", "PRAGMA cache_size = -16384", "PRAGMA journal_size_limit = 67108864"}

// credential is a row that a sign-in reads.
type credential struct{ id, user, publicKey []byte }

// session is what the end of a sign-in writes.
type session struct {
	credential
	nonce, hash    []byte
	until, count   int64
	now            time.Time
	address, agent string // of the client; not in the least SQL

	err  error
	done chan struct{}
}

// floorStore is one writer with group commit and a few readers.
type floorStore struct {
	writer  *rawConn
	turn    chan struct{} // holds one token: whoever has it commits for all who wait
	mu      sync.Mutex
	waiting []*session
	readers chan *rawConn
}

func openFloorStore(path string) (*floorStore, error) {
	n := runtime.GOMAXPROCS(0) + 1
	s := &floorStore{turn: make(chan struct{}, 1), readers: make(chan *rawConn, n)}
	for i := range n + 1 {
		c, err := openRaw(path)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			s.readers <- c
			continue
		}
		s.writer = c
		for _, text := range floorSchema {
			if _, err := c.exec(text); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// Close closes all connections.
func (s *floorStore) Close() error {
	errs := []error{s.writer.Close()}
	for range cap(s.readers) {
		errs = append(errs, (<-s.readers).Close())
	}
	return errors.Join(errs...)
}

func (s *floorStore) add(e enrollment) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	_, err := s.writer.exec(`INSERT INTO credential (id, user_id, public_key, count, used_at) VALUES (?, ?, ?, 0, 0)`, e.ID, e.User, e.PublicKey)
	return err
}

func (s *floorStore) credential(id []byte) (c credential, err error) {
	r := <-s.readers
	defer func() { s.readers <- r }()
	row, err := r.row(2, `SELECT user_id, public_key FROM credential WHERE id = ?`, id)
	if err != nil {
		return credential{}, err
	}
	return credential{id: id, user: row[0].([]byte), publicKey: row[1].([]byte)}, nil
}

// admit writes one sign-in durably. Those who wait together share a
// transaction, and so a flush.
func (s *floorStore) admit(job *session) error {
	job.done = make(chan struct{})
	s.mu.Lock()
	s.waiting = append(s.waiting, job)
	s.mu.Unlock()
	select {
	case <-job.done:
		return job.err
	case s.turn <- struct{}{}:
	}
	s.mu.Lock()
	batch := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	if len(batch) > 0 {
		s.commit(batch)
	}
	<-s.turn
	<-job.done
	return job.err
}

func (s *floorStore) commit(batch []*session) {
	_, err := s.writer.exec("BEGIN IMMEDIATE")
	for _, job := range batch {
		if err == nil {
			job.err = s.write(job)
		}
	}
	if err == nil {
		_, err = s.writer.exec("COMMIT")
	}
	for _, job := range batch {
		if err != nil {
			job.err = err
		}
		close(job.done)
	}
}

func (s *floorStore) write(j *session) error {
	n, err := s.writer.exec(`INSERT INTO spent (until, nonce) VALUES (?, ?) ON CONFLICT DO NOTHING`, j.until, j.nonce)
	if err != nil {
		return err
	}
	if n != 1 {
		return errors.New("spent")
	}
	n, err = s.writer.exec(`UPDATE credential SET count = ?, used_at = ? WHERE id = ? AND user_id = ? AND (count < ? OR count = 0)`,
		j.count, j.now.UnixMicro(), j.id, j.user, j.count)
	if err != nil {
		return err
	}
	if n != 1 {
		return errors.New("counter")
	}
	_, err = s.writer.exec(`INSERT INTO session (token_hash, user_id, created_at, ends_at) VALUES (?, ?, ?, ?)`,
		j.hash, j.user, j.now.UnixMicro(), j.now.Add(30*24*time.Hour).UnixMicro())
	return err
}

// rawConn is a connection of the driver with its prepared statements, for one
// goroutine at a time.
type rawConn struct {
	driver.Conn
	statements map[string]driver.Stmt
}

func openRaw(path string) (*rawConn, error) {
	conn, err := new(sqlite.Driver).Open(path)
	if err != nil {
		return nil, err
	}
	c := &rawConn{conn, map[string]driver.Stmt{}}
	for _, text := range floorPragmas {
		if _, err := c.exec(text); err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
	}
	return c, nil
}

func (c *rawConn) prepared(text string) (driver.Stmt, error) {
	if s := c.statements[text]; s != nil {
		return s, nil
	}
	s, err := c.Prepare(text)
	if err == nil {
		c.statements[text] = s
	}
	return s, err
}

func (c *rawConn) exec(text string, args ...any) (int64, error) {
	s, err := c.prepared(text)
	if err != nil {
		return 0, err
	}
	result, err := s.(driver.StmtExecContext).ExecContext(context.Background(), numbered(args))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// row returns the first row of a query, which has n columns.
func (c *rawConn) row(n int, text string, args ...any) (row []driver.Value, err error) {
	s, err := c.prepared(text)
	if err != nil {
		return nil, err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), numbered(args))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row = make([]driver.Value, n)
	if err := rows.Next(row); err == io.EOF {
		return nil, errors.New("no such row")
	} else if err != nil {
		return nil, err
	}
	return row, nil
}

func numbered(args []any) []driver.NamedValue {
	values := make([]driver.NamedValue, len(args))
	for i, a := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return values
}

// engineOf asks the database at path what it is. Durability is a setting of
// each connection: package sqlite proves its own when it opens one.
func engineOf(path string) (text string, err error) {
	c, err := openRaw(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	row, err := c.row(2, "SELECT sqlite_version(), (SELECT journal_mode FROM pragma_journal_mode)")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("SQLite %s, journal %s, synchronous FULL", row[0], row[1]), nil
}
