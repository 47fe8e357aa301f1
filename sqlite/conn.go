package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"modernc.org/sqlite"
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
	writePragmas = append([]pragma{
		{"journal_size_limit", "67108864", "67108864"},
		{"cache_size", "-4096", "-4096"},
	}, commonPragmas...)
	readPragmas = append([]pragma{
		{"query_only", "ON", "1"},
		{"cache_size", "-2048", "-2048"}, // every commit of another connection empties it
	}, commonPragmas...)
)

// conn is one connection with its prepared statements: a sqlstore.Querier for
// one goroutine at a time. Contexts are looked at by those who hand it out; a
// statement that runs is not interrupted.
type conn struct {
	driver     driver.Conn
	statements map[string]statement
	values     []driver.Value // of the current row
}

// statement is what the driver's statements can do.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// dataSource returns the file's name as a URI, in which no character of a path
// has a meaning, and with which a string in double quotes is an error.
func dataSource(path string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: "_dqs=0"}
	return u.String()
}

// connect opens a connection and proves that its settings took.
func connect(path string, pragmas []pragma) (*conn, error) {
	d, err := new(sqlite.Driver).Open(dataSource(path))
	if err != nil {
		return nil, err
	}
	c := &conn{driver: d, statements: map[string]statement{}}
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
		var failure *sqlite.Error
		busy := errors.As(err, &failure) && failure.Code()&0xff == sqlitelib.SQLITE_BUSY
		if !busy || time.Now().After(patience) {
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
	got := ""
	err := c.query("PRAGMA "+p.name, nil, func(row []driver.Value) error {
		got = fmt.Sprint(row[0])
		return nil
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", p.name, err)
	}
	if got != p.want {
		return fmt.Errorf("setting %s is %q, not %q", p.name, got, p.want)
	}
	return nil
}

// prepare returns the statement of sql, prepared once.
func (c *conn) prepare(sql string) (statement, error) {
	if s, ok := c.statements[sql]; ok {
		return s, nil
	}
	prepared, err := c.driver.Prepare(sql)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(statement)
	if !ok {
		return nil, errors.Join(fmt.Errorf("sqlite: driver statement is a %T", prepared), prepared.Close())
	}
	c.statements[sql] = s
	return s, nil
}

// Ping implements sqlstore.Querier.
func (c *conn) Ping(context.Context) error {
	return c.query("SELECT 1 FROM mapae_keys LIMIT 1", nil, func([]driver.Value) error { return nil })
}

// Exec implements sqlstore.Querier.
func (c *conn) Exec(_ context.Context, sql string, args ...any) (int64, error) {
	s, err := c.prepare(sql)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(context.Background(), named(args))
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Row implements sqlstore.Querier. A statement that writes and returns rows
// is run to its end, or it would not have written.
func (c *conn) Row(_ context.Context, sql string, args, dest []any) error {
	found := false
	err := c.query(sql, args, func(row []driver.Value) error {
		if found {
			return nil
		}
		found = true
		return scan(dest, row)
	})
	if err == nil && !found {
		return mapae.ErrNotFound
	}
	return err
}

// Rows implements sqlstore.Querier.
func (c *conn) Rows(_ context.Context, sql string, args, dest []any, row func() error) error {
	return c.query(sql, args, func(values []driver.Value) error {
		if err := scan(dest, values); err != nil {
			return err
		}
		return row()
	})
}

// query runs a statement and calls row for each row.
func (c *conn) query(sql string, args []any, row func([]driver.Value) error) (err error) {
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), named(args))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	n := len(rows.Columns())
	if len(c.values) < n {
		c.values = make([]driver.Value, n)
	}
	for {
		switch err := rows.Next(c.values[:n]); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if err := row(c.values[:n]); err != nil {
			return err
		}
	}
}

// close finalizes the statements and closes the connection.
func (c *conn) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.driver.Close())...)
}

// named returns args as the driver wants them.
func named(args []any) []driver.NamedValue {
	values := make([]driver.NamedValue, len(args))
	for i, a := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return values
}

// scan copies a row into dest.
func scan(dest []any, row []driver.Value) error {
	if len(dest) != len(row) {
		return fmt.Errorf("sqlite: %d columns for %d destinations", len(row), len(dest))
	}
	for i, d := range dest {
		ok := false
		switch d := d.(type) {
		case *int64:
			*d, ok = row[i].(int64)
		case *string:
			*d, ok = row[i].(string)
		case *[]byte:
			*d, ok = row[i].([]byte)
		}
		if !ok {
			return fmt.Errorf("sqlite: column %d is a %T, wanted in a %T", i+1, row[i], d)
		}
	}
	return nil
}
