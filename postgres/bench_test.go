package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mapae/mapae/internal/sqlstore"
	"github.com/mapae/mapae/storetest"
)

// benchPlace returns the URL of a database in a cluster that syncs at each
// commit, as it does by default.
func benchPlace(b *testing.B) string {
	b.Helper()
	return ownCluster(b, "shared_buffers=512MB", "max_wal_size=4GB").URL("postgres")
}

// BenchmarkStore measures PostgreSQL with fsync and synchronous_commit on, over
// a Unix socket.
func BenchmarkStore(b *testing.B) {
	s := open(b, benchPlace(b)+"&pool_max_conns=32")
	storetest.Benchmark(b, s)
	if err := s.Close(); err != nil {
		b.Error(err)
	}
}

// spy is a sqlstore.Querier that keeps what it is asked.
type spy struct {
	sqlstore.Querier
	sql  string
	args []any
}

func (s *spy) Row(_ context.Context, sql string, args, _ []any) error {
	s.sql, s.args = sql, args
	return nil
}

// BenchmarkFloor is what BenchmarkStore/admit is held against: the same
// statement with the same arguments in bare loops of pgx, each with a
// connection of its own. The cases take turns with the store's, so that both
// meet the same machine.
func BenchmarkFloor(b *testing.B) {
	url := benchPlace(b)
	s := open(b, url+"&pool_max_conns=32")
	next := storetest.NextAdmission(b, s)
	for _, waiting := range []int{1, 8, 32} {
		conns := make(chan *pgx.Conn, waiting)
		for range waiting {
			c, err := pgx.Connect(b.Context(), url)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close(context.Background())
			conns <- c
		}
		b.Run(fmt.Sprintf("bare/waiting=%d", waiting), func(b *testing.B) {
			storetest.Together(b, waiting, func() error {
				var asked spy
				if _, err := sqlstore.AdmitAtOnce(b.Context(), &asked, next()); err != nil {
					return err
				}
				c := <-conns
				defer func() { conns <- c }()
				var v int64
				if err := c.QueryRow(context.Background(), asked.sql, asked.args...).Scan(&v); err != nil || v != 1 {
					return fmt.Errorf("verdict %d: %w", v, err)
				}
				return nil
			})
		})
		b.Run(fmt.Sprintf("store/waiting=%d", waiting), func(b *testing.B) {
			storetest.Together(b, waiting, func() error {
				v, err := s.Admit(b.Context(), next())
				if err == nil && !v.Admitted() {
					return fmt.Errorf("verdict %d", v)
				}
				return err
			})
		})
	}
	if err := s.Close(); err != nil {
		b.Error(err)
	}
}
