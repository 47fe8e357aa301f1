package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/pgtest"
	"github.com/mapae/mapae/postgres"
	"github.com/mapae/mapae/sqlite"
)

// openSQLite opens Mapae's store in the file at path, and tells what engine it
// is, with its settings.
func openSQLite(path string) (store mapae.Store, settings string, err error) {
	if store, err = sqlite.Open(context.Background(), path); err != nil {
		return nil, "", err
	}
	settings, err = engineOf(path)
	return store, settings, err
}

// openServer is openSQLite for the PostgreSQL database whose URL is the text of
// the file at path.
func openServer(path string) (store mapae.Store, settings string, err error) {
	url, err := os.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	if store, err = postgres.Open(context.Background(), string(url)); err != nil {
		return nil, "", err
	}
	settings, err = pgtest.Ask(string(url), `SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)
	|| ', fsync ' || current_setting('fsync') || ', synchronous_commit ' || current_setting('synchronous_commit')`)
	return store, settings, err
}

// openCluster starts a PostgreSQL server with the settings that it comes with,
// and makes a database for each entrant, whose URL it writes into dir.
func openCluster(dir string) (*pgtest.Cluster, error) {
	c, err := pgtest.New()
	if err != nil {
		return nil, err
	}
	for _, one := range lineups["postgres"] {
		if err = c.Create(one.name); err == nil {
			err = os.WriteFile(filepath.Join(dir, one.kind+".db"), []byte(c.URL(one.name)), 0o600)
		}
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}
