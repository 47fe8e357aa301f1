package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// inviteCommand is mapae invite.
type inviteCommand struct {
	settings
	Email  string        `env:"-" placeholder:"ADDRESS" help:"The only address that may sign up with it. Default: any."`
	ByMail bool          `env:"-" help:"Mail it to --email too, where the server sends mail."`
	For    time.Duration `env:"-" placeholder:"DURATION" default:"72h" help:"How long the invitation can be used."`
}

// Help is shown below the usage line.
func (*inviteCommand) Help() string {
	return `Prints an invitation, which makes one account at a site that serves with --sign-up invited, or, with --sign-up-domain, one with an address elsewhere. It works beside a running server and needs the same settings.

Examples:

  mapae invite
  mapae invite --email ada@example.com --for 24h --data /var/lib/mapae
  mapae invite --email ada@example.com --by-mail`
}

// Run prints the invitation alone on standard output, so that a script can use
// it, and what to do with it on standard error.
func (c *inviteCommand) Run(ctx context.Context, std streams) error {
	if c.For <= 0 {
		return mistake{fmt.Errorf("for is %v: it must be more than nothing", c.For)}
	}
	if c.ByMail && c.Email == "" {
		return mistake{errors.New("by-mail is given, but no email to send the invitation to")}
	}
	in, err := c.openThere(ctx)
	if err != nil {
		return err
	}
	text, err := c.invite(ctx, in)
	if err = errors.Join(err, in.store.Close()); err != nil {
		return fmt.Errorf("invite: %w", err)
	}
	fmt.Fprintln(std.out, text)
	fmt.Fprintf(std.err, "Give it to whom you invite: it makes one account at %s/sign-up, until %s.\n", c.Origin[0], time.Now().Add(c.For).Format(time.RFC1123))
	if c.SignUp != "invited" && len(c.SignUpDomain) == 0 {
		fmt.Fprintf(std.err, "Sign-up is %s here: it is asked for only where the server has --sign-up invited.\n", c.SignUp)
	}
	return nil
}

// invite makes the invitation; by mail, the running server sends it.
func (c *inviteCommand) invite(ctx context.Context, in *installation) (string, error) {
	if !c.ByMail {
		return in.auth.Invite(ctx, c.Email, c.For)
	}
	return in.auth.MailInvitation(ctx, c.Email, "", c.For)
}
