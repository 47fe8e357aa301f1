package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/sqlstore"
)

// everything is a plan that sweeps all kinds.
func everything(limit int) mapae.SweepPlan {
	at := time.UnixMicro(1 << 50)
	return mapae.SweepPlan{SpentBefore: at, SessionsBefore: at, EventsBefore: at, FailuresBefore: at, RecoveryBefore: at, Limit: limit}
}

// A transaction holds rows of each kind that are over. The sweep takes the
// others and waits for nobody; nobody who signs in waits for the sweep.
func TestASweepWaitsForNobody(t *testing.T) {
	t.Parallel()
	url := place(t)
	s := open(t, url)
	people(t, s, 2)
	for i := 1; i <= 2; i++ {
		if v, err := s.Admit(t.Context(), signIn(0, i, i)); err != nil || !v.Admitted() {
			t.Fatal(v, err)
		}
	}
	run(t, url, "UPDATE mapae_sessions SET idle_ends_at = 1", "UPDATE mapae_spent SET ends_at = 1", "UPDATE mapae_events SET id = substr(id, 9)",
		"INSERT INTO mapae_failures VALUES ('a', 1, 1, 1), ('b', 1, 1, 1)")
	ctx := t.Context()
	holder, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close(context.Background())
	for _, sql := range []string{"BEGIN",
		"SELECT 1 FROM mapae_sessions WHERE id = (SELECT id FROM mapae_sessions ORDER BY id LIMIT 1) FOR UPDATE",
		"SELECT 1 FROM mapae_spent WHERE id = (SELECT id FROM mapae_spent ORDER BY id LIMIT 1) FOR UPDATE",
		"SELECT 1 FROM mapae_events WHERE id = (SELECT id FROM mapae_events ORDER BY id LIMIT 1) FOR UPDATE",
		"SELECT 1 FROM mapae_failures WHERE key_hash = 'a' FOR UPDATE"} {
		if _, err := holder.Exec(ctx, sql); err != nil {
			t.Fatal(sql, err)
		}
	}
	swept := func(want int) {
		t.Helper()
		begun := time.Now()
		if n, err := s.Sweep(ctx, everything(100)); err != nil || n != want {
			t.Errorf("%d removed, want %d, %v", n, want, err)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("the sweep took %v", took)
		}
	}
	swept(4) // one of each kind
	if _, err := holder.Exec(ctx, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	// A sweep that goes on for long: somebody signs in meanwhile.
	for _, sql := range []string{"BEGIN", "DELETE FROM mapae_sessions", "DELETE FROM mapae_spent", "DELETE FROM mapae_events", "UPDATE mapae_swept SET ends_at = ends_at"} {
		if _, err := holder.Exec(ctx, sql); err != nil {
			t.Fatal(sql, err)
		}
	}
	begun := time.Now()
	if v, err := s.Admit(ctx, signIn(0, 3, 3)); err != nil || !v.Admitted() {
		t.Errorf("a sign-in meanwhile: verdict %d, %v", v, err)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("the sign-in took %v", took)
	}
	if _, err := holder.Exec(ctx, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	swept(4)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// listening is a sqlstore.Querier that keeps what it is asked to write.
type listening struct {
	sqlstore.Querier
	asked []asked
}

type asked struct {
	sql  string
	args []any
}

func (l *listening) Exec(_ context.Context, sql string, args ...any) (int64, error) {
	l.asked = append(l.asked, asked{sql, args})
	return 0, nil
}

func (l *listening) Rows(_ context.Context, sql string, args, _ []any, _ func() error) error {
	l.asked = append(l.asked, asked{sql, args})
	return nil
}

// With many rows that live and none that is over, each kind is swept by an
// index: none reads a table.
func TestASweepReadsNoTable(t *testing.T) {
	t.Parallel()
	url := place(t)
	if err := open(t, url).Close(); err != nil {
		t.Fatal(err)
	}
	const later = "9000000000000000"
	run(t, url,
		"INSERT INTO mapae_users (id, login, login_key, email, email_verified_at, name, locale, external_id, epoch, created_at, disabled_at) SELECT int8send(i), 'l', i::text, '', 0, '', '', '', 0, 0, 0 FROM generate_series(1, 5000) i",
		"INSERT INTO mapae_sessions (id, token_hash, user_id, epoch, seen_at, idle_ends_at, ends_at, created_at, app, uses, address, user_agent) "+
			"SELECT int8send(i), int8send(i), int8send(i), 0, 0, "+later+" + i, "+later+" + i, 0, 0, '', '', '' FROM generate_series(1, 5000) i",
		"INSERT INTO mapae_spent SELECT "+later+" + i, 1, int8send(i) FROM generate_series(1, 5000) i",
		"INSERT INTO mapae_events SELECT int8send("+later+" + i), int8send(i), 0, '', '', '', '', '', '', '', '', 0 FROM generate_series(1, 5000) i",
		"INSERT INTO mapae_failures SELECT int8send(i), 1, "+later+", "+later+" + i FROM generate_series(1, 5000) i",
		"INSERT INTO mapae_recoveries SELECT int8send(i), int8send(i), '', 0, 0, "+later+" + i FROM generate_series(1, 5000) i", "ANALYZE")
	l := &listening{}
	update := func(_ context.Context, f func(mapae.Tx) error) error { return f(sqlstore.NewTx(l)) }
	if _, err := sqlstore.Sweep(t.Context(), update, everything(500), sqlstore.SkipLocked); err != nil || len(l.asked) != 5 {
		t.Fatalf("%d statements, %v", len(l.asked), err)
	}
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	for _, a := range l.asked {
		rows, err := c.Query(t.Context(), "EXPLAIN "+a.sql, a.args...)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if plan := strings.Join(lines, "\n"); strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "LockRows") {
			t.Errorf("%s\n%s", a.sql, plan)
		}
	}
}
