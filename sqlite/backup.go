package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	sqlitelib "modernc.org/sqlite/lib"

	"github.com/mapae/mapae/internal/wholefile"
)

// fileHeader starts every SQLite file (file format, section 1.3.1).
const fileHeader = "SQLite format 3\x00"

// Backup writes the database at path, as it is at one moment after the call,
// to a new file, readable by its owner only. Servers may go on writing. The
// copy is checked as a whole and on the disk before it has its name; a file
// that is there already is fs.ErrExist.
func Backup(ctx context.Context, path, file string) error {
	err := wholefile.Create(file, func(f *os.File) error {
		if err := f.Close(); err != nil { // SQLite's locks go with any descriptor of the file that is closed
			return err
		}
		if err := copyInto(ctx, path, f.Name()); err != nil {
			return err
		}
		return whole(ctx, f.Name())
	})
	if err != nil {
		return fmt.Errorf("back up %s: %w", path, err)
	}
	return nil
}

// copyInto writes the database at path into an empty file, in one transaction
// that reads.
func copyInto(ctx context.Context, path, empty string) (err error) {
	c, err := openThere(ctx, path, sqlitelib.SQLITE_OPEN_READWRITE)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if _, err := c.Exec(ctx, "PRAGMA busy_timeout = 5000"); err != nil {
		return err
	}
	_, err = c.Exec(ctx, "VACUUM INTO $1", empty)
	return err
}

// openThere opens the file at path, which must be there, as flags say:
// SQLITE_OPEN_READONLY or SQLITE_OPEN_READWRITE.
func openThere(ctx context.Context, path string, flags int32) (*conn, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return openFile(abs, flags)
}

// whole returns nil when the file at path is a whole database.
func whole(ctx context.Context, path string) (err error) {
	c, err := openThere(ctx, path, sqlitelib.SQLITE_OPEN_READONLY)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	wrong, err := c.damage()
	if err == nil && len(wrong) > 0 {
		err = fmt.Errorf("the database is damaged: %s", wrong[0])
	}
	return err
}

// damage returns what SQLite finds wrong with a file: pages, indexes and
// references.
func (c *conn) damage() (wrong []string, err error) {
	var text string
	err = c.Rows(context.Background(), "PRAGMA integrity_check(10)", nil, []any{&text}, func() error {
		if text != "ok" {
			wrong = append(wrong, text)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("integrity check: %w", err)
	}
	var table, row, parent, key any
	err = c.Rows(context.Background(), "PRAGMA foreign_key_check", nil, []any{&table, &row, &parent, &key}, func() error {
		wrong = append(wrong, fmt.Sprintf("a row of %v refers to one of %v that is not there", table, parent))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("foreign key check: %w", err)
	}
	return wrong, nil
}

// isFile reports whether there is a SQLite database at path by its first
// bytes.
func isFile(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, len(fileHeader))
	if _, err := io.ReadFull(f, head); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	return bytes.Equal(head, []byte(fileHeader)), nil
}
