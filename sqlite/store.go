package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/sqlstore"
	"github.com/mapae/mapae/internal/wholefile"
)

// Store is a mapae.Store in one SQLite file. Open makes one.
type Store struct {
	sqlstore.Reader // over the connections that read
	readers         *readers
	writer          *writer
}

var _ mapae.Store = (*Store)(nil)

var errClosed = errors.New("sqlite: store is closed")

// Open opens the store in the file at path and brings its tables up to date.
// A file that does not exist is made, readable by its owner only; its directory
// must exist. Beside it SQLite keeps two more, named path-wal and path-shm. A
// file whose tables are newer than this program knows is refused.
func Open(ctx context.Context, path string) (*Store, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open SQLite store %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := create(abs); err != nil {
		return nil, err
	}
	w, err := connectFirst(ctx, abs)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, abs); err != nil {
		return nil, errors.Join(err, w.close())
	}
	r, err := openReaders(abs)
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return &Store{Reader: sqlstore.NewReader(r).Reusing(), readers: r, writer: newWriter(w)}, nil
}

// create makes the file at path where there is none, and makes its name
// durable. A file that exists is not opened: closing it again would drop the
// locks that another store in this process holds on it.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return wholefile.Sync(filepath.Dir(path))
}

// Update implements mapae.Store. The function runs once, in the goroutine that
// called Update. When ctx ends before that, it does not run; when later, the
// transaction is completed all the same.
func (s *Store) Update(ctx context.Context, f func(mapae.Tx) error) error {
	return s.writer.update(ctx, f)
}

// Admit implements mapae.Store.
func (s *Store) Admit(ctx context.Context, a mapae.Admission) (v mapae.Verdict, err error) {
	err = s.writer.updateOurs(ctx, func(tx mapae.Tx) error {
		v, err = tx.Admit(ctx, a)
		return err
	})
	if err != nil {
		return mapae.VerdictSpent, err
	}
	return v, nil
}

// Sweep implements mapae.Store.
func (s *Store) Sweep(ctx context.Context, plan mapae.SweepPlan) (removed int, err error) {
	return sqlstore.Sweep(ctx, s.writer.updateOurs, plan, "")
}

// Close waits for what is under way, moves the write-ahead log into the file
// and closes it. Later calls fail.
func (s *Store) Close() error {
	return errors.Join(s.readers.close(), s.writer.close())
}
