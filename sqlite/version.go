package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	sqlitelib "modernc.org/sqlite/lib"
)

const (
	selectVersioned = `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'mapae_migrations'`
	selectVersion   = `SELECT coalesce(max(version_id), 0) FROM mapae_migrations WHERE is_applied`

	createVersions = `CREATE TABLE mapae_migrations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    version_id INTEGER NOT NULL,
    is_applied INTEGER NOT NULL,
    tstamp     TIMESTAMP DEFAULT (datetime('now'))
);
INSERT INTO mapae_migrations (version_id, is_applied) VALUES (0, 1);
`
)

// Migrate brings the tables of the file at path, which must be there, up to
// date.
func Migrate(ctx context.Context, path string) error {
	if _, _, err := Status(ctx, path); err != nil {
		return err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	return migrate(ctx, abs)
}

// Status returns the version of the tables in the file at path, which must be
// there, 0 where there are none, and the one that this program works with.
func Status(ctx context.Context, path string) (current, known int64, err error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, 0, err
	}
	for _, name := range files {
		n, err := versionOf(name)
		if err != nil {
			return 0, 0, err
		}
		known = max(known, n)
	}
	current, err = version(ctx, path)
	return current, known, err
}

// Script returns the SQL that makes the tables, version by version, for those
// who apply it with a tool of their own. It ends with what makes Open find them
// up to date.
func Script() (string, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return "", err
	}
	b := new(strings.Builder)
	b.WriteString(createVersions)
	for _, name := range files {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return "", err
		}
		n, err := versionOf(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(b, "\n%s\nINSERT INTO mapae_migrations (version_id, is_applied) VALUES (%d, 1);\n", text, n)
	}
	return b.String(), nil
}

// versionOf returns the number in the name of a migration.
func versionOf(name string) (n int64, err error) {
	if _, err := fmt.Sscanf(filepath.Base(name), "%d_", &n); err != nil {
		return 0, fmt.Errorf("migration %s: %w", name, err)
	}
	return n, nil
}

// version asks a file that is there, and makes none.
func version(ctx context.Context, path string) (n int64, err error) {
	c, err := openThere(ctx, path, sqlitelib.SQLITE_OPEN_READONLY)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if n, err = c.number(selectVersioned); err != nil || n == 0 {
		return 0, err
	}
	return c.number(selectVersion)
}

// number runs a statement that returns one number.
func (c *conn) number(sql string) (n int64, err error) {
	err = c.Row(context.Background(), sql, nil, []any{&n})
	return n, err
}
