package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrateTries is how often the tables are brought up to date: a program that
// opens the file at the same moment may have been faster.
const migrateTries = 3

// dataSource returns the file's name as a URI, in which no character of a path
// has a meaning, and with which a string in double quotes is an error.
func dataSource(path string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: "_dqs=0"}
	return u.String()
}

// migrate brings the tables of the file at path up to date. Foreign keys are off:
// a table that others refer to is replaced, and what refers to it stays.
func migrate(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite", dataSource(path)+"&_pragma=busy_timeout(5000)&_pragma=foreign_keys(0)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithTableName("mapae_migrations"), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	for range migrateTries {
		if err = up(ctx, p); err == nil || errors.Is(err, errNewer) {
			return err
		}
	}
	return fmt.Errorf("bring tables up to date: %w", err)
}

var errNewer = errors.New("sqlite: tables are newer than this program")

// up runs the migrations that are missing.
func up(ctx context.Context, p *goose.Provider) error {
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > target {
		return fmt.Errorf("%w: version %d, known up to %d", errNewer, current, target)
	}
	if current == target {
		return nil
	}
	_, err = p.Up(ctx)
	return err
}
