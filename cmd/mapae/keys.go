package main

import (
	"fmt"

	"github.com/mapae/mapae"
)

// keysCommand is mapae keys.
type keysCommand struct {
	New newKeysCommand `cmd:"" help:"Make a key file for a new installation."`
}

// newKeysCommand is mapae keys new.
type newKeysCommand struct {
	fileSettings
}

// Help is shown below the usage line.
func (*newKeysCommand) Help() string {
	return `Makes the key file of an installation that has a PostgreSQL database and no users yet; with SQLite the server makes it on its first run. Each node gets a copy. A file that is there is left as it is.

Example:

  mapae keys new --key-file /etc/mapae/keys`
}

// Run makes the key file.
func (c *newKeysCommand) Run(std streams) error {
	keys, err := mapae.CreateKeys(c.KeyFile)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s  (key %s: keep a copy, the database is of no use without it)\n", c.KeyFile, keys[0].ID())
	return nil
}
