package sqlite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/sqlite"
)

func anyKeys([]mapae.KeyCheck) error { return nil }

// written opens a store with n writes in it, made by eight at a time.
func written(t *testing.T, path string, n int) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 8 {
		wg.Go(func() {
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				write(t, s, i)
			}
		})
	}
	wg.Wait()
	return s
}

// write makes the n-th user with a session.
func write(t *testing.T, s mapae.Store, n int) {
	u, a := proof(n)
	err := s.Update(t.Context(), func(tx mapae.Tx) error {
		if err := tx.AddUser(t.Context(), u); err != nil {
			return err
		}
		_, err := tx.Admit(t.Context(), a)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Backups are taken under load, one after the other. Each holds all that was
// acknowledged when it began, and nothing half.
func TestABackupUnderLoadHoldsAllThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "mapae.db")
	s := written(t, path, 60)
	acknowledged := 60
	for round := range 3 {
		before, file := acknowledged, filepath.Join(dir, fmt.Sprint("backup", round))
		end := underLoad(t, s, acknowledged)
		err := sqlite.Backup(t.Context(), path, file)
		if acknowledged = end(); err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, fmt.Sprint("restored", round))
		done, err := sqlite.Restore(t.Context(), file, to, false, anyKeys)
		if err != nil {
			t.Fatal(err)
		}
		if done.Users < before || done.Kept != "" {
			t.Errorf("%d users were restored, %d were acknowledged; %q was kept", done.Users, before, done.Kept)
		}
		isRestored(t, to, done.Users)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if acknowledged <= 60+3 {
		t.Error("there was no load")
	}
}

// underLoad writes the users after the n-th, one after the other, until end is
// called, which returns how many there are then. The first is there at once.
func underLoad(t *testing.T, s mapae.Store, n int) (end func() int) {
	t.Helper()
	n++
	write(t, s, n)
	stop := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				n++
				write(t, s, n)
			}
		}
	})
	return func() int {
		close(stop)
		load.Wait()
		return n
	}
}

// isRestored demands the first n users, each with what was written with it,
// signed out and of the next epoch.
func isRestored(t *testing.T, path string, n int) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= n; i++ {
		u, a := proof(i)
		if got, err := s.User(t.Context(), u.ID); err != nil || got.Epoch != u.Epoch+1 {
			t.Errorf("user %d: epoch %d, %v", i, got.Epoch, err)
		}
		if list, err := s.Events(t.Context(), u.ID, "", 2); err != nil || len(list) != 1 {
			t.Errorf("event %d: %d, %v", i, len(list), err)
		}
		if v, err := s.Admit(t.Context(), a); err != nil || v != mapae.VerdictSpent {
			t.Errorf("spend %d again: verdict %d, %v", i, v, err)
		}
		if list, err := s.Sessions(t.Context(), u.ID, a.Event.At); err != nil || len(list) != 0 {
			t.Errorf("user %d has %d sessions, %v", i, len(list), err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestABackupReplacesNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, file := filepath.Join(dir, "mapae.db"), filepath.Join(dir, "backup")
	s := written(t, path, 1)
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Backup(t.Context(), path, file); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "kept" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	none := filepath.Join(dir, "none")
	if err := sqlite.Backup(t.Context(), none, filepath.Join(dir, "of none")); err == nil {
		t.Error("a database that is not there was backed up")
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 2 {
		t.Errorf("there is %v, %v", left, err)
	}
}

func TestARestoreRefusesWhatWouldLoseSomething(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, file := filepath.Join(dir, "mapae.db"), filepath.Join(dir, "backup")
	s := written(t, path, 3)
	if err := sqlite.Backup(t.Context(), path, file); err != nil {
		t.Fatal(err)
	}
	write(t, s, 4)
	wrongKeys := errors.New("other keys")
	refused := func(why string, file, path string, force bool, check func([]mapae.KeyCheck) error) {
		t.Helper()
		done, err := sqlite.Restore(t.Context(), file, path, force, check)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("restored %+v, %v; want %q", done, err, why)
		}
	}
	refused("in use", file, path, false, anyKeys)
	refused("in use", file, path, true, anyKeys)
	if _, err := s.User(t.Context(), "child..."+mapae.UserID([]byte{0, 0, 0, 0, 0, 0, 0, 4})); err != nil {
		t.Errorf("after it was refused: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refused("only with force", file, path, false, anyKeys)
	refused("other keys", file, path, true, func([]mapae.KeyCheck) error { return wrongKeys })
	for name, bad := range badBackups(t, file) {
		refused(name, bad, path, true, anyKeys)
	}
	isThere := written(t, path, 0)
	if _, err := isThere.User(t.Context(), "child..."+mapae.UserID([]byte{0, 0, 0, 0, 0, 0, 0, 4})); err != nil {
		t.Errorf("after all was refused: %v", err)
	}
	if err := isThere.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) != 1 {
		t.Errorf("left beside the database: %v, %v", left, err)
	}

	done, err := sqlite.Restore(t.Context(), file, path, true, anyKeys)
	if err != nil || done.Users != 3 || done.Kept == "" {
		t.Fatalf("with force: %+v, %v", done, err)
	}
	isRestored(t, path, 3)
	kept := written(t, done.Kept, 0)
	if _, err := kept.User(t.Context(), "child..."+mapae.UserID([]byte{0, 0, 0, 0, 0, 0, 0, 4})); err != nil {
		t.Errorf("what was moved aside: %v", err)
	}
	if err := kept.Close(); err != nil {
		t.Error(err)
	}
}

// badBackups makes files that are no backup, by why they are refused.
func badBackups(t *testing.T, good string) map[string]string {
	t.Helper()
	bytes, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string]string{}
	for why, change := range map[string]func(path string) error{
		"malformed": func(path string) error { // cut in the middle
			return os.WriteFile(path, bytes[:len(bytes)/2], 0o600)
		},
		"version 99999": func(path string) error {
			return runOn(path, "INSERT INTO mapae_migrations (version_id, is_applied) VALUES (99999, 1)")
		},
		"version 0": func(path string) error { return runOn(path, "DROP TABLE mapae_migrations") },
		"refers to one of mapae_users that is not there": func(path string) error {
			return runOn(path, "PRAGMA foreign_keys = OFF; DELETE FROM mapae_users WHERE id = (SELECT max(id) FROM mapae_users)")
		},
		"not a SQLite database": func(path string) error { return os.WriteFile(path, []byte("text"), 0o600) },
		"write-ahead log":       func(path string) error { return os.WriteFile(path+"-wal", nil, 0o600) },
	} {
		path := filepath.Join(filepath.Dir(good), fmt.Sprint("bad", len(bad)))
		if err := os.WriteFile(path, bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		bad[why] = path
	}
	return bad
}

// runOn runs SQL on a file, past the store.
func runOn(path, text string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	_, err = db.Exec(text)
	return errors.Join(err, db.Close())
}
