package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	sqlitelib "modernc.org/sqlite/lib"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/sqlstore"
)

// Examine says how the database at path is, and changes nothing; servers may
// have it open. Of the keys that it lists, check says whether they are known.
// Deep reads all of it. The error is that of a database that can't be read.
func Examine(ctx context.Context, path string, deep bool, check func([]mapae.KeyCheck) error) ([]mapae.Finding, error) {
	all, err := examine(ctx, path, deep, check)
	if err != nil {
		return all, fmt.Errorf("examine %s: %w", path, err)
	}
	return all, nil
}

func examine(ctx context.Context, path string, deep bool, check func([]mapae.KeyCheck) error) (all []mapae.Finding, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	current, known, err := Status(ctx, path)
	if err != nil {
		return nil, err
	}
	all = append(all, sqlstore.Versions(current, known))
	if current != known {
		return all, nil // the rest asks for tables that may not be there
	}
	c, err := openThere(ctx, path, sqlitelib.SQLITE_OPEN_READONLY)
	if err != nil {
		return all, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	keys, err := sqlstore.Keys(ctx, sqlstore.NewReader(c), check)
	if err != nil {
		return all, err
	}
	if all = append(all, keys); !deep {
		return all, nil
	}
	for _, look := range []func() ([]mapae.Finding, error){
		func() ([]mapae.Finding, error) { return lookAtFile(path) },
		func() ([]mapae.Finding, error) { return lookAtSettings(c, path) },
		func() ([]mapae.Finding, error) { return lookForDamage(c) },
		func() ([]mapae.Finding, error) { return sqlstore.Orphans(ctx, sqlstore.NewReader(c)) },
	} {
		found, err := look()
		all = append(all, found...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func one(check string, level mapae.Level, format string, args ...any) []mapae.Finding {
	return []mapae.Finding{{Check: check, Level: level, Text: fmt.Sprintf(format, args...)}}
}

func lookAtFile(path string) ([]mapae.Finding, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return one("file", mapae.LevelWarning, "mode %04o: others than its owner can read it, run chmod 600 %s", mode, path), nil
	}
	return one("file", mapae.LevelOK, "%d bytes, for its owner only", info.Size()), nil
}

// lookAtSettings says which settings are in force. The journal is the file's
// own; the others are each connection's, which proves them when it opens.
func lookAtSettings(c *conn, path string) ([]mapae.Finding, error) {
	journal := ""
	if err := c.Row(context.Background(), "PRAGMA journal_mode", nil, []any{&journal}); err != nil {
		return nil, err
	}
	if journal != "wal" {
		return one("settings", mapae.LevelWarning, "the journal is %q, the next start makes it \"wal\"", journal), nil
	}
	proven, err := connect(path, readPragmas)
	if err != nil {
		return one("settings", mapae.LevelProblem, "%v", err), nil
	}
	var names []string
	for _, p := range commonPragmas {
		names = append(names, p.name+"="+p.value)
	}
	return one("settings", mapae.LevelOK, "in force: %s", strings.Join(names, " ")), proven.close()
}

func lookForDamage(c *conn) ([]mapae.Finding, error) {
	wrong, err := c.damage()
	if err != nil {
		return nil, err
	}
	var all []mapae.Finding
	for _, text := range wrong {
		all = append(all, one("integrity", mapae.LevelProblem, "%s", text)...)
	}
	if len(all) == 0 {
		all = one("integrity", mapae.LevelOK, "all pages, indexes and references are whole")
	}
	return all, nil
}
