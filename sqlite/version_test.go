package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/mapae/mapae/sqlite"
)

func TestStatusTellsTheVersionAndMakesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mapae.db")
	if _, _, err := sqlite.Status(t.Context(), path); err == nil {
		t.Error("the status of a file that is not there")
	}
	if err := sqlite.Migrate(t.Context(), path); err == nil {
		t.Error("a file that is not there was brought up to date")
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file was made: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int64{0, 5} {
		current, known, err := sqlite.Status(t.Context(), path)
		if err != nil || current != want || known != 5 {
			t.Errorf("version %d of %d, %v; want %d", current, known, err, want)
		}
		if err := sqlite.Migrate(t.Context(), path); err != nil {
			t.Error(err)
		}
	}
}

func TestTheScriptMakesTablesThatOpenTakes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mapae.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	script, err := sqlite.Script()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), script); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	addUser(t, s, "someone")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
