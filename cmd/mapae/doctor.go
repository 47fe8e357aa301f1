package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/mapae/mapae"
)

// doctorCommand is mapae doctor. Each group of checks has a file: doctor_*.go.
type doctorCommand struct {
	serverSettings
	Deep      bool              `env:"-" help:"Read all of the database, which may take minutes: damage, references, rows of nobody, and settings that lose data."`
	JSON      bool              `env:"-" name:"json" help:"Print one JSON object instead of lines."`
	ConnectTo map[string]string `env:"-" placeholder:"HOST:PORT=HOST:PORT" help:"Where to connect to instead of the first host and port, such as example.com:443=10.0.0.7:8443: to ask one node, or a site that its name does not lead to yet. Repeat it for several."`
}

// Help is shown below the usage line.
func (*doctorCommand) Help() string {
	return `Examines an installation and changes nothing; servers may run meanwhile. It needs the same settings as the server: what they say, the key file, the database, the site as browsers reach it (proxy, forwarded headers, clock, /.well-known/), the mail server, the metadata. Each finding that is not well says what to do.

Exit codes: 0 nothing is wrong (there may be warnings), 1 there is a problem, 2 a setting that can't be read, or no database.

Examples:

  mapae doctor --data /var/lib/mapae
  mapae doctor --deep --json --database postgres://mapae@db.example.com/mapae
  mapae doctor --origin https://example.com --connect-to example.com:443=10.0.0.7:443`
}

// errUnwell is said after what was found.
var errUnwell = errors.New("there are problems")

// Run examines, and tells all that was found.
func (c *doctorCommand) Run(ctx context.Context, std streams) error {
	if err := c.needDatabase(); err != nil {
		return err
	}
	all := c.examine(ctx)
	if err := c.print(std, !ill(all), all); err != nil {
		return err
	}
	if ill(all) {
		return errUnwell
	}
	return nil
}

// ill reports whether there is a problem among all.
func ill(all []mapae.Finding) bool {
	return slices.ContainsFunc(all, func(f mapae.Finding) bool { return f.Level == mapae.LevelProblem })
}

// examine looks at everything. A site whose settings are wrong is not asked:
// no server runs with them.
func (c *doctorCommand) examine(ctx context.Context) []mapae.Finding {
	all := c.examineSettings()
	wrong := ill(all)
	keyFile, keys := c.examineKeyFile()
	all = append(all, keyFile)
	all = append(all, c.examineDatabase(ctx, keys)...)
	if wrong {
		return all
	}
	all = append(all, c.examineSite(ctx, keys)...)
	all = append(all, c.examineWellKnown(ctx)...)
	all = append(all, c.examineMail(ctx)...)
	return append(all, c.examineMetadata(ctx)...)
}

func well(check, format string, args ...any) mapae.Finding {
	return mapae.Finding{Check: check, Level: mapae.LevelOK, Text: fmt.Sprintf(format, args...)}
}

// warning and problem are findings with what to do about them.
func warning(check, cure, format string, args ...any) mapae.Finding {
	return mapae.Finding{Check: check, Level: mapae.LevelWarning, Text: fmt.Sprintf(format, args...), Cure: cure}
}

func problem(check, cure, format string, args ...any) mapae.Finding {
	return mapae.Finding{Check: check, Level: mapae.LevelProblem, Text: fmt.Sprintf(format, args...), Cure: cure}
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
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Level, f.Check, printable(f.Text))
		if f.Cure != "" {
			fmt.Fprintf(table, "\t\t→ %s\n", printable(f.Cure))
		}
	}
	return table.Flush()
}
