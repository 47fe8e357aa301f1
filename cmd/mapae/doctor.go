package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/postgres"
	"github.com/mapae/mapae/sqlite"
)

// doctorCommand is mapae doctor.
type doctorCommand struct {
	fileSettings
	Deep bool `env:"-" help:"Read all of the database, which may take minutes: damage, references, rows of nobody, and settings that lose data."`
	JSON bool `env:"-" name:"json" help:"Print one JSON object instead of lines."`
}

// Help is shown below the usage line.
func (*doctorCommand) Help() string {
	return `Examines an installation and changes nothing; servers may run meanwhile. Exit codes: 0 nothing is wrong (there may be warnings), 1 there is a problem, or something can't be read, 2 a mistake in the settings.

Examples:

  mapae doctor --data /var/lib/mapae
  mapae doctor --deep --json --database postgres://mapae@db.example.com/mapae`
}

// errUnwell is said after what was found.
var errUnwell = errors.New("there are problems")

// Run examines, and tells all that was found.
func (c *doctorCommand) Run(ctx context.Context, std streams) error {
	there, err := c.databaseThere()
	if err != nil {
		return err
	}
	if !there {
		return mistake{fmt.Errorf("there is no database %s: start the server once, or name it with --database", c.Database)}
	}
	all, err := c.examineDatabase(ctx)
	if err != nil {
		all = append(all, mapae.Finding{Check: "database", Level: mapae.LevelProblem, Text: err.Error()})
	}
	well := !slices.ContainsFunc(all, func(f mapae.Finding) bool { return f.Level == mapae.LevelProblem })
	if err := c.print(std, well, all); err != nil {
		return err
	}
	if !well {
		return errUnwell
	}
	return nil
}

// examineDatabase looks at the database and at the keys that belong to it.
func (c *doctorCommand) examineDatabase(ctx context.Context) ([]mapae.Finding, error) {
	examine := sqlite.Examine
	if c.onServer() {
		examine = postgres.Examine
	}
	return examine(ctx, c.Database, c.Deep, func(listed []mapae.KeyCheck) error {
		keys, err := mapae.LoadKeys(c.KeyFile)
		if err != nil {
			return err
		}
		return mapae.MatchKeys(listed, keys)
	})
}

func (c *doctorCommand) print(std streams, well bool, all []mapae.Finding) error {
	if c.JSON {
		out := json.NewEncoder(std.out)
		out.SetEscapeHTML(false)
		return out.Encode(struct {
			Well     bool            `json:"well"`
			Findings []mapae.Finding `json:"findings"`
		}{well, all})
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, f := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Level, f.Check, f.Text)
	}
	return table.Flush()
}
