package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/sqlstore"
)

// planned is a sqlstore.Querier that asks how each statement would be run.
type planned struct {
	*conn
	plans []string
}

func (p *planned) Exec(_ context.Context, sql string, _ ...any) (int64, error) {
	plan := []string{sql}
	var id, parent, unused, detail any
	err := p.conn.Rows(context.Background(), "EXPLAIN QUERY PLAN "+sql, []any{int64(0), int64(0)}, []any{&id, &parent, &unused, &detail}, func() error {
		plan = append(plan, fmt.Sprint(detail))
		return nil
	})
	p.plans = append(p.plans, strings.Join(plan, "\n"))
	return 0, err
}

func (p *planned) Rows(ctx context.Context, sql string, args, _ []any, _ func() error) error {
	_, err := p.Exec(ctx, sql, args...)
	return err
}

// Each kind is swept by an index, in the index's order: none reads a table,
// none sorts.
func TestASweepReadsNoTable(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "mapae.db"))
	if err != nil {
		t.Fatal(err)
	}
	p := &planned{conn: s.writer.conn}
	update := func(_ context.Context, f func(mapae.Tx) error) error { return f(sqlstore.NewTx(p)) }
	at := time.Unix(1, 0)
	plan := mapae.SweepPlan{SpentBefore: at, SessionsBefore: at, EventsBefore: at, FailuresBefore: at, RecoveryBefore: at, Limit: 1}
	if _, err := sqlstore.Sweep(t.Context(), update, plan, ""); err != nil || len(p.plans) != 5 {
		t.Fatalf("%d statements, %v", len(p.plans), err)
	}
	for _, plan := range p.plans {
		if strings.Contains(plan, "SCAN mapae") || strings.Contains(plan, "TEMP B-TREE") {
			t.Error(plan)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
