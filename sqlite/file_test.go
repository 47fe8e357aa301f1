package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/sqlite"
)

func addUser(t *testing.T, s mapae.Store, name string) {
	t.Helper()
	err := s.Update(t.Context(), func(tx mapae.Tx) error {
		return tx.AddUser(t.Context(), mapae.User{ID: mapae.UserID(name), LoginKey: name, CreatedAt: time.UnixMicro(1).UTC()})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFileIsMadeForItsOwnerAndKeptAndItsLogMovedIn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mapae.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	addUser(t, s, "someone")
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if _, err := os.Stat(path + "-wal"); !os.IsNotExist(err) {
		t.Errorf("the write-ahead log is still there: %v", err)
	}
	s, err = sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.User(t.Context(), "someone"); err != nil {
		t.Errorf("after opening again: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhatCantBeOpenedIsRefusedByName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	noise := filepath.Join(dir, "noise")
	if err := os.WriteFile(noise, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer")
	s, err := sqlite.Open(t.Context(), newer)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", newer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO mapae_migrations (version_id, is_applied) VALUES (99999, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for path, why := range map[string]string{
		filepath.Join(dir, "none", "mapae.db"): "no such file",
		dir:                                    "",
		noise:                                  "not a database",
		newer:                                  "newer than this program: version 99999",
	} {
		s, err := sqlite.Open(t.Context(), path)
		if err == nil {
			t.Errorf("%s was opened: %v", path, s.Close())
			continue
		}
		if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, which does not say %q", path, err, why)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); !os.IsNotExist(err) {
		t.Error("the directory was made")
	}
}

func TestSeveralOpenANewFileAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mapae.db")
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		wg.Go(func() {
			s, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			err = s.Update(t.Context(), func(tx mapae.Tx) error {
				return tx.AddUser(t.Context(), mapae.User{ID: mapae.UserID(name), LoginKey: name})
			})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	wg.Wait()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		if _, err := s.User(t.Context(), mapae.UserID(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestEveryForeignKeyIsIndexedAndCascades(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mapae.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT m.name, f."from", f.on_delete, (SELECT count(*) FROM pragma_index_list(m.name) AS l
		JOIN pragma_index_info(l.name) AS i ON i.seqno = 0 AND i.name = f."from")
		FROM sqlite_schema AS m JOIN pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table'`)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		var table, column, onDelete string
		var indexes int
		if err := rows.Scan(&table, &column, &onDelete, &indexes); err != nil {
			t.Fatal(err)
		}
		if n++; indexes == 0 || onDelete != "CASCADE" {
			t.Errorf("%s.%s: %d indexes, on delete %s", table, column, indexes, onDelete)
		}
	}
	if err := rows.Err(); err != nil || n < 4 {
		t.Errorf("%d foreign keys: %v", n, err)
	}
}
