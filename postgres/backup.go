package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mapae/mapae/internal/wholefile"
)

// libpqParameters are those of a URL that PostgreSQL's own programs know too;
// the others are pgx's, or settings of a session.
var libpqParameters = []string{
	"host", "hostaddr", "port", "dbname", "user", "passfile", "connect_timeout", "options", "service", "servicefile",
	"sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslsni", "gssencmode", "krbsrvname", "channel_binding", "target_session_attrs",
	"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
}

// Backup writes Mapae's tables in the database that url names, a URL, as they
// are at one moment after the call, to a new file in pg_dump's custom format,
// readable by its owner only. Nodes may go on writing. The file is on the disk
// before it has its name; one that is there already is fs.ErrExist. pg_dump
// and pg_restore must be on the PATH, not older than the server.
func Backup(ctx context.Context, url, file string) error {
	err := wholefile.Create(file, func(f *os.File) error { return dump(ctx, url, f) })
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return nil
}

func dump(ctx context.Context, url string, f *os.File) error {
	var schema, encoding string
	err := withPool(ctx, url, func(p *pgxpool.Pool) error {
		current, _, err := versions(ctx, p)
		if err == nil && current == 0 {
			err = errors.New("postgres: there are no tables of Mapae in that schema")
		}
		if err != nil {
			return err
		}
		return row(ctx, p, selectPlace, nil, []any{&schema, &encoding})
	})
	if err != nil {
		return err
	}
	tables := `"` + strings.ReplaceAll(schema, `"`, `""`) + `".mapae_*`
	cmd, err := tool(ctx, "pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", "--table="+tables)
	if err != nil {
		return err
	}
	if err := runTool(cmd, f); err != nil {
		return err
	}
	dumped, err := contents(ctx, f.Name())
	if err == nil && dumped != schema {
		err = fmt.Errorf("postgres: what was dumped is of the schema %q, not %q", dumped, schema)
	}
	return err
}

// tool returns one of PostgreSQL's own programs as a command, connected to the
// database that place names where that is not empty. The password travels in
// the environment: arguments can be seen by everybody on the machine.
func tool(ctx context.Context, name, place string, args ...string) (*exec.Cmd, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("postgres: %s is not on the PATH: install PostgreSQL's client programs, not older than the server (Debian: postgresql-client)", name)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	if place == "" {
		return cmd, nil
	}
	u, err := url.Parse(place)
	if err != nil {
		return nil, errors.New("postgres: the database is not named by a URL") // what it says shows the password
	}
	q := u.Query()
	password := q.Get("password")
	if p, given := u.User.Password(); given {
		password, u.User = p, url.User(u.User.Username())
	}
	if password != "" {
		cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	}
	for name := range q {
		if !slices.Contains(libpqParameters, name) {
			q.Del(name)
		}
	}
	u.RawQuery = q.Encode()
	cmd.Args = append(cmd.Args, "--no-password", "--dbname="+u.String())
	return cmd, nil
}

// runTool runs a command to its end, with its output to out.
func runTool(cmd *exec.Cmd, out io.Writer) error {
	var problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &problems
	if err := cmd.Run(); err != nil {
		return toolError(cmd, err, problems.String())
	}
	return nil
}

func toolError(cmd *exec.Cmd, err error, problems string) error {
	return fmt.Errorf("%s: %v: %s", cmd.Args[0], err, strings.TrimSpace(problems))
}

// contents lists what is in a backup and returns the schema of its tables.
// Anything but Mapae's tables is refused: it would be replaced.
func contents(ctx context.Context, file string) (schema string, err error) {
	cmd, err := tool(ctx, "pg_restore", "", "--list", file)
	if err != nil {
		return "", err
	}
	var list bytes.Buffer
	if err := runTool(cmd, &list); err != nil {
		return "", err
	}
	for line := range strings.Lines(list.String()) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, ";") {
			continue
		}
		fields := strings.Fields(line) // 215; 1259 16385 TABLE schema name owner
		if !slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, "mapae_") }) {
			return "", fmt.Errorf("postgres: there is more in it than Mapae's tables (%s): restore it with pg_restore", line)
		}
		if at := slices.Index(fields, "mapae_users"); len(fields) > 5 && fields[3] == "TABLE" && fields[4] != "DATA" && at > 4 {
			schema = strings.Join(fields[4:at], " ")
		}
	}
	if schema == "" {
		return "", errors.New("postgres: Mapae's tables are not in it")
	}
	return schema, nil
}
