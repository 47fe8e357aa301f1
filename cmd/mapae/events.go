package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mapae/mapae"
)

// eventsCommand is mapae events.
type eventsCommand struct {
	settings
	Login string        `arg:"" optional:"" env:"-" help:"Of that account only. Default: of all."`
	Type  []string      `env:"-" placeholder:"TYPE" help:"Only events of that type, such as signin_failed. Repeat it for several."`
	Since time.Duration `env:"-" placeholder:"DURATION" help:"Only what happened so long ago at most, such as 24h."`
	Limit int           `env:"-" placeholder:"N" default:"100" help:"At most so many, the newest."`
	JSON  bool          `env:"-" name:"json" help:"Print one JSON object a line."`
}

// Help is shown below the usage line.
func (*eventsCommand) Help() string {
	return `Prints what happened to accounts, newest first: who signed in from where and by what, what failed and why, what was changed. It works beside a running server and needs the same settings.

Examples:

  mapae events ada@example.com
  mapae events --type signin_failed --since 1h --json`
}

// eventPage is how many events are read at once.
const eventPage = 500

// eventLine is an event as mapae events prints it.
type eventLine struct {
	ID         mapae.EventID    `json:"id"`
	At         time.Time        `json:"at"`
	Type       mapae.EventType  `json:"type"`
	User       mapae.UserID     `json:"user,omitempty"`
	Login      string           `json:"login,omitempty"`
	Session    mapae.SessionID  `json:"session,omitempty"`
	Method     mapae.MethodName `json:"method,omitempty"`
	Credential string           `json:"credential,omitempty"`
	Reason     string           `json:"reason,omitempty"`
	Address    string           `json:"address,omitempty"`
	UserAgent  string           `json:"user_agent,omitempty"`
	RequestID  string           `json:"request_id,omitempty"`
	App        bool             `json:"app,omitempty"`
}

// Run prints the events.
func (c *eventsCommand) Run(ctx context.Context, std streams) error {
	if c.Limit < 1 || c.Since < 0 {
		return mistake{fmt.Errorf("limit is %d and since %v: neither may be less than nothing", c.Limit, c.Since)}
	}
	return c.opened(ctx, "events", func(in *installation) error {
		var of mapae.User
		if c.Login != "" {
			var err error
			of, err = in.auth.UserByLogin(ctx, c.Login)
			if errors.Is(err, mapae.ErrMissing) {
				return fmt.Errorf("nobody has the login %q", c.Login)
			}
			if err != nil {
				return err
			}
		}
		return c.list(ctx, std, in, of.ID)
	})
}

// list prints events until there are enough, or they are too old.
func (c *eventsCommand) list(ctx context.Context, std streams, in *installation, of mapae.UserID) error {
	out := newLister(std.out, c.JSON, "AT\tTYPE\tLOGIN\tMETHOD\tREASON\tADDRESS\tDEVICE")
	logins := logins{}
	printed := 0
	for before := mapae.EventID(""); ; {
		page, err := in.store.Events(ctx, of, before, eventPage)
		if err != nil {
			return err
		}
		for _, e := range page {
			if c.Since > 0 && time.Since(e.At) > c.Since || printed == c.Limit {
				return out.flush()
			}
			before = e.ID
			if !c.wanted(e.Type) {
				continue
			}
			printed++
			login, err := logins.of(ctx, in.store, e.UserID)
			if err != nil {
				return err
			}
			l := eventLine{e.ID, e.At.UTC(), e.Type, e.UserID, login, e.SessionID, e.Method, encode64(e.Credential), e.Reason, e.Address, e.UserAgent, e.RequestID, e.App}
			out.row(l, moment(l.At), l.Type, printable(or(login, "-")), or(string(l.Method), "-"), printable(or(l.Reason, "-")), printable(or(l.Address, "-")), printable(or(l.UserAgent, "-")))
		}
		if len(page) < eventPage {
			return out.flush()
		}
	}
}

func (c *eventsCommand) wanted(t mapae.EventType) bool {
	for _, want := range c.Type {
		if strings.EqualFold(want, string(t)) {
			return true
		}
	}
	return len(c.Type) == 0
}

// logins remembers whose an ID is.
type logins map[mapae.UserID]string

// of returns the login of a user; empty: nobody's, or of somebody who is gone.
func (l logins) of(ctx context.Context, store mapae.Store, id mapae.UserID) (string, error) {
	login, known := l[id]
	if known || id == "" {
		return login, nil
	}
	u, err := store.User(ctx, id)
	if err != nil && !errors.Is(err, mapae.ErrNotFound) {
		return "", err
	}
	l[id] = u.Login
	return u.Login, nil
}
