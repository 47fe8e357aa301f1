package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/mapae/mapae"
)

// keysCommand is mapae keys.
type keysCommand struct {
	New     newKeysCommand    `cmd:"" help:"Make a key file for a new installation."`
	List    listKeysCommand   `cmd:"" help:"List the root keys, and what depends on each."`
	Add     addKeyCommand     `cmd:"" help:"Add a root key, which opens and does not seal yet."`
	Promote promoteKeyCommand `cmd:"" help:"Let another root key seal."`
	Retire  retireKeyCommand  `cmd:"" help:"Take a root key out of use."`
}

// newKeysCommand is mapae keys new.
type newKeysCommand struct {
	fileSettings
}

// Help is shown below the usage line.
func (*newKeysCommand) Help() string {
	return `Makes the key file of an installation that has a PostgreSQL database and no users yet; with SQLite the server makes it on its first run. Each node gets a copy. A file that is there is left as it is.

Example:

  mapae keys new --key-file /etc/mapae/keys`
}

// Run makes the key file.
func (c *newKeysCommand) Run(std streams) error {
	keys, err := mapae.CreateKeys(c.KeyFile)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s  (key %s: keep a copy, the database is of no use without it)\n", c.KeyFile, keys[0].ID())
	return nil
}

// listKeysCommand is mapae keys list.
type listKeysCommand struct {
	settings
}

// Help is shown below the usage line.
func (*listKeysCommand) Help() string {
	return `Lists the keys of the key file by their public names, newest first: which one seals, which of them something in the database was sealed under, and how much depends on each today. It needs the same settings as the server.`
}

// Run prints the list on standard output.
func (c *listKeysCommand) Run(ctx context.Context, std streams) error {
	keys, err := mapae.LoadKeys(c.KeyFile)
	if err != nil {
		return mistake{err}
	}
	there, err := c.databaseThere()
	if err != nil {
		return err
	}
	uses := make([]mapae.KeyUse, len(keys))
	if there {
		in, err := c.open(ctx, nil)
		if err != nil {
			return err
		}
		for i, k := range keys {
			if uses[i], err = in.auth.KeyUse(ctx, k.ID()); err != nil {
				break
			}
		}
		if err := errors.Join(err, in.store.Close()); err != nil {
			return fmt.Errorf("list keys: %w", err)
		}
	}
	return printKeys(std.out, keys, uses)
}

func printKeys(w io.Writer, keys []mapae.RootKey, uses []mapae.KeyUse) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tSTATE\tIN USE\tAUTHENTICATOR APPS\tRECOVERY CODES")
	sealing := slices.IndexFunc(keys, func(k mapae.RootKey) bool { return !k.OpenOnly })
	for i, k := range keys {
		state, listed := "opens", "no"
		if i == sealing {
			state = "seals"
		}
		if uses[i].Listed {
			listed = "yes"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\n", k.ID(), state, listed, uses[i].TOTP, uses[i].RecoveryCodes)
	}
	return table.Flush()
}

// addKeyCommand is mapae keys add.
type addKeyCommand struct {
	fileSettings
}

// Help is shown below the usage line.
func (*addKeyCommand) Help() string {
	return `Puts a new key into the key file, which opens and does not seal yet. It is the first of three steps, and each is done on every node before the next begins:

  mapae keys add             once; copy the key file to the other nodes
  kill -HUP, on every node   the servers read the file anew and drop no request
  mapae keys promote         once, or on every node; copy the file, and kill -HUP
  mapae keys retire KEY      15 minutes later, on every node, and kill -HUP`
}

// Run adds a key.
func (c *addKeyCommand) Run(std streams) error {
	k, err := mapae.AddKey(c.KeyFile)
	if err != nil {
		return mistake{err}
	}
	fmt.Fprintln(std.out, k.ID())
	fmt.Fprintf(std.err, "Copy %s to every node, send each server SIGHUP, and then run: mapae keys promote\n", c.KeyFile)
	return nil
}

// promoteKeyCommand is mapae keys promote.
type promoteKeyCommand struct {
	fileSettings
	Key string `arg:"" optional:"" help:"Name of the key, as 'mapae keys list' shows it. Default: the newest."`
}

// Help is shown below the usage line.
func (*promoteKeyCommand) Help() string {
	return `Lets a key of the key file seal, and all others open only. Every node must have the key before one promotes it: what is sealed under it can't be opened elsewhere. See: mapae keys add --help`
}

