package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/transfer"
)

// exportCommand is mapae export.
type exportCommand struct{ settings }

// Help is shown below the usage line.
func (*exportCommand) Help() string {
	return `Prints every account with its passkeys as a line of JSON, for other programs and for mapae import mapae. Passwords, authenticator apps, recovery codes, linked accounts, sessions and events are not in it: to move a whole installation take mapae backup. It works beside a running server; who signs up meanwhile may be missing.

Example:

  mapae export --data /var/lib/mapae > accounts.jsonl`
}

// exportPage is how many accounts are read at a time.
const exportPage = 500

// Run prints lines on standard output.
func (c *exportCommand) Run(ctx context.Context, std streams) error {
	in, err := c.openThere(ctx)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(std.out)
	n, err := exportAll(ctx, in.store, out)
	if err = errors.Join(err, out.Flush(), in.store.Close()); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	fmt.Fprintf(std.err, "%d accounts.\n", n)
	return nil
}

// exportAll writes all accounts, page by page.
func exportAll(ctx context.Context, store mapae.Store, w io.Writer) (n int, err error) {
	for after := mapae.UserID(""); ; {
		page, err := store.Users(ctx, after, exportPage)
		if err != nil || len(page) == 0 {
			return n, err
		}
		for _, u := range page {
			passkeys, err := store.Credentials(ctx, u.ID)
			if err == nil {
				err = transfer.Write(w, u, passkeys)
			}
			if err != nil {
				return n, err
			}
			n++
		}
		after = page[len(page)-1].ID
	}
}
