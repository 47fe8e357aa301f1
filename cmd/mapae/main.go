package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"github.com/alecthomas/kong"
)

// cli is every command. Its fields are flags, environment variables, members
// of the settings file and help in one.
type cli struct {
	Serve      serveCommand      `cmd:"" help:"Serve sign-in."`
	Invite     inviteCommand     `cmd:"" help:"Make an invitation to sign up."`
	User       userCommand       `cmd:"" help:"Add, list, help and disable people."`
	Events     eventsCommand     `cmd:"" help:"Show what happened to accounts."`
	Migrate    migrateCommand    `cmd:"" help:"Bring the tables of the database up to date."`
	Backup     backupCommand     `cmd:"" help:"Copy the database into a file, while servers run."`
	Restore    restoreCommand    `cmd:"" help:"Put a backup in the place of the database."`
	Doctor     doctorCommand     `cmd:"" help:"Examine an installation."`
	Health     healthCommand     `cmd:"" help:"Ask the server on this machine whether it is well."`
	Keys       keysCommand       `cmd:"" help:"Make and rotate the root keys."`
	Metadata   metadataCommand   `cmd:"" help:"Look into FIDO metadata."`
	Import     importCommand     `cmd:"" help:"Take over accounts and passkeys of another system."`
	Export     exportCommand     `cmd:"" help:"Print accounts and passkeys as lines of JSON."`
	Load       loadCommand       `cmd:"" help:"Measure a server under load."`
	Config     configCommand     `cmd:"" help:"Show and check the settings."`
	Completion completionCommand `cmd:"" help:"Print a script by which a shell completes commands."`
	Version    versionCommand    `cmd:"" help:"Show version, hash and modules of this binary."`
}

// streams are where a command writes: answers to out, everything else to err.
type streams struct{ out, err io.Writer }

// mistake is an error that whoever wrote the settings has to mend.
type mistake struct{ error }

func (m mistake) Unwrap() error { return m.error }

// Exit codes.
const (
	exitDone    = 0
	exitFailed  = 1
	exitMistake = 2
)

func main() {
	runtime.MemProfileRate = 0 // a megabyte of samples that nobody could ask for; --pprof takes them again
	os.Exit(run(os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// run is the program: it returns the exit code.
func run(args []string, std streams) int {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	var c cli
	parser, err := kong.New(&c, append(options(), kong.Writers(std.out, std.err), kong.Bind(std))...)
	if err != nil {
		return report(std.err, err) // the struct above is wrong
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return report(std.err, mistake{withHelp(err)})
	}
	if parsed.Command() == "serve" { // without the megabytes that the command line was read with
		return report(std.err, c.Serve.Run(context.Background(), std))
	}
	parsed.BindTo(context.Background(), (*context.Context)(nil))
	return report(std.err, parsed.Run())
}

// withHelp adds to an error of the command line, where no name is near to what
// was typed, where all names are.
func withHelp(err error) error {
	var parse *kong.ParseError
	text := err.Error()
	unknown := strings.HasPrefix(text, "unknown flag ") || strings.HasPrefix(text, "unexpected argument ")
	if !errors.As(err, &parse) || !unknown || strings.Contains(text, "did you mean") {
		return err
	}
	command := "mapae"
	if at := parse.Context.Selected(); at != nil {
		command = at.FullPath()
	}
	return fmt.Errorf("%w: %s --help lists what there is", err, command)
}

func options() []kong.Option {
	return []kong.Option{
		kong.Name("mapae"),
		kong.Description("Sign-in, passkeys first. Start with: mapae serve"),
		kong.ValueFormatter(describe),
		kong.DefaultEnvars(envPrefix),
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 100, Compact: true}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "site", Title: "The site:"},
			{Key: "method", Title: "Methods:"},
			{Key: "federated", Title: "Other providers to sign in with:"},
			{Key: "attestation", Title: "Models of authenticators:"},
			{Key: "mail", Title: "Mail:"},
			{Key: "session", Title: "Sessions:"},
			{Key: "brand", Title: "The look of the pages:"},
			{Key: "files", Title: "Files:"},
			{Key: "network", Title: "Network:"},
			{Key: "log", Title: "Log:"},
		}),
	}
}

// describe is the help of a flag, with its default.
func describe(v *kong.Value) string {
	if !v.HasDefault || v.Default == "" {
		return v.Help
	}
	return v.Help + " Default: " + v.Default + "."
}

// report tells a person what went wrong, a line a mistake, and returns the
// exit code.
func report(w io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	code := exitFailed
	if errors.As(err, new(mistake)) {
		code = exitMistake
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) == 1 {
		fmt.Fprintln(w, "mapae: "+printable(lines[0]))
		return code
	}
	fmt.Fprintln(w, "mapae:")
	for _, line := range lines {
		fmt.Fprintln(w, "  "+printable(line))
	}
	return code
}

// newLogger returns the logger that the settings ask for.
func (s logSettings) newLogger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.LogLevel}
	if s.Log == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
