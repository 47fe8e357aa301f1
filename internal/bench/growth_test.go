package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mapae/mapae/internal/load"
	"github.com/mapae/mapae/internal/pgtest"
	"github.com/mapae/mapae/webauthntest"
)

// growthBound is how much more a sign-in may cost at the largest size than at
// the smallest.
const growthBound = 1.15

// numbersOf reads a list of numbers from the environment, or is what is given.
func numbersOf(t *testing.T, name string, short ...int) (numbers []int, long bool) {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return short, false
	}
	numbers, err := readNumbers(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return numbers, true
}

// population is a database with many users, two passkeys each, which all have
// one key pair: nobody can tell, and 2,000,000 need not be made.
type population struct {
	users  int
	size   int64 // bytes of the database with nobody signed in
	cpu    func(t *testing.T) time.Duration
	target target
}

// What a sign-in costs must not depend on how many accounts there are.
// MAPAE_GROWTH=1000,100000,1000000 sets the sizes, and holds the bound; the
// short form shows that all of it works.
func TestASignInCostsTheSameHoweverManyUsersThereAre(t *testing.T) {
	sizes, long := numbersOf(t, "MAPAE_GROWTH", 20, 60)
	for name, populate := range map[string]func(t *testing.T, users int) *population{"SQLite": populateSQLite, "PostgreSQL": populatePostgres(t)} {
		t.Run(name, func(t *testing.T) {
			if populate == nil {
				_, err := pgtest.Find()
				pgtest.Needs(t, err)
			}
			var all []*population
			for _, users := range sizes {
				p := populate(t, users)
				t.Logf("%s, %d users: %d bytes, %d a user", name, users, p.size, p.size/int64(users))
				all = append(all, p)
			}
			rounds, length := 3, 50*time.Millisecond
			if long {
				rounds, length = 9, 3*time.Second
			}
			costs := measureGrowth(t, all, rounds, length)
			base := middle(slices.Clone(costs[0]))
			for i, p := range all {
				ratios := make([]float64, rounds)
				for n := range ratios {
					ratios[n] = costs[i][n] / costs[0][n]
				}
				grown := middle(ratios)
				t.Logf("%s, %d users: %.0f µs of CPU a sign-in, %.3f times that with %d (median of the ratios of %d rounds, %v each, 8 at a time; with %d: %.0f µs)",
					name, p.users, middle(slices.Clone(costs[i])), grown, all[0].users, rounds, length, all[0].users, base)
				if long && grown > growthBound {
					t.Errorf("%s: a sign-in with %d users costs %.3f times what it costs with %d", name, p.users, grown, all[0].users)
				}
			}
		})
	}
}

// measureGrowth runs rounds, all sizes in turn, and returns the µs of CPU time
// a sign-in of each size and round. The first round is not counted.
func measureGrowth(t *testing.T, all []*population, rounds int, length time.Duration) [][]float64 {
	t.Helper()
	costs := make([][]float64, len(all))
	for n := range rounds + 1 {
		for i, p := range all {
			before := p.cpu(t)
			r, err := p.target.round(8, length)
			if err != nil {
				t.Fatal(err)
			}
			cost := p.cpu(t) - before
			if n > 0 {
				costs[i] = append(costs[i], float64(cost.Microseconds())/(r.perSecond*r.took.Seconds()))
			}
		}
	}
	return costs
}

// handle and credential IDs of the i-th user: random to look at, and known.
func handleOf(i int) []byte { return digest("user", i) }
func keyIDOf(i, k int) []byte {
	return digest("key"+strconv.Itoa(k), i)
}

func digest(kind string, i int) []byte {
	sum := sha256.Sum256([]byte(kind + " " + strconv.Itoa(i)))
	return sum[:]
}

