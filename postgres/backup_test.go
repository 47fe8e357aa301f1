package postgres_test

import (
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
	"github.com/mapae/mapae/postgres"
)

func anyKeys([]mapae.KeyCheck) error { return nil }

// ownDatabase returns a new database of the shared cluster: what is asked of
// its connections is not disturbed by other tests.
func ownDatabase(t *testing.T) string {
	t.Helper()
	c, name := shared.Cluster(t), shared.Name()
	if err := c.Create(name); err != nil {
		t.Fatal(err)
	}
	return c.URL(name)
}

// Backups are taken under load. Each holds all that was acknowledged when it
// began, and nothing half.
func TestABackupUnderLoadHoldsAllThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	from, dir := ownDatabase(t), t.TempDir()
	s := open(t, from)
	people(t, s, 1)
	var acknowledged atomic.Int64
	for round := range 3 {
		end := underLoad(t, s, &acknowledged)
		before := int(acknowledged.Load())
		file := filepath.Join(dir, fmt.Sprint("backup", round))
		err := postgres.Backup(t.Context(), from, file)
		if end(); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
			t.Errorf("the file: %v, %v", info, err)
		}
		to := ownDatabase(t)
		done, err := postgres.Restore(t.Context(), file, to, false, anyKeys)
		if err != nil || done.Users != 1 {
			t.Fatalf("restored %+v, %v", done, err)
		}
		isRestored(t, to, before)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// underLoad signs in again and again, after those that are acknowledged, until
// end is called. Twenty more are when it returns.
func underLoad(t *testing.T, s *postgres.Store, acknowledged *atomic.Int64) (end func()) {
	t.Helper()
	stop, first := make(chan struct{}), int(acknowledged.Load())+1
	var load sync.WaitGroup
	end = sync.OnceFunc(func() { close(stop); load.Wait() })
	t.Cleanup(end)
	load.Go(func() {
		for i := first; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if v, err := s.Admit(t.Context(), signIn(0, i, i)); err != nil || !v.Admitted() {
				t.Errorf("verdict %d, %v", v, err)
				return
			}
			acknowledged.Store(int64(i))
		}
	})
	wait(t, func() error {
		if int(acknowledged.Load()) < first+20 {
			return errors.New("no load yet")
		}
		return nil
	})
	return end
}

// isRestored demands that the first n sign-ins of person 0 are spent, and the
// person signed out.
func isRestored(t *testing.T, url string, n int) {
	t.Helper()
	s := open(t, url)
	u, err := s.User(t.Context(), person(0).ID)
	if err != nil || u.Epoch != person(0).Epoch+1 {
		t.Errorf("epoch %d, %v", u.Epoch, err)
	}
	if got := sessions(t, s, 0); got != 0 {
		t.Errorf("%d sessions", got)
	}
	for i := 1; i <= n; i++ {
		again := signIn(0, 1<<30+i, 0)
		again.Spend = signIn(0, i, i).Spend
		if v, err := s.Admit(t.Context(), again); err != nil || v != mapae.VerdictSpent {
			t.Fatalf("what was spent once more: verdict %d, %v", v, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestARestoreRefusesWhatWouldLoseSomething(t *testing.T) {
	t.Parallel()
	url, dir := ownDatabase(t), t.TempDir()
	file := filepath.Join(dir, "backup")
	s := open(t, url)
	people(t, s, 1)
	if err := postgres.Backup(t.Context(), url, file); err != nil {
		t.Fatal(err)
	}
	if err := postgres.Backup(t.Context(), url, file); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if err := s.Update(t.Context(), func(tx mapae.Tx) error { return tx.AddUser(t.Context(), person(1)) }); err != nil {
		t.Fatal(err)
	}
	refused := func(why, file, url string, force bool, check func([]mapae.KeyCheck) error) {
		t.Helper()
		if done, err := postgres.Restore(t.Context(), file, url, force, check); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("restored %+v, %v; want %q", done, err, why)
		}
	}
	refused("nodes are connected", file, url, false, anyKeys)
	refused("nodes are connected", file, url, true, anyKeys)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refused("accounts in the database", file, url, false, anyKeys)
	refused("other keys", file, url, true, func([]mapae.KeyCheck) error { return errors.New("other keys") })
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("SELECT 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("not in pg_dump's custom format", text, url, true, anyKeys)
	run(t, url, "CREATE SCHEMA another")
	refused(`of the schema "public", and the URL leads to "another"`, file, url+"&search_path=another", true, anyKeys)
	cut := filepath.Join(dir, "cut")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, whole[:len(whole)-40], 0o600); err != nil {
		t.Fatal(err)
	}
	refused("pg_restore", cut, url, true, anyKeys)

	s = open(t, url)
	if _, err := s.User(t.Context(), person(1).ID); err != nil {
		t.Errorf("after all was refused: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if done, err := postgres.Restore(t.Context(), file, url, true, anyKeys); err != nil || done.Users != 1 {
		t.Errorf("with force: %+v, %v", done, err)
	}
	isRestored(t, url, 0)
}

// What an application has beside Mapae's tables is neither dumped nor touched.
func TestABackupIsOfMapaesTablesOnly(t *testing.T) {
	t.Parallel()
	url := ownDatabase(t)
	file := filepath.Join(t.TempDir(), "backup")
	s := open(t, url)
	people(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	run(t, url, "CREATE TABLE orders (id int)", "INSERT INTO orders VALUES (1)")
	if err := postgres.Backup(t.Context(), url, file); err != nil {
		t.Fatal(err)
	}
	run(t, url, "INSERT INTO orders VALUES (2)")
	if _, err := postgres.Restore(t.Context(), file, url, true, anyKeys); err != nil {
		t.Fatal(err)
	}
	run(t, url, "DO $$ BEGIN IF (SELECT count(*) FROM orders) <> 2 THEN RAISE 'an order is lost'; END IF; END $$")
	isRestored(t, url, 0)
}

func TestABackupNamesTheProgramThatIsMissing(t *testing.T) {
	url := ownDatabase(t)
	if err := open(t, url).Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	err := postgres.Backup(t.Context(), url, filepath.Join(t.TempDir(), "backup"))
	if err == nil || !strings.Contains(err.Error(), "pg_dump is not on the PATH") {
		t.Errorf("without pg_dump: %v", err)
	}
}
