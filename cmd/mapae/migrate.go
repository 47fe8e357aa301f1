package main

import (
	"context"
	"fmt"

	"github.com/mapae/mapae/postgres"
	"github.com/mapae/mapae/sqlite"
)

// migrateCommand is mapae migrate.
type migrateCommand struct {
	fileSettings
	Print  bool `env:"-" xor:"what" help:"Print the SQL that makes the tables, for a tool of your own, and change nothing."`
	Status bool `env:"-" xor:"what" help:"Tell the version of the tables, and change nothing."`
}

// Help is shown below the usage line.
func (*migrateCommand) Help() string {
	return `Brings the tables of a database up to date. The server does so by itself when it starts, except behind a pooler such as PgBouncer: run this with the URL of the PostgreSQL server itself then. It can run beside servers, and several times.

Examples:

  mapae migrate --database postgres://mapae@db.example.com/mapae
  mapae migrate --status
  mapae migrate --print --database postgres:// > mapae.sql`
}

// engine is what migrate needs of each of the two.
type engine struct {
	migrate func(ctx context.Context, where string) error
	status  func(ctx context.Context, where string) (current, known int64, err error)
	script  func() (string, error)
}

// Run does what was asked.
func (c *migrateCommand) Run(ctx context.Context, std streams) error {
	e := engine{sqlite.Migrate, sqlite.Status, sqlite.Script}
	if c.onServer() {
		e = engine{postgres.Migrate, postgres.Status, postgres.Script}
	}
	if c.Print {
		text, err := e.script()
		fmt.Fprint(std.out, text)
		return err
	}
	if err := c.needDatabase(); err != nil {
		return err
	}
	if !c.Status {
		if err := e.migrate(ctx, c.Database); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	current, known, err := e.status(ctx, c.Database)
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	fmt.Fprintf(std.out, "tables: version %d, this program works with %d\n", current, known)
	return nil
}
