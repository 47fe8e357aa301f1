package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mapae/mapae"
)

// patience is how long a statement may take, the wait for a connection
// included.
const patience = 2 * time.Second

// SQLSTATEs that something is done about (PostgreSQL, appendix A).
const (
	codeUnique    = "23505"
	codeReadOnly  = "25006"
	codeSerialize = "40001"
	codeDeadlock  = "40P01"
	codeNoTable   = "42P01"
)

// tries is how often a transaction is run that others were in the way of.
const tries = 3

// again runs do, and runs it again while PostgreSQL broke it off because of
// others. It left nothing then.
func again(ctx context.Context, do func() error) (err error) {
	for try := range tries {
		if err = do(); !inTheWay(err) || try == tries-1 {
			break
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(rand.N(time.Duration(1+10*try) * time.Millisecond)):
		}
	}
	return err
}

// inTheWay reports whether other transactions are to blame for err. A unique
// value that is taken is answered by the statements themselves: that it comes
// as an error means that it was taken while the statement ran.
func inTheWay(err error) bool {
	switch code(err) {
	case codeSerialize, codeDeadlock, codeUnique:
		return true
	}
	return false
}

// code returns the SQLSTATE of err, or nothing.
func code(err error) string {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code
	}
	return ""
}

// asker is what a pool and a transaction have in common.
type asker interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// unhurried marks a context whose statements may take as long as they do.
type unhurried struct{}

// withoutHurry returns a context for what an operator waits for: statements
// that read whole tables.
func withoutHurry(ctx context.Context) context.Context {
	return context.WithValue(ctx, unhurried{}, true)
}

// patiently runs do with a context that ends after patience. What it then
// returns, or when a connection could not be made in time, does not look like
// the end of the caller's own context.
func patiently(ctx context.Context, do func(context.Context) error) error {
	if ctx.Value(unhurried{}) != nil {
		return do(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := do(limited)
	if err != nil && ctx.Err() == nil && (limited.Err() != nil || errors.Is(err, context.DeadlineExceeded)) {
		return fmt.Errorf("postgres: no answer within %v: %v", patience, err)
	}
	return err
}

func execute(ctx context.Context, a asker, sql string, args []any) (n int64, err error) {
	err = patiently(ctx, func(ctx context.Context) error {
		tag, err := a.Exec(ctx, sql, args...)
		n = tag.RowsAffected()
		return err
	})
	return n, err
}

// row scans the first row, or returns mapae.ErrNotFound.
func row(ctx context.Context, a asker, sql string, args, dest []any) error {
	return patiently(ctx, func(ctx context.Context) error {
		rows, err := a.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		if !rows.Next() {
			if err := rows.Err(); err != nil {
				return err
			}
			return mapae.ErrNotFound
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		rows.Close()
		return rows.Err()
	})
}

// query scans each row and calls each.
func query(ctx context.Context, a asker, sql string, args, dest []any, each func() error) error {
	return patiently(ctx, func(ctx context.Context) error {
		rows, err := a.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			if err := each(); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
