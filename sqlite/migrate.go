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
	db, err := sql.Open("sqlite", dataSource(path)+"&_pragma=busy_timeout(30000)&_pragma=foreign_keys(0)&_txlock=immediate")
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
		if err = up(ctx, db, p); err == nil || errors.Is(err, errNewer) || errors.Is(err, errOthers) {
			return err
		}
	}
	return fmt.Errorf("bring tables up to date: %w", err)
}

var (
	errNewer  = errors.New("sqlite: tables are newer than this program")
	errOthers = errors.New("sqlite: tables that are to be written anew have triggers, indexes or columns of somebody else, which would be lost")
)

// up runs the migrations that are missing.
func up(ctx context.Context, db *sql.DB, p *goose.Provider) error {
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
	if err := othersOf(ctx, db, current); err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// rewritten is the version that writes the tables of users and passkeys anew.
const rewritten = 5

// othersOf refuses a file of an earlier version, if version 5 would take from it
// what is not Mapae's.
func othersOf(ctx context.Context, db *sql.DB, current int64) error {
	if current == 0 || current >= rewritten {
		return nil
	}
	var names sql.NullString
	err := db.QueryRowContext(ctx, `SELECT group_concat(name, ', ') FROM (
		SELECT name FROM sqlite_master WHERE tbl_name COLLATE NOCASE IN ('mapae_users', 'mapae_credentials')
			AND (type = 'trigger' OR type = 'index' AND name NOT GLOB 'sqlite_autoindex_*'
				AND name NOT IN ('mapae_users_external_id', 'mapae_users_email_key', 'mapae_credentials_user'))
		UNION ALL SELECT name FROM pragma_table_xinfo('mapae_users') WHERE name NOT IN ('id', 'login', 'login_key', 'email', 'email_verified_at',
			'name', 'locale', 'external_id', 'epoch', 'created_at', 'disabled_at', 'email_key', 'frozen_until', 'offer_after')
		UNION ALL SELECT name FROM pragma_table_xinfo('mapae_credentials') WHERE name NOT IN ('id', 'user_id', 'sign_count', 'last_used_at',
			'backup_eligible', 'backup_state', 'last_used_agent', 'public_key', 'algorithm', 'uv_initialized', 'first_factor', 'transports', 'aaguid',
			'rp_id', 'name', 'created_at', 'suspended_at', 'attestation_format', 'attestation_object', 'attestation_client_data', 'foreign_handle'))`).Scan(&names)
	if err == nil && names.Valid {
		err = fmt.Errorf("%w: %s", errOthers, names.String)
	}
	return err
}
