package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mapae/mapae"
)

// userCommand is mapae user.
type userCommand struct {
	Recover recoverUserCommand `cmd:"" help:"Make a link that gets a person back into their account."`
}

// recoverUserCommand is mapae user recover.
type recoverUserCommand struct {
	settings
	Login string        `arg:"" env:"-" help:"What the person signs in with: an e-mail address."`
	For   time.Duration `env:"-" placeholder:"DURATION" default:"1h" help:"How long the link can be used."`
}

// Help is shown below the usage line.
func (*recoverUserCommand) Help() string {
	return `Prints a link that recovers an account, once, for a person whom you know to be its owner: they make a new passkey, or set a new password, and all sessions end. Where mail is sent the owner is told of it. It works beside a running server and needs the same settings.

Example:

  mapae user recover ada@example.com --data /var/lib/mapae`
}

// Run prints the link alone on standard output, and what to do with it on
// standard error.
func (c *recoverUserCommand) Run(ctx context.Context, std streams) error {
	if c.For <= 0 {
		return mistake{fmt.Errorf("for is %v: it must be more than nothing", c.For)}
	}
	in, err := c.openThere(ctx)
	if err != nil {
		return err
	}
	link, err := in.auth.IssueRecovery(ctx, c.Login, c.For)
	if errors.Is(err, mapae.ErrMissing) {
		err = fmt.Errorf("nobody who may sign in has the login %q", c.Login)
	}
	if err = errors.Join(err, in.store.Close()); err != nil {
		return fmt.Errorf("user recover: %w", err)
	}
	fmt.Fprintln(std.out, link.URL)
	fmt.Fprintf(std.err, "Give it to nobody but %s: it works once, until %s.\n", c.Login, link.EndsAt.Format(time.RFC1123))
	return nil
}
