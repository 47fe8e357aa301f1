package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/mapae/mapae"
)

// userCommand is mapae user.
type userCommand struct {
	Add      addUserCommand      `cmd:"" help:"Make an account, and a link for its first passkey."`
	List     listUsersCommand    `cmd:"" help:"List the accounts."`
	Disable  disableUserCommand  `cmd:"" help:"Let somebody sign in no more, and end their sessions."`
	Enable   enableUserCommand   `cmd:"" help:"Let them sign in again."`
	Recover  recoverUserCommand  `cmd:"" help:"Make a link that gets a person back into their account."`
	Passkeys userPasskeysCommand `cmd:"" help:"List somebody's passkeys, or remove one that is lost."`
	Sessions userSessionsCommand `cmd:"" help:"List somebody's sessions, or end them all."`
}

// whose is a command about one account.
type whose struct {
	settings
	Login string `arg:"" env:"-" help:"What the person signs in with: an e-mail address."`
}

// with opens the installation, finds the user, and runs f. What is wrong is
// told as being about what.
func (c *whose) with(ctx context.Context, what string, f func(*installation, mapae.User) error) error {
	return c.opened(ctx, what, func(in *installation) error {
		u, err := in.auth.UserByLogin(ctx, c.Login)
		if errors.Is(err, mapae.ErrMissing) {
			return fmt.Errorf("nobody has the login %q", c.Login)
		}
		if err != nil {
			return err
		}
		return f(in, u)
	})
}

// opened runs f on the installation, which must be there, and closes it.
func (s *settings) opened(ctx context.Context, what string, f func(*installation) error) error {
	in, err := s.openThere(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(f(in), in.store.Close()); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// addUserCommand is mapae user add.
type addUserCommand struct {
	settings
	Login string        `arg:"" env:"-" help:"An e-mail address, which counts as not proven."`
	Name  string        `env:"-" placeholder:"NAME" help:"How the person is called. Default: the login."`
	For   time.Duration `env:"-" placeholder:"DURATION" default:"72h" help:"How long the link can be used."`
}

// Help is shown below the usage line.
func (*addUserCommand) Help() string {
	return `Makes an account, whatever --sign-up says, and prints a link by which its owner makes their first passkey: so the first administrator of a site with closed sign-up gets in. It works beside a running server and needs the same settings.

Example:

  mapae user add ada@example.com --name Ada --data /var/lib/mapae`
}

// Run prints the link alone on standard output.
func (c *addUserCommand) Run(ctx context.Context, std streams) error {
	if c.For <= 0 {
		return mistake{fmt.Errorf("for is %v: it must be more than nothing", c.For)}
	}
	return c.opened(ctx, "user add", func(in *installation) error {
		u, err := in.auth.AddUser(ctx, c.Login, or(c.Name, c.Login))
		if err != nil {
			return err
		}
		link, err := in.auth.IssueRecovery(ctx, u.Login, c.For)
		if err != nil {
			return err
		}
		fmt.Fprintln(std.out, link.URL)
		fmt.Fprintf(std.err, "Give it to nobody but %s: it works once, until %s; later: mapae user recover %s\n", c.Login, link.EndsAt.Format(time.RFC1123), c.Login)
		return nil
	})
}

// listUsersCommand is mapae user list.
type listUsersCommand struct {
	settings
	JSON bool `env:"-" name:"json" help:"Print one JSON object a line."`
}

// userPage is how many accounts are read at once.
const userPage = 500

// userLine is an account as mapae user list prints it.
type userLine struct {
	ID        mapae.UserID `json:"id"`
	Login     string       `json:"login"`
	Name      string       `json:"name"`
	Proven    bool         `json:"email_proven"`
	CreatedAt time.Time    `json:"created_at"`
	State     string       `json:"state"` // enabled, disabled, frozen
}

// Run prints all accounts, by their IDs.
func (c *listUsersCommand) Run(ctx context.Context, std streams) error {
	return c.opened(ctx, "user list", func(in *installation) error {
		out := newLister(std.out, c.JSON, "LOGIN\tNAME\tSTATE\tADDRESS\tCREATED\tID")
		for after := mapae.UserID(""); ; {
			page, err := in.store.Users(ctx, after, userPage)
			if err != nil {
				return err
			}
			for _, u := range page {
				l := lineOf(u, time.Now())
				out.row(l, printable(l.Login), printable(l.Name), l.State, map[bool]string{true: "proven", false: "not proven"}[l.Proven], moment(l.CreatedAt), l.ID)
				after = u.ID
			}
			if len(page) < userPage {
				return out.flush()
			}
		}
	})
}

func lineOf(u mapae.User, now time.Time) userLine {
	state := "enabled"
	switch {
	case u.Disabled():
		state = "disabled"
	case u.FrozenUntil.After(now):
		state = "frozen"
	}
	return userLine{ID: u.ID, Login: u.Login, Name: u.Name, Proven: !u.EmailVerifiedAt.IsZero(), CreatedAt: u.CreatedAt.UTC(), State: state}
}

// disableUserCommand is mapae user disable.
type disableUserCommand struct{ whose }

// Help is shown below the usage line.
func (*disableUserCommand) Help() string {
	return `Ends all sessions of an account, and lets nobody sign in to it until: mapae user enable`
}

// Run disables the account.
func (c *disableUserCommand) Run(ctx context.Context, std streams) error {
	return c.with(ctx, "user disable", func(in *installation, u mapae.User) error {
		if err := in.auth.DisableUser(ctx, u.ID); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "%s can't sign in any more, and is signed out everywhere\n", printable(u.Login))
		return nil
	})
}

// enableUserCommand is mapae user enable.
type enableUserCommand struct{ whose }

// Run enables the account.
func (c *enableUserCommand) Run(ctx context.Context, std streams) error {
	return c.with(ctx, "user enable", func(in *installation, u mapae.User) error {
		if err := in.auth.EnableUser(ctx, u.ID); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "%s can sign in\n", printable(u.Login))
		return nil
	})
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
	return c.opened(ctx, "user recover", func(in *installation) error {
		link, err := in.auth.IssueRecovery(ctx, c.Login, c.For)
		if errors.Is(err, mapae.ErrMissing) {
			return fmt.Errorf("nobody who may sign in has the login %q", c.Login)
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(std.out, link.URL)
		fmt.Fprintf(std.err, "Give it to nobody but %s: it works once, until %s.\n", c.Login, link.EndsAt.Format(time.RFC1123))
		return nil
	})
}

// lister prints rows: in columns for people, or each as a JSON object.
type lister struct {
	table *tabwriter.Writer
	json  *json.Encoder // nil: in columns
}

func newLister(w io.Writer, asJSON bool, head string) *lister {
	if asJSON {
		l := &lister{json: json.NewEncoder(w)}
		l.json.SetEscapeHTML(false)
		return l
	}
	l := &lister{table: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	fmt.Fprintln(l.table, head)
	return l
}

// row prints v as JSON, or the cells. That a writer fails is told by flush.
func (l *lister) row(v any, cells ...any) {
	if l.json != nil {
		_ = l.json.Encode(v)
		return
	}
	for i, cell := range cells {
		if i > 0 {
			fmt.Fprint(l.table, "\t")
		}
		fmt.Fprint(l.table, cell)
	}
	fmt.Fprintln(l.table)
}

func (l *lister) flush() error {
	if l.json != nil {
		return nil
	}
	return l.table.Flush()
}

// moment is a time as lists show it; - where there is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
