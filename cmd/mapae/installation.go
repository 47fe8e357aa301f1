package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mapae/mapae"
)

// installation is a database and the keys that belong to it, opened.
type installation struct {
	auth   *mapae.Auth
	store  mapae.Store
	newKey bool // the key file was made just now
}

// open opens the installation that the settings name, with what attach adds to
// its configuration, if it is not nil. On the first run it makes data
// directory, key file and database.
func (s *settings) open(ctx context.Context, attach func(*mapae.Config) error) (*installation, error) {
	cfg, err := s.domain()
	if err != nil {
		return nil, err
	}
	in := &installation{}
	if cfg.Secrets, in.newKey, err = s.keys(); err != nil {
		return nil, err
	}
	if in.store, err = s.openStore(ctx); err != nil {
		return nil, err
	}
	cfg.Store = in.store
	if attach != nil {
		if err := attach(&cfg); err != nil {
			return nil, errors.Join(err, in.store.Close())
		}
	}
	if in.auth, err = mapae.New(cfg); err != nil {
		err = fmt.Errorf("%w (key file %s, database %s)", err, s.KeyFile, s.database())
		if !errors.Is(err, mapae.ErrUnavailable) {
			err = mistake{err}
		}
		return nil, errors.Join(err, in.store.Close())
	}
	return in, nil
}

// openThere is open for commands of an installation that serves already: it
// makes nothing.
func (s *settings) openThere(ctx context.Context) (*installation, error) {
	if err := s.needDatabase(); err != nil {
		return nil, err
	}
	return s.open(ctx, nil)
}

// keys returns the root keys of the installation. They are made on the first
// run only, before the database: a kill between the two leaves a key without
// database, which the next start takes. A database whose key file is gone is
// refused: a new key could not open what the old one sealed.
func (f *fileSettings) keys() (keys []mapae.RootKey, made bool, err error) {
	keyThere, err := exists(f.KeyFile)
	if err != nil {
		return nil, false, err
	}
	databaseThere, err := f.databaseThere()
	switch {
	case err != nil:
		return nil, false, err
	case keyThere:
		keys, err = mapae.LoadKeys(f.KeyFile)
	case databaseThere:
		err = f.keysMissing()
	default:
		if err := os.MkdirAll(f.Data, 0o700); err != nil {
			return nil, false, fmt.Errorf("data directory: %w", err)
		}
		keys, err = mapae.CreateKeys(f.KeyFile)
		return keys, true, err
	}
	if err != nil {
		err = mistake{err}
	}
	return keys, false, err
}

// exists reports whether there is a file at path.
func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
