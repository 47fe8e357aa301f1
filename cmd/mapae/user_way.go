package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/mapae/mapae"
)

// userPasskeysCommand is mapae user passkeys.
type userPasskeysCommand struct {
	whose
	Remove string `env:"-" placeholder:"ID" help:"Remove the passkey with that ID, and sign its owner out everywhere."`
	JSON   bool   `env:"-" name:"json" help:"Print one JSON object a line."`
}

// Help is shown below the usage line.
func (*userPasskeysCommand) Help() string {
	return `Lists the passkeys of an account, newest first. With --remove one of them is taken away, for a person who has lost the device; who has no other way in gets one first, by: mapae user recover

Examples:

  mapae user passkeys ada@example.com
  mapae user passkeys ada@example.com --remove 3q2-7w`
}

// passkeyLine is a passkey as mapae user passkeys prints it.
type passkeyLine struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Use        string    `json:"use"` // first factor, second factor, suspended
	Synced     bool      `json:"synced"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
}

// Run lists or removes.
func (c *userPasskeysCommand) Run(ctx context.Context, std streams) error {
	return c.with(ctx, "user passkeys", func(in *installation, u mapae.User) error {
		if c.Remove != "" {
			return c.remove(ctx, std, in, u)
		}
		own, err := in.store.Credentials(ctx, u.ID)
		if err != nil {
			return err
		}
		out := newLister(std.out, c.JSON, "NAME\tUSE\tSYNCED\tCREATED\tLAST USED\tID")
		for _, p := range own {
			l := passkeyLine{ID: encode64(p.ID), Name: p.Name, Use: useOf(p), Synced: p.BackupState, CreatedAt: p.CreatedAt.UTC(), LastUsedAt: p.LastUsedAt}
			out.row(l, printable(l.Name), l.Use, map[bool]string{true: "yes", false: "no"}[l.Synced], moment(l.CreatedAt), moment(l.LastUsedAt), l.ID)
		}
		return out.flush()
	})
}

func useOf(p mapae.Credential) string {
	switch {
	case !p.SuspendedAt.IsZero():
		return "suspended"
	case p.FirstFactor:
		return "first factor"
	}
	return "second factor"
}

func (c *userPasskeysCommand) remove(ctx context.Context, std streams, in *installation, u mapae.User) error {
	id, err := base64.RawURLEncoding.Strict().DecodeString(c.Remove)
	if err != nil {
		return mistake{fmt.Errorf("remove %q is no ID of a passkey: without --remove they are listed", c.Remove)}
	}
	err = in.auth.RemovePasskeyOf(ctx, u.ID, id)
	switch {
	case errors.Is(err, mapae.ErrMissing):
		return fmt.Errorf("%s has no passkey %s", u.Login, c.Remove)
	case errors.Is(err, mapae.ErrLastFactor):
		return fmt.Errorf("it is the last way in of %s, who would be locked out: mapae user recover %s gives them another first, mapae user disable %s lets nobody in", u.Login, u.Login, u.Login)
	case err != nil:
		return err
	}
	fmt.Fprintf(std.out, "passkey %s is gone, and %s is signed out everywhere\n", c.Remove, printable(u.Login))
	return nil
}

// userSessionsCommand is mapae user sessions.
type userSessionsCommand struct {
	whose
	End  bool `env:"-" help:"End all of them: sign the person out everywhere."`
	JSON bool `env:"-" name:"json" help:"Print one JSON object a line."`
}

// sessionLine is a session as mapae user sessions prints it.
type sessionLine struct {
	ID        mapae.SessionID    `json:"id"`
	AAL       int                `json:"aal"`
	Methods   []mapae.MethodName `json:"methods"`
	App       bool               `json:"app"`
	Address   string             `json:"address"`
	UserAgent string             `json:"user_agent"`
	CreatedAt time.Time          `json:"created_at"`
	SeenAt    time.Time          `json:"seen_at"`
}

// Run lists or ends.
func (c *userSessionsCommand) Run(ctx context.Context, std streams) error {
	return c.with(ctx, "user sessions", func(in *installation, u mapae.User) error {
		if c.End {
			if err := in.auth.EndSessionsOf(ctx, u.ID); err != nil {
				return err
			}
			fmt.Fprintf(std.out, "%s is signed out everywhere\n", printable(u.Login))
			return nil
		}
		all, err := in.store.Sessions(ctx, u.ID, time.Now())
		if err != nil {
			return err
		}
		out := newLister(std.out, c.JSON, "SIGNED IN\tSEEN\tAAL\tADDRESS\tDEVICE\tID")
		for _, s := range all {
			l := sessionLine{ID: s.ID, AAL: s.AAL(), App: s.App, Address: s.Address, UserAgent: s.UserAgent, CreatedAt: s.CreatedAt.UTC(), SeenAt: s.SeenAt.UTC()}
			for _, use := range s.Uses {
				l.Methods = append(l.Methods, use.Method)
			}
			out.row(l, moment(l.CreatedAt), moment(l.SeenAt), l.AAL, printable(or(l.Address, "-")), printable(or(l.UserAgent, "-")), l.ID)
		}
		return out.flush()
	})
}
