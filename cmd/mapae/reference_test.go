package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// configuration writes docs/configuration.md: every setting of the server, by
// its groups.
func configuration(t *testing.T) string {
	t.Helper()
	parser, err := kong.New(new(cli), append(options(), kong.Bind(streams{}))...)
	if err != nil {
		t.Fatal(err)
	}
	var serve *kong.Node
	for _, child := range parser.Model.Children {
		if child.Name == "serve" {
			serve = child
		}
	}
	var page strings.Builder
	page.WriteString(`# Settings

Made from the program by a test: MAPAE_UPDATE_SCRIPTS=1 go test ./cmd/mapae writes it anew. Each setting is a flag, an environment variable, or
a member of the YAML file that --config names (mapae.yaml in the data directory, where there is one), in this order:

` + "```sh\nmapae config show --sources --sign-up invited\nMAPAE_SIGN_UP=invited mapae config show --sources\necho 'sign-up: invited' > mapae.yaml && mapae config show --sources --config mapae.yaml | grep '^sign-up'\n# → file mapae.yaml\n```\n" + `
Lists are repeated flags, values with commas between them, or YAML lists. A name that is no setting is refused. "mapae config show --sources"
tells what is in force and where it is from, "mapae config check" every mistake, "mapae doctor" what only the world can tell. The password for
the mail server, which everybody would see among the flags, is in the file that smtp-password-file names, or in MAPAE_SMTP_PASSWORD.
`)
	return page.String() + settingsTables(serve)
}

func settingsTables(serve *kong.Node) string {
	var page strings.Builder
	last := ""
	for _, flag := range serve.Flags {
		if len(flag.Envs) == 0 {
			continue
		}
		if flag.Group.Title != last {
			last = flag.Group.Title
			fmt.Fprintf(&page, "\n## %s\n\n| setting | environment | value | |\n|---|---|---|---|\n", strings.TrimSuffix(last, ":"))
		}
		value := strings.ReplaceAll(flag.FormatPlaceHolder(), "|", " · ")
		fmt.Fprintf(&page, "| `%s` | `%s` | %s | %s |\n", flag.Name, flag.Envs[0], value, strings.ReplaceAll(describe(flag.Value), "|", `\|`))
	}
	return page.String()
}

func TestThePageOfSettingsIsThatOfTheProgram(t *testing.T) {
	t.Parallel()
	const path = "../../docs/configuration.md"
	want := configuration(t)
	if os.Getenv("MAPAE_UPDATE_SCRIPTS") != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the program says: run with MAPAE_UPDATE_SCRIPTS=1", path)
	}
}
