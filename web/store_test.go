package web

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

// eachEngine runs f on a fresh store of each engine.
func eachEngine(t *testing.T, f func(*testing.T, mapae.Store)) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) (mapae.Store, error){
		"memory": func(*testing.T) (mapae.Store, error) { return memory.New(), nil },
		"sqlite": func(t *testing.T) (mapae.Store, error) {
			return sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
		},
		"postgres": func(t *testing.T) (mapae.Store, error) { return postgres.Open(t.Context(), shared.Place(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, err := open(t)
			ok(t, err)
			t.Cleanup(func() { ok(t, store.Close()) })
			f(t, store)
		})
	}
}
