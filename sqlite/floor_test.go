package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/mapae/mapae/internal/sqlstore"
	"github.com/mapae/mapae/storetest"
)

// BenchmarkFloor is what BenchmarkStore/admit is held against: the same SQL on
// the same file and settings in a bare loop, so many in a transaction, with no
// savepoint, no queue and one goroutine. The cases take turns with the store's,
// so that both meet the same machine.
func BenchmarkFloor(b *testing.B) {
	s, err := Open(b.Context(), filepath.Join(b.TempDir(), "mapae.db"))
	if err != nil {
		b.Fatal(err)
	}
	next := storetest.NextAdmission(b, s)
	c := s.writer.conn
	tx := sqlstore.NewTx(c)
	for _, group := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("bare/group=%d", group), func(b *testing.B) {
			i := 0
			storetest.Together(b, 1, func() error {
				if i++; i%group == 1 || group == 1 {
					if _, err := c.Exec(context.Background(), beginBatch); err != nil {
						return err
					}
				}
				if v, err := tx.Admit(b.Context(), next()); err != nil || !v.Admitted() {
					return fmt.Errorf("verdict %d: %w", v, err)
				}
				if i%group == 0 || i == b.N {
					_, err := c.Exec(context.Background(), commitBatch)
					return err
				}
				return nil
			})
		})
		b.Run(fmt.Sprintf("store/waiting=%d", group), func(b *testing.B) {
			storetest.Together(b, group, func() error {
				v, err := s.Admit(b.Context(), next())
				if err == nil && !v.Admitted() {
					return fmt.Errorf("verdict %d", v)
				}
				return err
			})
		})
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
