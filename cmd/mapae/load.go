package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/mapae/mapae/internal/load"
	"github.com/mapae/mapae/internal/procs"
)

// loadCommand is mapae load.
type loadCommand struct {
	Origin      string        `arg:"" optional:"" env:"-" default:"http://localhost:8080" help:"The server: scheme, host and port."`
	Flow        string        `env:"-" placeholder:"sign-in|sign-up" enum:"sign-in,sign-up" default:"sign-in" help:"What people do again and again. Those who sign in are signed up first, which is measured too."`
	Users       int           `env:"-" placeholder:"N" default:"100" help:"Who signs in: so many accounts are made, each with a passkey."`
	Concurrency int           `env:"-" placeholder:"N" default:"32" help:"How many do it at a time, each over a connection of its own."`
	For         time.Duration `env:"-" placeholder:"DURATION" help:"How long. Default: 10s, or without end with --operations."`
	Operations  int64         `env:"-" placeholder:"N" help:"Stop after so many. Default: any number."`

	Operator    string `env:"-" placeholder:"ADDRESS" help:"The --metrics-listen of the server, which tells what limits are in force."`
	ServerPID   int    `name:"server-pid" env:"-" placeholder:"ID" help:"The server's process, whose CPU time and memory are told. Default: who listens at the origin's port."`
	DatabasePID int    `name:"database-pid" env:"-" placeholder:"ID" help:"The first process of a PostgreSQL server on this machine (the first line of its postmaster.pid), whose CPU time is told with that of all its processes."`

	JSON  string `name:"json" env:"-" placeholder:"FILE" help:"Write all figures, second by second, into this file; -: on standard output, in the place of the table."`
	Chart string `env:"-" placeholder:"FILE" help:"Draw the course into this file, an SVG picture."`

	YesIOwnThisHost bool `name:"yes-i-own-this-host" env:"-" help:"Aim at another machine than this one."`
}

// Help is shown below the usage line.
func (*loadCommand) Help() string {
	return `Measures a server over HTTP: sign-ups and sign-ins a second, how long they take, and what they cost. It makes accounts (load-…@example.com) and leaves them there, so aim it at a server with a database that can be thrown away, which proves no addresses by mail. Limits by address stay on: the requests say that they are forwarded for many people, of whom 20 have one address, which a server believes that trusts this machine as a proxy. It fails where any operation failed.

Example:

  mapae serve --data load-data --mail none --trusted-proxy 127.0.0.0/8 --metrics-listen 127.0.0.1:9090 &
  mapae load --for 30s --operator 127.0.0.1:9090 --json load.json --chart load.svg`
}

// loadReport is what mapae load writes as JSON.
type loadReport struct {
	Origin  string       `json:"origin"`
	Started time.Time    `json:"started"`
	Machine string       `json:"machine"` // of the generator
	Limits  []limit      `json:"limits"`  // null: not told
	Phases  []load.Phase `json:"phases"`
}

// Run measures, and reports what it has measured when it is interrupted too.
func (c *loadCommand) Run(ctx context.Context, std streams) error {
	if err := c.check(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	target, err := load.FindTarget(ctx, c.Origin, c.YesIOwnThisHost)
	if errors.Is(err, load.ErrElsewhere) {
		return mistake{fmt.Errorf("load: %w: a load generator aimed at somebody else's machine is an attack; if it is yours, say --yes-i-own-this-host", err)}
	} else if err != nil {
		return mistake{fmt.Errorf("load: %w", err)}
	}
	report := loadReport{Origin: c.Origin, Started: time.Now().UTC().Truncate(time.Second),
		Machine: fmt.Sprintf("%s, %d cores, %s/%s, %s", procs.CPUModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())}
	if report.Limits, err = c.limits(ctx); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	err = c.measure(ctx, target, &report, std)
	if len(report.Phases) > 0 {
		err = errors.Join(err, c.write(report, std))
	}
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}

// check names every mistake in the flags.
func (c *loadCommand) check() error {
	if c.Users < 1 || c.Concurrency < 1 || c.Concurrency > 10_000 {
		return mistake{fmt.Errorf("load: users %d and concurrency %d: from 1 up, and at most 10,000 at a time", c.Users, c.Concurrency)}
	}
	if c.For < 0 || c.Operations < 0 {
		return mistake{fmt.Errorf("load: for %v and operations %d: neither may be negative", c.For, c.Operations)}
	}
	return nil
}

// limits asks the operator's listener what is in force; nil: there is none.
func (c *loadCommand) limits(ctx context.Context) (limits []limit, err error) {
	if c.Operator == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Operator+"/limits", nil)
	if err != nil {
		return nil, mistake{err}
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask the operator's listener: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the operator's listener: it answered %s", answer.Status)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<16)).Decode(&limits); err != nil {
		return nil, fmt.Errorf("ask the operator's listener: %w", err)
	}
	return limits, nil
}

// span is how long the flow goes on.
func (c *loadCommand) span() load.Span {
	span := load.Span{For: c.For, Operations: c.Operations}
	if span == (load.Span{}) {
		span.For = 10 * time.Second
	}
	return span
}

// measure adds the phases to report: sign-ups, and the sign-ins of those who
// were made by them.
func (c *loadCommand) measure(ctx context.Context, target *load.Target, report *loadReport, std streams) error {
	watch := load.Watch{Server: c.ServerPID, Database: c.DatabasePID}
	for _, at := range target.Addresses {
		if pid, err := procs.Listener(at); err == nil && watch.Server == 0 {
			watch.Server = pid
		}
	}
	people := target.NewCrowd()
	span := c.span()
	if c.Flow == "sign-in" {
		span = load.Span{Operations: int64(c.Users)}
	}
	phase := func(name string, span load.Span, n int, open func(context.Context, int) ([]func(context.Context) error, func(), error)) error {
		lanes, end, err := open(ctx, n)
		if err != nil {
			return fmt.Errorf("connect to %s: %w", c.Origin, err)
		}
		defer end()
		told, clear := progress(std.err, name, span)
		defer clear()
		p, err := load.Measure(ctx, name, span, watch, lanes, told)
		report.Phases = append(report.Phases, p)
		return explain(err, p)
	}
	if err := phase("sign-up", span, min(c.Concurrency, int(max(span.Operations, 1))), people.SignUps); err != nil || c.Flow == "sign-up" {
		return err
	}
	if len(people.Accounts()) == 0 {
		return nil // interrupted
	}
	return phase("sign-in", c.span(), c.Concurrency, people.SignIns)
}

// explain returns the first error of a phase in words, nil where there was none.
func explain(first error, p load.Phase) error {
	if first == nil {
		return nil
	}
	var failed int64
	for _, n := range p.Errors {
		failed += n
	}
	hint := ""
	switch {
	case errors.Is(first, load.ErrProvesAddresses):
		hint = ": serve with --mail none"
	case load.Code(first) == "rate_limited":
		hint = ": serve with --trusted-proxy 127.0.0.0/8, so that people seem to come from many addresses"
	case load.Code(first) == "forbidden":
		hint = ": serve with --sign-up open and --methods passkey"
	}
	return fmt.Errorf("%d of %d operations (%s) failed; the first: %w%s", failed, failed+p.Operations, p.Name, first, hint)
}
