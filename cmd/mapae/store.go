package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/postgres"
	"github.com/mapae/mapae/sqlite"
)

// onServer reports whether the database is a PostgreSQL server's and no file.
func (f *fileSettings) onServer() bool {
	return strings.HasPrefix(f.Database, "postgres://") || strings.HasPrefix(f.Database, "postgresql://")
}

// openStore opens the database.
func (f *fileSettings) openStore(ctx context.Context) (mapae.Store, error) {
	if f.onServer() {
		return postgres.Open(ctx, f.Database)
	}
	return sqlite.Open(ctx, f.Database)
}

// databaseThere reports whether there is a database. Whether a server has one
// is not asked: what is in it was sealed under keys that are given, or the
// store refuses them.
func (f *fileSettings) databaseThere() (bool, error) {
	if f.onServer() {
		return true, nil
	}
	return exists(f.Database)
}

// database names the database to people, without a password.
func (f *fileSettings) database() string {
	if !f.onServer() {
		return f.Database
	}
	u, err := url.Parse(f.Database)
	if err != nil {
		return "PostgreSQL" // the driver says what is wrong with it
	}
	hosts := or(u.Host, u.Query().Get("host"))
	return fmt.Sprintf("PostgreSQL, %s at %s", or(strings.TrimPrefix(u.Path, "/"), "the user's database"), or(hosts, "this machine"))
}

// keysMissing is the error of a key file that is not there beside a database
// that may be in use.
func (f *fileSettings) keysMissing() error {
	if f.onServer() {
		return fmt.Errorf("the key file %s is not there, and with a PostgreSQL database none is made by itself: "+
			"copy that of the other nodes, or make one for a new installation with: mapae keys new --key-file %s", f.KeyFile, f.KeyFile)
	}
	return fmt.Errorf("the database %s is there, but its key file %s is not: put the key file back (a new one can't open what is in the database), or move the database away to start anew", f.Database, f.KeyFile)
}
