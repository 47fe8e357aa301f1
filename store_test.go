package mapae_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/pgtest"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/postgres"
	"github.com/mapae/mapae/sqlite"
)

// shared is the PostgreSQL server of all tests here.
var shared pgtest.Shared

func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }

// eachStore runs f on a fresh store of each engine.
func eachStore(t *testing.T, f func(*testing.T, mapae.Store)) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		f(t, memory.New())
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "mapae.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		f(t, store)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		store, err := postgres.Open(t.Context(), shared.Place(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		f(t, store)
	})
}
