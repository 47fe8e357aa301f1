package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mapae/mapae/postgres"
	"github.com/mapae/mapae/sqlite"
)

// backupCommand is mapae backup.
type backupCommand struct {
	fileSettings
	File string `arg:"" help:"The file that is made; it must not exist."`
}

// Help is shown below the usage line.
func (*backupCommand) Help() string {
	return `Copies the database, as it is at one moment, into a new file that only its owner can read. Servers go on meanwhile; all that they had acknowledged when it began is in the file. With PostgreSQL it is made by pg_dump, which must be on the PATH.

The key file is not in it: keep a copy of that as well, and elsewhere, because the two together open what is stored.

Examples:

  mapae backup /var/backups/mapae-2026-01-31
  mapae backup /var/backups/mapae-2026-01-31 --database postgres://mapae@db.example.com/mapae`
}

// Run makes the backup.
func (c *backupCommand) Run(ctx context.Context, std streams) error {
	if err := c.needDatabase(); err != nil {
		return err
	}
	backup := sqlite.Backup
	if c.onServer() {
		backup = postgres.Backup
	}
	if err := backup(ctx, c.Database, c.File); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = mistake{fmt.Errorf("%s is there already: name a new file", c.File)}
		}
		return err
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s  (%d bytes; it is of no use without the key file %s, which is not in it)\n", c.File, info.Size(), c.KeyFile)
	return nil
}