// settle makes the accounts that sign in: at most so many, spread over all.
func (p *population) settle(key *ecdsa.PrivateKey, rpID string) {
	for range min(2*p.users, 50_000) {
		i := rand.IntN(p.users)
		p.target.people.Add(load.NewAccount(&webauthntest.Credential{
			ID: keyIDOf(i, rand.IntN(2)), RPID: rpID, UserHandle: handleOf(i), Key: key,
		}))
	}
}

func newTestTarget(t *testing.T, kind string, s *server) target {
	t.Helper()
	made, err := newTarget(kind, s)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// model signs one person up at a server, so that there are rows to multiply,
// and returns the key pair.
func model(t *testing.T, kind, dir string) *ecdsa.PrivateKey {
	t.Helper()
	s, err := startServer(kind, dir, "")
	if err != nil {
		t.Fatal(err)
	}
	one := newTestTarget(t, kind, s)
	if err := errors.Join(one.enroll(1), s.Close()); err != nil {
		t.Fatal(err)
	}
	return one.people.Accounts()[0].Key
}

// serve starts the server of a population that is filled.
func (p *population) serve(t *testing.T, kind, dir string, key *ecdsa.PrivateKey) {
	t.Helper()
	p.target = serving(t, kind, dir)
	p.cpu = func(t *testing.T) time.Duration {
		used, err := p.target.server.cpu()
		if err != nil {
			t.Fatal(err)
		}
		return used
	}
	p.settle(key, "localhost")
}

func populateSQLite(t *testing.T, users int) *population {
	t.Helper()
	dir := t.TempDir()
	key, p := model(t, "mapae", dir), &population{users: users}
	db, err := sql.Open("sqlite", filepath.Join(dir, "mapae.db")+"?_pragma=synchronous(OFF)&_pragma=cache_size(-1000000)&_pragma=foreign_keys(OFF)")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	user, err := tx.Prepare(multiply(t, tx.Query, "mapae_users", "$1, $2, $2", 3))
	if err != nil {
		t.Fatal(err)
	}
	credential, err := tx.Prepare(multiply(t, tx.Query, "mapae_credentials", "$1, $2", 2))
	if err != nil {
		t.Fatal(err)
	}
	for i := range users {
		_, err := user.Exec(handleOf(i), fmt.Sprintf("person%d@example.com", i))
		for k := range 2 {
			if err == nil {
				_, err = credential.Exec(keyIDOf(i, k), handleOf(i))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"DELETE FROM mapae_keys", "DELETE FROM mapae_sessions"} {
		if _, err := tx.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "mapae.db"))
	if err != nil {
		t.Fatal(err)
	}
	p.size = info.Size()
	p.serve(t, "mapae", dir, key)
	return p
}

// multiply is an INSERT of a copy of the one row that a table has, with other
// values in its first columns.
func multiply(t *testing.T, query func(string, ...any) (*sql.Rows, error), table, values string, first int) string {
	t.Helper()
	return multiplied(table, columnsOf(t, query, table), values, first)
}

// columnsOf names the columns of a table, in their order.
func columnsOf(t *testing.T, query func(string, ...any) (*sql.Rows, error), table string) []string {
	t.Helper()
	rows, err := query("SELECT * FROM " + table + " LIMIT 0")
	if err != nil {
		t.Fatal(err)
	}
	columns, err := rows.Columns()
	if err = errors.Join(err, rows.Close()); err != nil {
		t.Fatal(err)
	}
	return columns
}

func multiplied(table string, columns []string, values string, first int) string {
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s, %s FROM (SELECT * FROM %s LIMIT 1) AS one", table, strings.Join(columns, ", "), values, strings.Join(columns[first:], ", "), table)
}

// populatePostgres returns what fills databases of one new cluster, which
// syncs at each commit; nil where there is none.
func populatePostgres(t *testing.T) func(t *testing.T, users int) *population {
	t.Helper()
	if _, err := pgtest.Find(); err != nil {
		return nil
	}
	c, err := pgtest.New("shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=1h", "autovacuum=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(t *testing.T, users int) *population {
		t.Helper()
		dir, name := t.TempDir(), fmt.Sprint("users", users)
		if err := c.Create(name); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "postgres.db"), []byte(c.URL(name)), 0o600); err != nil {
			t.Fatal(err)
		}
		key, p := model(t, "postgres", dir), &population{users: users}
		p.size = fillPostgres(t, c.URL(name), users)
		p.serve(t, "postgres", dir, key)
		own := p.cpu
		p.cpu = func(t *testing.T) time.Duration {
			used, err := c.CPU()
			if err != nil {
				t.Fatal(err)
			}
			return own(t) + used
		}
		return p
	}
}

