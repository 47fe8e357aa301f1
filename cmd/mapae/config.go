package main

import (
	"fmt"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// configCommand is mapae config.
type configCommand struct {
	Show  showConfigCommand  `cmd:"" help:"Show every setting with its value."`
	Check checkConfigCommand `cmd:"" help:"Tell whether the settings fit together."`
}

// showConfigCommand is mapae config show.
type showConfigCommand struct {
	serverSettings
	Sources bool `env:"-" help:"Show also where each value is from: flag, env, file or default."`
	JSON    bool `env:"-" name:"json" help:"Print one JSON object a line, with the sources."`
}

// Help is shown below the usage line.
func (*showConfigCommand) Help() string {
	return `Prints the settings that mapae serve would have with the same flags, environment and file. Passwords are not shown.

Example:

  mapae config show --sources --config /etc/mapae/mapae.yaml`
}

// settingLine is a setting as mapae config show prints it.
type settingLine struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // flag, env NAME, file PATH, default, or unset
}

// Run prints the settings.
func (c *showConfigCommand) Run(parsed *kong.Context, std streams) error {
	path, file, err := settingsFileOf(parsed)
	if err != nil {
		return mistake{err}
	}
	head := "SETTING\tVALUE"
	if c.Sources {
		head += "\tFROM"
	}
	out := newLister(std.out, c.JSON, head)
	for _, flag := range parsed.Flags() {
		if len(flag.Envs) == 0 {
			continue // no setting
		}
		l := settingLine{flag.Name, shown(parsed.FlagValue(flag)), sourceOf(parsed, flag, path, file)}
		cells := []any{l.Name, printable(or(l.Value, "-"))}
		if c.Sources {
			cells = append(cells, printable(l.Source))
		}
		out.row(l, cells...)
	}
	return out.flush()
}

// sourceOf says where the value of a setting is from.
func sourceOf(parsed *kong.Context, flag *kong.Flag, path string, file settingsFile) string {
	given := func(p *kong.Path) bool { return p.Flag == flag && !p.Resolved }
	_, inFile := file[flag.Name]
	env := slices.IndexFunc(flag.Envs, func(name string) bool { _, set := os.LookupEnv(name); return set })
	switch {
	case slices.ContainsFunc(parsed.Path, given):
		return "flag"
	case env >= 0:
		return "env " + flag.Envs[env]
	case inFile:
		return "file " + path
	case flag.HasDefault && flag.Default != "" || flag.IsBool() || flag.Name == "key-file" || flag.Name == "database":
		return "default"
	}
	return "unset"
}

// shown is a value as people write it, without passwords.
func shown(value any) string {
	if list := reflect.ValueOf(value); list.Kind() == reflect.Slice {
		texts := make([]string, list.Len())
		for i := range texts {
			texts[i] = shown(list.Index(i).Interface())
		}
		return strings.Join(texts, ", ")
	}
	switch value {
	case "", time.Duration(0), time.Time{}:
		return "" // not set
	}
	text := fmt.Sprint(value)
	if strings.Contains(text, "://") {
		return withoutPassword(text)
	}
	return text
}

// withoutPassword is a URL with xxxxx in the place of passwords, which PostgreSQL
// takes in the query too. Of one that can't be read, or whose password holds
// what ends it, nobody knows where the password stands: its scheme is all.
func withoutPassword(text string) string {
	scheme, rest, _ := strings.Cut(text, "://")
	hidden := scheme + "://xxxxx"
	u, err := url.Parse(text)
	if at := strings.Count(rest, "@"); err != nil || at > 1 || at == 1 && u.User == nil {
		return hidden
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return hidden
	}
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query.Set(name, "xxxxx")
			u.RawQuery = query.Encode()
		}
	}
	return u.Redacted()
}

// checkConfigCommand is mapae config check.
type checkConfigCommand struct {
	serverSettings
}

// Help is shown below the usage line.
func (*checkConfigCommand) Help() string {
	return `Checks the settings that mapae serve would have with the same flags, environment and file, the certificate among them, and names every mistake. It opens no database and asks no server: mapae doctor does. Exit codes: 0 they fit together, 2 there is a mistake.`
}

// Run checks.
func (c *checkConfigCommand) Run(std streams) error {
	if _, err := c.check(); err != nil {
		return err
	}
	if _, err := c.loadCertificate(); err != nil {
		return err
	}
	if _, _, err := c.passkey(c.Data); err != nil {
		return err
	}
	fmt.Fprintln(std.out, "The settings fit together.")
	return nil
}