// Run promotes the key.
func (c *promoteKeyCommand) Run(std streams) error {
	keys, err := mapae.LoadKeys(c.KeyFile)
	if err != nil {
		return mistake{err}
	}
	id := or(c.Key, keys[0].ID())
	if err := mapae.PromoteKey(c.KeyFile, id); err != nil {
		return c.wrong(id, err)
	}
	fmt.Fprintf(std.out, "%s seals, once each server has the file and got SIGHUP\n", id)
	return nil
}

// wrong says what is wrong with a key that was named.
func (f *fileSettings) wrong(id string, err error) error {
	switch {
	case errors.Is(err, mapae.ErrMissing):
		err = fmt.Errorf("there is no key %s in %s: mapae keys list shows their names", id, f.KeyFile)
	case errors.Is(err, mapae.ErrConflict):
		err = fmt.Errorf("key %s is the one that seals: promote another one first", id)
	default:
		return err
	}
	return mistake{err}
}

// retireKeyCommand is mapae keys retire.
type retireKeyCommand struct {
	settings
	Key string `arg:"" help:"Name of the key, as 'mapae keys list' shows it."`
	Yes bool   `env:"-" help:"Do it. Without it, only what would be done is told."`
}

// Help is shown below the usage line.
func (*retireKeyCommand) Help() string {
	return `Seals anew what is sealed under the key (authenticator apps, mail that waits to be sent), takes the key off the database's list, and out of the key file. It works beside running servers and needs the same settings. Run it on every node, or copy the file; then send each server SIGHUP.

Wait until another key has sealed on every node for 15 minutes: that long people take at most for what they began. Recovery codes, invitations and links in mails that were made under the key end with it, and it is told whose and how many codes those are.`
}

// Run tells what depends on the key, and with --yes retires it.
func (c *retireKeyCommand) Run(ctx context.Context, std streams) error {
	if err := c.needDatabase(); err != nil {
		return err
	}
	keys, err := mapae.LoadKeys(c.KeyFile)
	if err != nil {
		return mistake{err}
	}
	if !slices.ContainsFunc(keys, func(k mapae.RootKey) bool { return k.ID() == c.Key }) {
		return c.wrong(c.Key, mapae.ErrMissing)
	}
	if i := slices.IndexFunc(keys, func(k mapae.RootKey) bool { return !k.OpenOnly }); i >= 0 && keys[i].ID() == c.Key {
		return c.wrong(c.Key, mapae.ErrConflict)
	}
	in, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	return errors.Join(c.retire(ctx, std, in), in.store.Close())
}

func (c *retireKeyCommand) retire(ctx context.Context, std streams, in *installation) error {
	use, err := in.auth.KeyUse(ctx, c.Key)
	if err != nil {
		return err
	}
	if err := c.tell(ctx, std.out, in, use); err != nil {
		return err
	}
	if !c.Yes {
		return mistake{errors.New("nothing was changed: with --yes it is")}
	}
	if err := in.auth.RetireKey(ctx, c.Key); err != nil {
		return fmt.Errorf("retire: %w", err)
	}
	if err := mapae.RemoveKey(c.KeyFile, c.Key); err != nil {
		return fmt.Errorf("retire: %w", err)
	}
	fmt.Fprintf(std.out, "%s is retired, once each server has the file and got SIGHUP\n", c.Key)
	return nil
}

// maxOwners is how many people are named.
const maxOwners = 20

// tell says what happens to what depends on the key.
func (c *retireKeyCommand) tell(ctx context.Context, w io.Writer, in *installation, use mapae.KeyUse) error {
	fmt.Fprintf(w, "%d authenticator apps go on, sealed anew\n", use.TOTP)
	fmt.Fprintf(w, "%d mails that wait to be sent go on, sealed anew; links in them that were made under the key end\n", use.Mails)
	fmt.Fprintf(w, "%d recovery codes of %d people end", use.RecoveryCodes, len(use.Owners))
	if len(use.Owners) > 0 {
		var names []string
		for _, id := range use.Owners[:min(maxOwners, len(use.Owners))] {
			u, err := in.store.User(ctx, id)
			switch {
			case errors.Is(err, mapae.ErrNotFound):
				continue
			case err != nil:
				return err
			}
			names = append(names, printable(u.Login))
		}
		if more := len(use.Owners) - maxOwners; more > 0 {
			names = append(names, fmt.Sprintf("and %d more", more))
		}
		fmt.Fprintf(w, ": %s; tell them to make new ones", strings.Join(names, ", "))
	}
	_, err := fmt.Fprint(w, "\nwhat else was made under the key ends unused: invitations, links in mails, what people have begun\n")
	return err
}
