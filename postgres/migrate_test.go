package postgres_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mapae/mapae/postgres"
)

// version demands the version of the tables.
func version(t *testing.T, url string, want int64) {
	t.Helper()
	current, known, err := postgres.Status(t.Context(), url)
	if err != nil || current != want || known < 1 {
		t.Errorf("status: version %d, %d known, %v; want version %d", current, known, err, want)
	}
}

func TestSeveralNodesStartAtOnce(t *testing.T) {
	t.Parallel()
	url := place(t)
	version(t, url, 0)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if i == 0 {
				if err := postgres.Migrate(t.Context(), url); err != nil {
					t.Error(err)
				}
				return
			}
			s, err := postgres.Open(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Ping(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	version(t, url, 4)
}

func TestTablesThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		url  string
		do   string
		want string
	}{
		"newer":                 {url: place(t), do: "INSERT INTO mapae_migrations (version_id, is_applied) VALUES (999, true)", want: "the tables are newer than this program: version 999, known up to 4"},
		"newer, through a pool": {url: place(t) + "&default_query_exec_mode=exec", do: "INSERT INTO mapae_migrations (version_id, is_applied) VALUES (999, true)", want: "the tables are newer than this program: version 999, known up to 4"},
		"older, through a pool": {url: place(t) + "&default_query_exec_mode=exec", do: "DELETE FROM mapae_migrations WHERE version_id > 0", want: `run "mapae migrate" with the URL of the server itself: version 0, needed 4`},
	} {
		if err := postgres.Migrate(t.Context(), c.url); err != nil {
			t.Fatal(err)
		}
		run(t, c.url, c.do)
		s, err := postgres.Open(t.Context(), c.url)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestADatabaseThatCanNotHoldAStoreIsRefused(t *testing.T) {
	t.Parallel()
	c := shared.Cluster(t)
	run(t, c.URL("postgres"), "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
	for name, x := range map[string]struct{ url, want string }{
		"another encoding": {c.URL("latin"), "the encoding of the database is LATIN1, it must be UTF8"},
		"no schema":        {c.URL("postgres", "search_path", "nowhere"), "no schema of the search path exists"},
		"no database":      {c.URL("nowhere"), `database "nowhere" does not exist`},
		"no server":        {"postgres://postgres:hidden@127.0.0.1:1/postgres", "refused"},
		"no URL":           {"postgres://postgres:hidden@127.0.0.1:none/postgres", "port"},
		"a setting":        {c.URL("postgres", "pool_max_conns", "none"), "pool_max_conns"},
	} {
		_, err := postgres.Open(t.Context(), x.url)
		if err == nil || !strings.Contains(err.Error(), x.want) || !strings.HasPrefix(err.Error(), "open PostgreSQL store: ") {
			t.Errorf("%s: %v, want %q", name, err, x.want)
		}
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: the password is in %v", name, err)
		}
	}
}

func TestTheScriptMakesTablesThatOpenTakes(t *testing.T) {
	t.Parallel()
	url := place(t)
	script, err := postgres.Script()
	if err != nil {
		t.Fatal(err)
	}
	run(t, url, script)
	version(t, url, 4)
	s := open(t, url)
	people(t, s, 1)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// An application's tables and several installations live in one database.
func TestStoresLiveBesideOthers(t *testing.T) {
	t.Parallel()
	one, other := place(t), place(t)
	run(t, one, "CREATE TABLE users (id bigint PRIMARY KEY)", "CREATE TABLE sessions (id bigint)")
	a, b := open(t, one), open(t, other)
	people(t, a, 1)
	if _, err := b.User(t.Context(), person(0).ID); err == nil {
		t.Error("one installation sees the other's user")
	}
	for _, s := range []*postgres.Store{a, b} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAnApplicationsPoolStaysOpen(t *testing.T) {
	t.Parallel()
	cfg, err := pgxpool.ParseConfig(place(t) + "&pool_max_conns=1")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	s, err := postgres.New(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	people(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("the store after it was closed: %v", err)
	}
	if err := pool.Ping(t.Context()); err != nil {
		t.Errorf("the application's pool: %v", err)
	}
	if got := pool.Stat().TotalConns(); got > 1 {
		t.Errorf("%d connections", got)
	}
}

// One connection and many callers: none holds it while it waits for another.
func TestAPoolOfOneIsEnough(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2} {
		s := open(t, place(t, "pool_max_conns", fmt.Sprint(size)))
		people(t, s, 8)
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				if _, _, err := s.Credential(t.Context(), key(i%8).ID); err != nil {
					t.Error(err)
				}
				if v, err := s.Admit(t.Context(), signIn(i%8, i, i)); err != nil || !v.Admitted() {
					t.Errorf("verdict %d, %v", v, err)
				}
			})
		}
		all.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
