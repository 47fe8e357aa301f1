package postgres_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/pgtest"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/postgres"
	"github.com/mapae/mapae/storetest"
)

// shared is the cluster of all tests that need not stop it.
var shared pgtest.Shared

func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }

// needed skips the test where there is no PostgreSQL.
func needed(t testing.TB) {
	t.Helper()
	_, err := pgtest.Find()
	pgtest.Needs(t, err)
}

// ownCluster returns a cluster that a test has for itself.
func ownCluster(t testing.TB, settings ...string) *pgtest.Cluster {
	t.Helper()
	needed(t)
	c, err := pgtest.New(settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// place returns the URL of a new schema in the shared cluster.
func place(t testing.TB, parameters ...string) string {
	t.Helper()
	c, schema := shared.Cluster(t), shared.Name()
	run(t, c.URL("postgres"), "CREATE SCHEMA "+schema)
	return c.URL("postgres", append(parameters, "search_path", schema)...)
}

// run runs statements on a connection of their own.
func run(t testing.TB, url string, statements ...string) {
	t.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	for _, sql := range statements {
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// open returns a store in that place.
func open(t testing.TB, url string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	needed(t)
	storetest.Run(t, func(t *testing.T) mapae.Store { return open(t, place(t)) })
}

func TestRandomTransactionsDoWhatMemoryDoes(t *testing.T) {
	t.Parallel()
	needed(t)
	storetest.Compare(t,
		func(t *testing.T) mapae.Store { return open(t, place(t, "pool_max_conns", "2")) },
		func(*testing.T) mapae.Store { return memory.New() })
}
