package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	sqlitelib "modernc.org/sqlite/lib"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/sqlstore"
	"github.com/mapae/mapae/internal/wholefile"
)

var (
	errInUse = errors.New("sqlite: the database is in use: stop what has it open")
	errFull  = errors.New("sqlite: there are accounts in the database, or it can't be read: it is moved aside only with force")
)

// Restore puts the backup in file in the place of the database at path. Before
// anything there changes, the backup is copied beside it, checked as a whole,
// brought up to date and handed to check with the keys that it lists; see
// mapae.Restored for what ends. A database that is in use is refused; one that
// has accounts is too, but when force is set: it is then moved aside.
func Restore(ctx context.Context, file, path string, force bool, check func([]mapae.KeyCheck) error) (mapae.Restored, error) {
	done, err := restore(ctx, file, path, force, check)
	if err != nil {
		return mapae.Restored{}, fmt.Errorf("restore %s from %s: %w", path, file, err)
	}
	return done, nil
}

func restore(ctx context.Context, file, path string, force bool, check func([]mapae.KeyCheck) error) (done mapae.Restored, err error) {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	if err := isBackup(file); err != nil {
		return done, err
	}
	if err := free(ctx, path, force); err != nil {
		return done, err
	}
	part, err := copyBeside(file, path)
	if part != "" {
		defer os.Remove(part) // it has the database's name by then, or is of no use
	}
	if err != nil {
		return done, err
	}
	if err := whole(ctx, part); err != nil {
		return done, err
	}
	if done, err = conclude(ctx, part, check); err != nil {
		return done, err
	}
	if err := free(ctx, path, force); err != nil { // a server may have started meanwhile
		return done, err
	}
	if done.Kept, err = moveAside(path); err != nil {
		return done, err
	}
	if err := os.Rename(part, path); err != nil {
		return done, err
	}
	return done, wholefile.Sync(filepath.Dir(path))
}

// isBackup returns nil when the file may be one of Backup's: a whole file that
// nobody writes.
func isBackup(file string) error {
	is, err := isFile(file)
	if err != nil {
		return err
	}
	if !is {
		return errors.New("sqlite: it is not a SQLite database")
	}
	if _, err := os.Stat(file + "-wal"); err == nil {
		return errors.New("sqlite: it has a write-ahead log beside it, so it is a database and no backup: make one with Backup")
	}
	return nil
}

// free returns nil when the database at path may be replaced. Nobody has it
// open then: only who is alone with it can take its write-ahead log away,
// which also leaves it one whole file.
func free(ctx context.Context, path string, force bool) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	users, err := alone(ctx, path)
	switch {
	case failedWith(err, sqlitelib.SQLITE_BUSY, sqlitelib.SQLITE_LOCKED):
		return errInUse
	case ctx.Err() != nil:
		return ctx.Err()
	case !force && (err != nil || users > 0):
		return errFull
	}
	return nil
}

// alone moves the write-ahead log of the database at path into the file and
// returns how many users are in it.
func alone(ctx context.Context, path string) (users int64, err error) {
	c, err := openThere(ctx, path, sqlitelib.SQLITE_OPEN_READWRITE)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if _, err := c.Exec(ctx, "PRAGMA journal_mode = DELETE"); err != nil {
		return 0, err
	}
	if n, err := c.number(selectVersioned); err != nil || n == 0 {
		return 0, err
	}
	return c.number(`SELECT count(*) FROM (SELECT 1 FROM mapae_users LIMIT 1)`)
}

// copyBeside copies the file into a new one in the directory of path, and
// returns its name.
func copyBeside(file, path string) (part string, err error) {
	from, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, from)
	return to.Name(), errors.Join(err, to.Close())
}

// conclude makes a database of the copy of a backup: up to date, with keys that
// are known, everybody signed out, on the disk.
func conclude(ctx context.Context, part string, check func([]mapae.KeyCheck) error) (done mapae.Restored, err error) {
	current, known, err := Status(ctx, part)
	if err != nil {
		return done, err
	}
	if current == 0 || current > known {
		return done, fmt.Errorf("sqlite: its tables have version %d, this program restores 1 to %d", current, known)
	}
	s, err := open(ctx, part)
	if err != nil {
		return done, err
	}
	done, err = s.restored(ctx, check)
	if err = errors.Join(err, s.Close()); err != nil {
		return done, err
	}
	if _, err := alone(ctx, part); err != nil {
		return done, err
	}
	return done, wholefile.Sync(part)
}

func (s *Store) restored(ctx context.Context, check func([]mapae.KeyCheck) error) (done mapae.Restored, err error) {
	listed, err := s.KeyChecks(ctx)
	if err != nil {
		return done, err
	}
	if err := check(listed); err != nil {
		return done, err
	}
	last, err := s.Events(ctx, "", "", 1)
	if err != nil {
		return done, err
	}
	if len(last) > 0 {
		done.Until = last[0].At
	}
	err = s.writer.updateOurs(ctx, func(mapae.Tx) error {
		done.Users, err = sqlstore.Restored(ctx, func(ctx context.Context, sql string) (int64, error) { return s.writer.conn.Exec(ctx, sql) })
		return err
	})
	return done, err
}

// moveAside gives what is at path another name and returns it; nothing where
// nothing is there. The database keeps its old name too, until another takes
// it: there is never none.
func moveAside(path string) (kept string, err error) {
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return "", nil
	}
	kept = path + time.Now().UTC().Format(".20060102T150405Z")
	if err := os.Link(path, kept); err != nil {
		return "", err
	}
	for _, log := range []string{"-wal", "-shm"} { // of a database that can't be read: SQLite must not take them for the new one's
		if err := os.Rename(path+log, kept+log); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return kept, nil
}
