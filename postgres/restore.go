package postgres

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/sqlstore"
)

const (
	// Who else is connected to the database: nodes, and anybody.
	selectOthers = `SELECT count(*) FILTER (WHERE application_name = 'mapae'), count(*) FROM pg_stat_activity
	WHERE datname = current_database() AND pid <> pg_backend_pid() AND COALESCE(backend_type, 'client backend') = 'client backend'`

	selectTables = `SELECT COALESCE(string_agg(format('%I.%I', schemaname, tablename), ', ' ORDER BY tablename), '') FROM pg_tables
	WHERE schemaname = current_schema() AND tablename LIKE 'mapae\_%'`

	selectAnyUser = `SELECT count(*) FROM (SELECT 1 FROM mapae_users LIMIT 1) AS u`

	// archiveHead starts every file in pg_dump's custom format.
	archiveHead = "PGDMP"

	codeLocked = "55P03"
)

var (
	errInUse  = errors.New("postgres: nodes are connected to the database: stop them")
	errOthers = errors.New("postgres: others than nodes are connected to the database: it is restored under them only with force")
	errFull   = errors.New("postgres: there are accounts in the database: they are written over only with force")
)

// Restore puts the backup in file in the place of Mapae's tables in the
// database that url names, in one transaction: what is there goes, what was
// backed up comes, its keys are handed to check, and all ends that
// mapae.Restored names; or nothing of that happens. Tables of an older version
// are brought up to date after it. A database that nodes are connected to is
// refused; one that has accounts, or that others are connected to, is too, but
// when force is set. The tables must be of the schema that url leads to, and
// belong to its user; privileges on them are not in a backup.
func Restore(ctx context.Context, file, url string, force bool, check func([]mapae.KeyCheck) error) (mapae.Restored, error) {
	done, err := restore(ctx, file, url, force, check)
	if err != nil {
		return mapae.Restored{}, fmt.Errorf("restore %s: %w", file, err)
	}
	if err := Migrate(ctx, url); err != nil {
		return done, fmt.Errorf("%s is restored, its tables are not up to date: %w", file, err)
	}
	return done, nil
}

func restore(ctx context.Context, file, url string, force bool, check func([]mapae.KeyCheck) error) (done mapae.Restored, err error) {
	if err := isArchive(file); err != nil {
		return done, err
	}
	schema, err := contents(ctx, file)
	if err != nil {
		return done, err
	}
	cfg, err := config(url)
	if err != nil {
		return done, err
	}
	c, err := pgx.ConnectConfig(ctx, cfg.ConnConfig)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	err = pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		if err := vacate(ctx, tx, schema, force); err != nil {
			return err
		}
		if err := replay(ctx, tx, file); err != nil {
			return err
		}
		done, err = conclude(ctx, tx, check)
		return err
	})
	return done, err
}

// isArchive returns nil when the file is in pg_dump's custom format.
func isArchive(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, len(archiveHead))
	if _, err := io.ReadFull(f, head); err != nil || string(head) != archiveHead {
		return errors.New("postgres: it is not in pg_dump's custom format")
	}
	return nil
}

// vacate locks the tables that are there, and returns why they may not be
// replaced.
func vacate(ctx context.Context, tx pgx.Tx, schema string, force bool) error {
	var here, encoding, tables string
	if err := tx.QueryRow(ctx, selectPlace).Scan(&here, &encoding); err != nil {
		return err
	}
	if here != schema {
		return fmt.Errorf("postgres: its tables are of the schema %q, and the URL leads to %q: name it with search_path=…", schema, here)
	}
	var nodes, others int64
	if err := tx.QueryRow(ctx, selectOthers).Scan(&nodes, &others); err != nil {
		return err
	}
	switch {
	case nodes > 0:
		return errInUse
	case others > 0 && !force:
		return errOthers
	}
	if err := tx.QueryRow(ctx, selectTables).Scan(&tables); err != nil || tables == "" {
		return err
	}
	if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '5s'"); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "LOCK TABLE "+tables+" IN ACCESS EXCLUSIVE MODE"); err != nil {
		if code(err) == codeLocked {
			return errInUse
		}
		return err
	}
	if force || !strings.Contains(tables, "mapae_users") {
		return nil
	}
	var users int64
	if err := tx.QueryRow(ctx, selectAnyUser).Scan(&users); err != nil {
		return err
	}
	if users > 0 {
		return errFull
	}
	return nil
}

