package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	sqlitelib "modernc.org/sqlite/lib"

	"github.com/mapae/mapae"
)

// pragma is a setting of a connection and the value that it must have when it
// is read back.
type pragma struct{ name, value, want string }

var (
	commonPragmas = []pragma{
		{"busy_timeout", "5000", "5000"},
		{"journal_mode", "WAL", "wal"},
		{"synchronous", "FULL", "2"},
		{"foreign_keys", "ON", "1"},
		{"trusted_schema", "OFF", "0"},
		{"temp_store", "MEMORY", "2"}, // what a savepoint keeps for undoing stays off the disk
	}
	// The cache is in KiB, and takes twice that: a page and its header get 8 KiB of memory.
	writePragmas = append([]pragma{
		{"journal_size_limit", "67108864", "67108864"},
		{"cache_size", "-2048", "-2048"},
	}, commonPragmas...)
	readPragmas = append([]pragma{
		{"query_only", "ON", "1"},
		{"cache_size", "-1024", "-1024"}, // every commit of another connection empties it
	}, commonPragmas...)
)

// conn is one connection with its prepared statements: a sqlstore.Querier. It
// is for one goroutine at a time; a second one waits. Contexts are looked at by
// those who hand it out; a statement that runs is not interrupted.
type conn struct {
	mu         sync.Mutex
	handle     *handle // nil once closed
	statements map[string]statement
}

// openFile opens the file at path, which is absolute, with the settings that
// SQLite has by itself.
func openFile(path string, flags int32) (*conn, error) {
	h, err := openHandle(path, flags)
	if err != nil {
		return nil, err
	}
	return &conn{handle: h, statements: map[string]statement{}}, nil
}

// connect opens a connection and proves that its settings took.
func connect(path string, pragmas []pragma) (*conn, error) {
	c, err := openFile(path, sqlitelib.SQLITE_OPEN_READWRITE|sqlitelib.SQLITE_OPEN_CREATE)
	if err != nil {
		return nil, err
	}
	for _, p := range pragmas {
		if err := c.set(p); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

// connectFirst opens the connection that writes. To turn a new file's journal
// into a write-ahead log SQLite must be alone with it, and it does not wait
// for that by itself: another program may be opening the file as well.
func connectFirst(ctx context.Context, path string) (*conn, error) {
	for patience := time.Now().Add(5 * time.Second); ; {
		c, err := connect(path, writePragmas)
		if !failedWith(err, sqlitelib.SQLITE_BUSY) || time.Now().After(patience) {
			return c, err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (c *conn) set(p pragma) error {
	if _, err := c.Exec(context.Background(), "PRAGMA "+p.name+" = "+p.value); err != nil {
		return fmt.Errorf("set %s: %w", p.name, err)
	}
	var value any
	if err := c.Row(context.Background(), "PRAGMA "+p.name, nil, []any{&value}); err != nil {
		return fmt.Errorf("read %s: %w", p.name, err)
	}
	got := fmt.Sprint(value)
	if got != p.want {
		return fmt.Errorf("setting %s is %q, not %q", p.name, got, p.want)
	}
	return nil
}

// Ping implements sqlstore.Querier.
func (c *conn) Ping(context.Context) error {
	return c.run("SELECT 1 FROM mapae_keys LIMIT 1", nil, func(statement) error { return nil })
}

// Exec implements sqlstore.Querier.
func (c *conn) Exec(_ context.Context, sql string, args ...any) (n int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.steps(sql, args, func(statement) error { return nil }); err != nil {
		return 0, err
	}
	return c.handle.changes(), nil
}

// Row implements sqlstore.Querier. A statement that writes and returns rows
// is run to its end, or it would not have written.
func (c *conn) Row(_ context.Context, sql string, args, dest []any) error {
	found := false
	err := c.run(sql, args, func(s statement) error {
		if found {
			return nil
		}
		found = true
		return c.handle.scan(s, dest)
	})
	if err == nil && !found {
		return mapae.ErrNotFound
	}
	return err
}

// Rows implements sqlstore.Querier.
func (c *conn) Rows(_ context.Context, sql string, args, dest []any, row func() error) error {
	return c.run(sql, args, func(s statement) error {
		if err := c.handle.scan(s, dest); err != nil {
			return err
		}
		return row()
	})
}

// inTransaction reports whether a transaction is open.
func (c *conn) inTransaction() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.handle != nil && c.handle.inTransaction()
}

// run runs a statement and calls row at each row, which must not use c.
func (c *conn) run(sql string, args []any, row func(statement) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.steps(sql, args, row)
}

// steps is run where c.mu is held.
func (c *conn) steps(sql string, args []any, row func(statement) error) error {
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	defer c.handle.reset(s)
	if err := c.handle.bind(s, args); err != nil {
		return err
	}
	for {
		if more, err := c.handle.step(s); !more {
			return err
		}
		if err := row(s); err != nil {
			return err
		}
	}
}

// prepare returns the statement of sql, prepared once.
func (c *conn) prepare(sql string) (statement, error) {
	if c.handle == nil {
		return statement{}, errClosed
	}
	if s, ok := c.statements[sql]; ok {
		return s, nil
	}
	s, err := c.handle.prepare(sql)
	if err == nil {
		c.statements[sql] = s
	}
	return s, err
}

// close finalizes the statements and closes the connection.
func (c *conn) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handle == nil {
		return nil
	}
	for _, s := range c.statements {
		c.handle.finalize(s)
	}
	err := c.handle.close()
	c.handle, c.statements = nil, nil
	return err
}
