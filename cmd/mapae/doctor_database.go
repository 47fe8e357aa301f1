package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/postgres"
	"github.com/mapae/mapae/sqlite"
)

// examineKeyFile looks at the key file, and returns what is in it.
func (c *doctorCommand) examineKeyFile() (mapae.Finding, []mapae.RootKey) {
	keys, err := mapae.LoadKeys(c.KeyFile)
	info, missing := os.Stat(c.KeyFile)
	switch {
	case err == nil:
		return well("key file", "%s: root keys in it: %d; for its owner only", c.KeyFile, len(keys)), keys
	case errors.Is(err, fs.ErrNotExist):
		return problem("key file", "put it back from where its copy is kept; without it secrets and codes in the database are lost", "%v", err), nil
	case missing == nil && info.Mode().Perm()&0o077 != 0:
		return problem("key file", "chmod 600 "+c.KeyFile+", and where others may have read it, rotate the key: mapae keys add --help", "%v", err), nil
	}
	return problem("key file", "let it be readable by this user, or put it back from where its copy is kept", "%v", err), nil
}

// examineDatabase looks at the database, and whether keys are those that belong
// to it; without any it can't tell, and the key file's finding stands for that.
func (c *doctorCommand) examineDatabase(ctx context.Context, keys []mapae.RootKey) []mapae.Finding {
	examine := sqlite.Examine
	if c.onServer() {
		examine = postgres.Examine
	}
	all, err := examine(ctx, c.Database, c.Deep, func(listed []mapae.KeyCheck) error {
		return mapae.MatchKeys(listed, keys)
	})
	if keys == nil {
		all = slices.DeleteFunc(all, func(f mapae.Finding) bool { return f.Check == "root keys" })
	}
	if err != nil {
		all = append(all, problem("database", "let this user reach and read it; what is damaged is put back by: mapae restore", "%v", err))
	}
	return all
}
