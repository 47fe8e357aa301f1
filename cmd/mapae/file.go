package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// settingsFile is a YAML file of settings: their names, and their values as
// YAML has them. It is a kong.Resolver for what is set neither by a flag nor in
// the environment.
type settingsFile map[string]any

var _ kong.Resolver = settingsFile{}

// BeforeResolve finds and reads the settings file of the command. All commands
// share it, so its names may be settings of any command.
func (c *cli) BeforeResolve(ctx *kong.Context) error {
	names := settingsOf(ctx.Model.Node)
	if err := checkEnvironment(os.Environ(), names); err != nil {
		return err
	}
	_, file, err := settingsFileOf(ctx)
	if err == nil && file != nil {
		ctx.AddResolver(file)
	}
	return err
}

// settingsFileOf reads the settings file of the command; nil: it has none.
func settingsFileOf(ctx *kong.Context) (path string, file settingsFile, err error) {
	path, named, ok := settingsPath(ctx)
	if !ok {
		return "", nil, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return path, nil, nil
	}
	if err != nil {
		return path, nil, fmt.Errorf("settings file: %w", err)
	}
	if file, err = parseSettings(text, settingsOf(ctx.Model.Node)); err != nil {
		return path, nil, fmt.Errorf("settings file %s: %w", path, err)
	}
	return path, file, nil
}

// settingsPath returns where the command's settings file is, and whether it
// was named. False: the command has no settings.
func settingsPath(ctx *kong.Context) (path string, named, ok bool) {
	values := map[string]string{}
	for _, flag := range ctx.Flags() {
		if text, is := ctx.FlagValue(flag).(string); is {
			values[flag.Name] = text
		}
	}
	if path, ok = values["config"]; path != "" {
		return path, true, ok
	}
	return filepath.Join(values["data"], "mapae.yaml"), false, ok
}

// setting is a flag that may also stand in the environment and, but for the
// file's own place, in the settings file.
type setting struct{ name, env string }

// settingsOf returns the settings of a command and all below it.
func settingsOf(node *kong.Node) []setting {
	var all []setting
	for _, flag := range node.Flags {
		if len(flag.Envs) > 0 {
			all = append(all, setting{flag.Name, flag.Envs[0]})
		}
	}
	for _, child := range node.Children {
		all = append(all, settingsOf(child)...)
	}
	slices.SortFunc(all, func(a, b setting) int { return strings.Compare(a.name, b.name) })
	return slices.Compact(all)
}

// parseSettings reads the text of a settings file. Every name that is not one
// of names, or that stands there twice, is a mistake, told with its line.
func parseSettings(text []byte, names []setting) (settingsFile, error) {
	members, err := topMembers(text)
	if err != nil {
		return nil, err
	}
	file := settingsFile{}
	var wrong []error
	for pair := range slices.Chunk(members, 2) {
		key, value := pair[0], pair[1]
		known := key.Kind == yaml.ScalarNode && slices.ContainsFunc(names, func(s setting) bool { return s.name == key.Value && s.name != "config" })
		_, twice := file[key.Value]
		read, err := valueOf(value)
		switch {
		case !known:
			like := closest(key.Value, names, func(s setting) string { return s.name })
			wrong = append(wrong, fmt.Errorf("line %d: %q is not a setting%s", key.Line, key.Value, like))
		case twice:
			wrong = append(wrong, fmt.Errorf("line %d: %q is there already", key.Line, key.Value))
		case err != nil:
			wrong = append(wrong, fmt.Errorf("line %d: %s: %w", key.Line, key.Value, err))
		case read == nil:
			wrong = append(wrong, fmt.Errorf("line %d: %s has no value", key.Line, key.Value))
		}
		file[key.Value] = read
	}
	return file, errors.Join(wrong...)
}

// topMembers returns the members of the one mapping that the file is, keys and
// values in turn; an empty file has none.
func topMembers(text []byte) ([]*yaml.Node, error) {
	var document yaml.Node
	from := yaml.NewDecoder(bytes.NewReader(text))
	if err := from.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, plainly(err)
	}
	if err := from.Decode(new(yaml.Node)); err == nil {
		return nil, errors.New("there is more than one document in it")
	} else if !errors.Is(err, io.EOF) {
		return nil, plainly(err)
	}
	switch body := document.Content[0]; {
	case body.Kind == yaml.MappingNode:
		return body.Content, nil
	case body.ShortTag() == "!!null":
		return nil, nil
	}
	return nil, errors.New(`it is not a list of settings, such as "sign-up: invited"`)
}

// valueOf returns what a node says: a text as it was written, as a flag has it
// (YAML makes 1e3 a number, which is not the time that it looks like), a list of
// these, or nil where there is nothing.
func valueOf(node *yaml.Node) (any, error) {
	switch {
	case node.Kind == yaml.AliasNode:
		return valueOf(node.Alias)
	case node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null":
		return nil, nil
	case node.Kind == yaml.ScalarNode:
		return node.Value, nil
	case node.Kind != yaml.SequenceNode:
		return nil, errors.New("neither a value nor a list")
	}
	list := make([]any, len(node.Content))
	for i, item := range node.Content {
		if item.Kind != yaml.ScalarNode {
			return nil, errors.New("a list of more than values")
		}
		list[i] = item.Value
	}
	return list, nil
}

// plainly is an error of the YAML library on one line, without its name.
func plainly(err error) error {
	return errors.New(strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " "))
}

// Validate implements kong.Resolver; parseSettings has done it.
func (f settingsFile) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver. The environment comes before the file.
func (f settingsFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	return f[flag.Name], nil
}

// checkEnvironment refuses a variable that looks like a mistyped setting: what
// it was meant to close must not stay open unseen.
func checkEnvironment(environment []string, names []setting) error {
	env := func(s setting) string { return s.env }
	var wrong []error
	for _, pair := range environment {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix+"_") || slices.ContainsFunc(names, func(s setting) bool { return s.env == name }) {
			continue
		}
		if like := closest(name, names, env); like != "" {
			wrong = append(wrong, fmt.Errorf("environment: %s is not a setting%s", name, like))
		}
	}
	return errors.Join(wrong...)
}

// closest returns `: did you mean "…"?` with the setting that is at most two
// letters away from name, or nothing.
func closest(name string, names []setting, of func(setting) string) string {
	best, at := "", 3
	for _, s := range names {
		if d := distance(name, of(s)); d < at {
			best, at = of(s), d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// distance is the number of letters to insert, remove or replace between a
// and b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := min(row[j], row[j+1]) + 1
			if a[i] == b[j] {
				next = min(next, diagonal)
			} else {
				next = min(next, diagonal+1)
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
