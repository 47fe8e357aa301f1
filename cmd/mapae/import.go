package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/transfer"
)

// importCommand is mapae import.
type importCommand struct {
	settings
	System    string `arg:"" env:"-" enum:"allauth,authjs,go-webauthn,hanko,mapae,spring" help:"Where accounts come from: ${enum}."`
	From      string `arg:"" env:"-" help:"Its database: a SQLite file, or the URL of a PostgreSQL one. For go-webauthn and mapae a file of lines of JSON, or - for standard input."`
	DryRun    bool   `env:"-" help:"Say what would be taken over, and write nothing."`
	UserTable string `env:"-" placeholder:"NAME" help:"Table of the user model of a Django project. Default: auth_user."`
}

// Help is shown below the usage line.
func (*importCommand) Help() string {
	return `Takes over accounts and passkeys. User handles, credential IDs and public keys are kept byte for byte, so that people sign in with the passkeys that they have; the RP ID has to be the one that those were made for. It prints a verdict for each account and each passkey (added, there, refused) with the reason, works beside a running server, and can be run again: what is there stays as it is. Passwords, authenticator apps, recovery codes and sessions are not taken over. Start with --dry-run; docs/import.md has more.

Examples:

  mapae import spring app.db --dry-run --origin https://id.example.com --rp-id example.com --data /var/lib/mapae
  mapae import allauth 'postgres://reader@db.example.com/shop?sslmode=verify-full' --user-table accounts_user
  mapae import mapae accounts.jsonl`
}

// Run prints verdicts on standard output, and sums on standard error.
func (c *importCommand) Run(ctx context.Context, std streams) error {
	in, err := c.openThere(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.err, "Passkeys have to be for the RP ID %s.\n", in.auth.Config().RP.ID)
	var sums importSums
	err = transfer.Read(ctx, c.System, c.From, transfer.Options{UserTable: c.UserTable}, func(a transfer.Account) error {
		result, err := c.take(ctx, in, a)
		if err == nil {
			err = sums.print(std.out, a, result)
		}
		return err
	})
	fmt.Fprintln(std.err, sums.text(c.DryRun))
	if err = errors.Join(err, in.store.Close()); err != nil {
		return fmt.Errorf("import %s: %w", c.System, err)
	}
	return nil
}

// take imports an account that could be read.
func (c *importCommand) take(ctx context.Context, in *installation, a transfer.Account) (mapae.ImportResult, error) {
	if a.Err != nil {
		return mapae.ImportResult{User: mapae.ImportFinding{Verdict: mapae.ImportRefused, Note: "it can't be read: " + a.Err.Error()}}, nil
	}
	return in.auth.Import(ctx, a.Imported, c.DryRun)
}

// importSums count verdicts.
type importSums struct{ accounts, passkeys map[mapae.ImportVerdict]int }

// print prints a line for an account, and one for each of its passkeys: kind,
// name, verdict and notes, with tabs between them.
func (s *importSums) print(w io.Writer, a transfer.Account, r mapae.ImportResult) error {
	if s.accounts == nil {
		s.accounts, s.passkeys = map[mapae.ImportVerdict]int{}, map[mapae.ImportVerdict]int{}
	}
	var lines strings.Builder
	line := func(kind, name string, f mapae.ImportFinding) {
		fmt.Fprintf(&lines, "%s\t%s\t%s\t%s\n", kind, printable(name), f.Verdict, printable(f.Note))
	}
	if r.User.Verdict == mapae.ImportAdded {
		for _, note := range a.Notes {
			r.User.Note = strings.TrimPrefix(r.User.Note+"; "+note, "; ")
		}
	}
	s.accounts[r.User.Verdict]++
	line("account", a.Label, r.User)
	for i, finding := range r.Passkeys {
		s.passkeys[finding.Verdict]++
		line("passkey", base64.RawURLEncoding.EncodeToString(a.Passkeys[i].ID), finding)
	}
	for _, unread := range a.Unread {
		s.passkeys[mapae.ImportRefused]++
		line("passkey", "", mapae.ImportFinding{Verdict: mapae.ImportRefused, Note: "it can't be read: " + unread})
	}
	_, err := io.WriteString(w, lines.String())
	return err
}

// text is the sums in words.
func (s *importSums) text(dry bool) string {
	words := func(of map[mapae.ImportVerdict]int) string {
		return fmt.Sprintf("%d added, %d there already, %d refused", of[mapae.ImportAdded], of[mapae.ImportThere], of[mapae.ImportRefused])
	}
	text := "Accounts: " + words(s.accounts) + ". Passkeys: " + words(s.passkeys) + "."
	if dry {
		text += " This was a dry run: nothing was written."
	}
	return text
}
