package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/postgres"
	"github.com/mapae/mapae/sqlite"
)

// restoreCommand is mapae restore.
type restoreCommand struct {
	fileSettings
	File  string `arg:"" help:"What mapae backup made."`
	Force bool   `env:"-" help:"Also where there are accounts in the database. A SQLite file is moved aside, tables in PostgreSQL are gone."`
}

// Help is shown below the usage line.
func (*restoreCommand) Help() string {
	return `Puts a backup in the place of the database, after it was checked: whole, of a version that this program knows, and of this key file. Stop all servers first: a database in use is refused.

Everybody is signed out by it. What happened since the backup has not happened: recovery codes and invitations that were used are valid again, and passkeys that were removed can sign in.

Examples:

  mapae restore /var/backups/mapae-2026-01-31 --data /var/lib/mapae
  mapae restore /var/backups/mapae-2026-01-31 --database postgres://mapae@db.example.com/mapae --force`
}

// Run restores, and says what follows from it.
func (c *restoreCommand) Run(ctx context.Context, std streams) error {
	if there, err := exists(c.File); err != nil || !there {
		return errors.Join(err, mistake{fmt.Errorf("there is no file %s", c.File)})
	}
	keys, err := mapae.LoadKeys(c.KeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return mistake{fmt.Errorf("the key file %s is not there: put the one back that belongs to the backup, which is of no use without it", c.KeyFile)}
	}
	if err != nil {
		return mistake{err}
	}
	restore := postgres.Restore
	if !c.onServer() {
		restore = sqlite.Restore
		if err := os.MkdirAll(filepath.Dir(c.Database), 0o700); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
	}
	done, err := restore(ctx, c.File, c.Database, c.Force, func(listed []mapae.KeyCheck) error {
		if len(listed) == 0 {
			return errors.New("it lists no root key, so it is of no server that ever ran")
		}
		return mapae.MatchKeys(listed, keys)
	})
	if err != nil {
		return err
	}
	c.tell(std, done)
	return nil
}

// tell says what is there now and what is not as it was.
func (c *restoreCommand) tell(std streams, done mapae.Restored) {
	fmt.Fprintf(std.out, "%s: %d accounts, restored from %s\n", c.database(), done.Users, c.File)
	if !done.Until.IsZero() {
		fmt.Fprintf(std.out, "The last event in it is of %s.\n", done.Until.UTC().Format(time.RFC3339))
	}
	if done.Kept != "" {
		fmt.Fprintf(std.out, "The database that was there is kept as %s.\n", done.Kept)
	}
	fmt.Fprint(std.out, `
Everybody is signed out, and recoveries that waited are gone.
What happened since the backup has not happened:
  - recovery codes and invitations that were used are valid again;
  - passkeys, authenticator apps and addresses that were removed are back: whoever removed a lost device must do so again;
  - passwords that were changed are the old ones;
  - accounts, passkeys and codes that were made are gone.
`)
}