// replay runs a backup as SQL in the transaction, and leaves the session's
// search path as it was.
func replay(ctx context.Context, tx pgx.Tx, file string) error {
	var path string
	if err := tx.QueryRow(ctx, "SELECT current_setting('search_path')").Scan(&path); err != nil {
		return err
	}
	cmd, err := tool(ctx, "pg_restore", "", "--clean", "--if-exists", "--no-owner", "--no-privileges", "--exit-on-error", "--file=-", file)
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var problems bytes.Buffer
	cmd.Stderr = &problems
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := runScript(ctx, tx.Conn().PgConn(), bufio.NewReader(out)); err != nil {
		_ = cmd.Process.Kill() // it may have ended
		if ended := cmd.Wait(); problems.Len() > 0 {
			err = errors.Join(toolError(cmd, ended, problems.String()), err)
		}
		return err
	}
	if err := cmd.Wait(); err != nil {
		return toolError(cmd, err, problems.String())
	}
	_, err = tx.Exec(ctx, "SELECT set_config('search_path', $1, true)", path)
	return err
}

// runScript runs what pg_restore writes: statements, and between them COPY with
// its rows.
func runScript(ctx context.Context, c *pgconn.PgConn, script *bufio.Reader) error {
	var statements strings.Builder
	flush := func() error {
		_, err := c.Exec(ctx, statements.String()).ReadAll()
		statements.Reset()
		return err
	}
	for {
		line, err := script.ReadString('\n')
		switch {
		case strings.HasPrefix(line, "COPY ") && strings.HasSuffix(line, " FROM stdin;\n"):
			if err := flush(); err != nil {
				return err
			}
			if _, err := c.CopyFrom(ctx, &copyRows{script: script}, strings.TrimSuffix(line, ";\n")); err != nil {
				return fmt.Errorf("%s: %w", strings.TrimSpace(line), err)
			}
		case strings.HasPrefix(line, `\`), strings.HasPrefix(line, "SET transaction_timeout"):
			// Words to psql (\restrict), and a setting that an older server does not know.
		default:
			statements.WriteString(line)
		}
		if err == io.EOF {
			return flush()
		}
		if err != nil {
			return err
		}
	}
}

// copyRows reads the rows of a COPY up to the line that ends them.
type copyRows struct {
	script *bufio.Reader
	rest   []byte
	over   bool
}

func (r *copyRows) Read(p []byte) (int, error) {
	if len(r.rest) == 0 && !r.over {
		line, err := r.script.ReadBytes('\n')
		if err == io.EOF {
			err = io.ErrUnexpectedEOF // the line that ends the rows is missing
		}
		if err != nil {
			return 0, err
		}
		r.rest, r.over = line, string(line) == "\\.\n"
	}
	if r.over {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// conclude holds what came against what this program works with, and ends what
// may have been ended since.
func conclude(ctx context.Context, tx pgx.Tx, check func([]mapae.KeyCheck) error) (done mapae.Restored, err error) {
	known, err := newest()
	if err != nil {
		return done, err
	}
	var current int64
	if err := tx.QueryRow(ctx, selectVersion).Scan(&current); err != nil {
		return done, err
	}
	if current == 0 || current > known {
		return done, fmt.Errorf("postgres: its tables have version %d, this program restores 1 to %d", current, known)
	}
	r := sqlstore.NewReader(&txConn{tx: tx})
	listed, err := r.KeyChecks(ctx)
	if err != nil {
		return done, err
	}
	if err := check(listed); err != nil {
		return done, err
	}
	last, err := r.Events(ctx, "", "", 1)
	if err != nil {
		return done, err
	}
	if len(last) > 0 {
		done.Until = last[0].At
	}
	done.Users, err = sqlstore.Restored(ctx, func(ctx context.Context, sql string) (int64, error) {
		tag, err := tx.Exec(ctx, sql)
		return tag.RowsAffected(), err
	})
	return done, err
}