func fillPostgres(t *testing.T, url string, users int) (size int64) {
	t.Helper()
	ctx := context.Background()
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(ctx)
	columns := func(table string) (names []string) {
		rows, err := db.Query(ctx, "SELECT column_name::text FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position", table)
		if err != nil {
			t.Fatal(err)
		}
		if names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			t.Fatal(err)
		}
		return names
	}
	from := fmt.Sprintf(", generate_series(0, %d) AS i", users-1)
	user := multiplied("mapae_users", columns("mapae_users"), "sha256(('user ' || i)::bytea), 'person' || i || '@example.com', 'person' || i || '@example.com'", 3) + from
	credential := multiplied("mapae_credentials", columns("mapae_credentials"), "sha256(('key' || k || ' ' || i)::bytea), sha256(('user ' || i)::bytea)", 2) + from + ", generate_series(0, 1) AS k"
	for _, text := range []string{user, credential, "DELETE FROM mapae_keys", "DELETE FROM mapae_sessions", "VACUUM ANALYZE", "CHECKPOINT"} {
		if _, err := db.Exec(ctx, text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if err := db.QueryRow(ctx, "SELECT sum(pg_total_relation_size(c)) FROM (VALUES ('mapae_users'::regclass), ('mapae_credentials')) AS t (c)").Scan(&size); err != nil {
		t.Fatal(err)
	}
	return size
}

// Somebody asks for options and goes away, again and again: nothing is kept of
// it. MAPAE_ABANDONED sets how often.
func TestAbandonedOptionsTakeNoSpace(t *testing.T) {
	calls, _ := numbersOf(t, "MAPAE_ABANDONED", 2000)
	dir := t.TempDir()
	one := serving(t, "mapae", dir)
	if err := one.enroll(1); err != nil {
		t.Fatal(err)
	}
	before := contentsOf(t, dir)
	cpuBefore, err := one.server.cpu()
	if err != nil {
		t.Fatal(err)
	}
	begun, lanes := time.Now(), 2*runtime.NumCPU()
	var all sync.WaitGroup
	for i := range lanes {
		all.Go(func() {
			c, err := one.at.Dial(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for n := i; n < calls[0]; n += lanes {
				if _, err := c.Get(t.Context(), load.OptionsPath); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	took := time.Since(begun)
	cpuAfter, err := one.server.cpu()
	if err != nil {
		t.Fatal(err)
	}
	after := contentsOf(t, dir)
	for name, size := range before {
		if after[name] != size {
			t.Errorf("%s had %s, and has %s", name, size, after[name])
		}
	}
	if err := one.accountsSignIn(t.Context()); err != nil {
		t.Error(err)
	}
	t.Logf("%d abandoned options calls in %v, %v of CPU each: the database has not grown by a byte\nproven: %d",
		calls[0], took.Round(time.Second), (cpuAfter-cpuBefore)/time.Duration(calls[0]), calls[0])
}

// contentsOf returns length and hash of the database and its log.
func contentsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range []string{"mapae.db", "mapae.db-wal"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		all[name] = fmt.Sprintf("%d bytes, %x", len(text), sum[:8])
	}
	return all
}

// accountsSignIn signs each account in once.
func (t *target) accountsSignIn(ctx context.Context) error {
	c, err := t.at.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, a := range t.people.Accounts() {
		if err := c.SignIn(ctx, &a); err != nil {
			return err
		}
	}
	return nil
}
