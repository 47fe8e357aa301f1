package transfer

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// database is the one of another system, which is only read.
type database struct{ *sql.DB }

// open opens a SQLite file or a PostgreSQL database.
func open(ctx context.Context, from string) (*database, error) {
	driver, source := "pgx", from
	if !strings.HasPrefix(from, "postgres://") && !strings.HasPrefix(from, "postgresql://") {
		if _, err := os.Stat(from); err != nil {
			return nil, err
		}
		driver, source = "sqlite", "file:"+(&url.URL{Path: from}).EscapedPath()+"?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, err
	}
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &database{db}, nil
}

// errNoTable is wrapped by table.
var errNoTable = errors.New("there is no such table in it")

// absent reports whether err of a query says that there is no such table: one
// that may not be read is there.
func absent(err error) bool {
	const undefinedTable = "42P01"
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code == undefinedTable
	}
	return strings.Contains(err.Error(), "no such table")
}

// table returns the first of names that is a table, quoted, and its columns.
// errNoTable: none is.
func (d *database) table(ctx context.Context, names ...string) (quoted string, columns []string, err error) {
	for _, name := range names {
		quoted = quote(name)
		rows, err := d.QueryContext(ctx, "SELECT * FROM "+quoted+" WHERE 1 = 0")
		if err != nil && absent(err) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		columns, err := rows.Columns()
		return quoted, columns, errors.Join(err, rows.Close())
	}
	return "", nil, fmt.Errorf("%s: %w", strings.Join(names, " or "), errNoTable)
}

// simpleName is a name that needs no thought when it is quoted.
var simpleName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// pick returns what selects columns of a table under its alias: those that are
// not there are NULL.
func pick(alias string, there []string, columns ...string) string {
	var all []string
	for _, c := range columns {
		expression := "NULL"
		if slices.Contains(there, c) {
			expression = alias + "." + quote(c)
		}
		all = append(all, expression+" AS "+quote(alias+"_"+c))
	}
	return strings.Join(all, ", ")
}

// rows calls each with every row of a query.
func (d *database) rows(ctx context.Context, query string, each func(*row) error) error {
	rows, err := d.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values := make([]any, len(names))
		into := make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		r := &row{values: map[string]any{}}
		for i, name := range names {
			r.values[name] = values[i]
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// accounts calls each with the accounts that a query's rows stand for: rows with
// the same text in key, which follow each other, are one, which begin makes of
// the first and add adds to with each.
func (d *database) accounts(ctx context.Context, query, key string, begin func(*row) Account, add func(*Account, *row), each func(Account) error) error {
	var a Account
	last, any := "", false
	err := d.rows(ctx, query, func(r *row) error {
		if id := r.text(key); !any || id != last {
			if any {
				if err := each(a); err != nil {
					return err
				}
			}
			a, last, any = begin(r), id, true
			a.Label = cmp.Or(a.Label, id)
			if a.Err == nil {
				a.Err = r.err
			}
		}
		r.err = nil
		add(&a, r)
		return nil
	})
	if err == nil && any {
		err = each(a)
	}
	return err
}
