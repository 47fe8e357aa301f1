package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/sqlite"
	"github.com/mapae/mapae/storetest"
)

// open returns a store in a file of its own.
func open(t testing.TB) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "mapae ?#%20.db"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) mapae.Store { return open(t) })
}

func TestRandomTransactionsDoWhatMemoryDoes(t *testing.T) {
	t.Parallel()
	storetest.Compare(t,
		func(t *testing.T) mapae.Store { return open(t) },
		func(*testing.T) mapae.Store { return memory.New() })
}
