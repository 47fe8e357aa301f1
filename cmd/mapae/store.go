package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/postgres"
	"github.com/mapae/mapae/sqlite"
)

// noStore is empty and stays so: a mapae.New that only says whether settings fit
// together needs a store that lists no root keys. Nothing else may be asked of it.
type noStore struct{ mapae.Store }

// KeyChecks implements mapae.Store.
func (noStore) KeyChecks(context.Context) ([]mapae.KeyCheck, error) { return nil, nil }

// Update implements mapae.Store.
func (noStore) Update(context.Context, func(mapae.Tx) error) error { return nil }

// onServer reports whether the database is a PostgreSQL server's and no file.
func (f *fileSettings) onServer() bool {
	return strings.HasPrefix(f.Database, "postgres://") || strings.HasPrefix(f.Database, "postgresql://")
}

// checkDatabase refuses what can only be meant for a server and would be taken
// for the name of a file: a URL of another kind, and keywords as in
// "host=db password=secret". It may hold a password and is not shown.
func (f *fileSettings) checkDatabase() error {
	if f.onServer() {
		return nil
	}
	words := strings.FieldsFunc(strings.ToLower(f.Database), func(r rune) bool { return strings.ContainsRune(" \t\n=;'", r) })
	keywords := strings.Contains(f.Database, "=") && slices.ContainsFunc(words, func(word string) bool {
		return slices.Contains([]string{"host", "hostaddr", "dbname", "user", "password", "service"}, word)
	})
	if keywords || strings.Contains(f.Database, "://") {
		return errors.New("database is neither a file nor the URL of a PostgreSQL database, as postgres://user@host/name: keywords and other URLs are not read. What was given may hold a password, and is not shown")
	}
	return nil
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

// needDatabase refuses to go on where there is no database.
func (f *fileSettings) needDatabase() error {
	there, err := f.databaseThere()
	if err == nil && !there {
		err = mistake{fmt.Errorf("there is no database %s: start the server once, or name it with --database, or its data directory with --data", f.Database)}
	}
	return err
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
