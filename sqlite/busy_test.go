package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

// BI-500: another program holds the file's write lock for six seconds. Who
// writes is told after five, nothing is left of it, and it goes on by itself;
// who reads is not held up.
func TestAWriterOfAnotherProgramIsWaitedForFiveSeconds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mapae.db")
	s := written(t, path, 1)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	released := make(chan error)
	time.AfterFunc(6*time.Second, func() {
		_, err := db.Exec("ROLLBACK")
		released <- err
	})
	u, _ := proof(2)
	add := func() error {
		return s.Update(t.Context(), func(tx mapae.Tx) error { return tx.AddUser(t.Context(), u) })
	}
	begun := time.Now()
	read, _ := proof(1)
	if _, err := s.User(t.Context(), read.ID); err != nil || time.Since(begun) > time.Second {
		t.Errorf("reading took %v, %v", time.Since(begun), err)
	}
	if err := add(); err == nil || time.Since(begun) < 4*time.Second {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
	if err := <-released; err != nil {
		t.Fatal(err)
	}
	if err := add(); err != nil {
		t.Errorf("afterwards, and with nothing left of the first: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
