package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// plan is what is measured.
type plan struct {
	duration    time.Duration // of one round of one server
	rounds      int
	concurrency []int
	users       int
	dir         string // where the databases are made: a real disk
	profiles    string // directory for a CPU profile of each server, empty: none
	engine      string // "sqlite" or "postgres"
}

func main() {
	runtime.MemProfileRate = 0 // as in the binary
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	p := plan{concurrency: []int{1, 8, 32}}
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.DurationVar(&p.duration, "duration", 2*time.Second, "of each round of each server")
	flags.IntVar(&p.rounds, "rounds", 5, "of all servers for each concurrency")
	flags.Func("concurrency", `sign-ins at a time, "1,8,32"`, func(text string) (err error) {
		p.concurrency, err = readNumbers(text)
		return err
	})
	flags.IntVar(&p.users, "users", 1000, "accounts that sign in")
	flags.StringVar(&p.dir, "dir", "", "where SQLite's databases are made, best on a disk; PostgreSQL's are in $TMPDIR (default: there too)")
	flags.StringVar(&p.profiles, "profiles", "", "write a CPU profile of each server into this directory, such as mapae.prof")
	flags.StringVar(&p.engine, "engine", "sqlite", "sqlite, or postgres: a server that is made for it")
	serve := flags.String("serve", "", "be a server of this kind (for the benchmark's own use)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *serve != "" {
		return serveAs(*serve, p.dir, p.profiles)
	}
	if p.duration <= 0 || p.rounds < 1 || p.users < 1 {
		return errors.New("duration, rounds and users must be more than nothing")
	}
	if lineups[p.engine] == nil {
		return fmt.Errorf("no engine %q: sqlite or postgres", p.engine)
	}
	if p.engine == "postgres" && p.dir != "" {
		return errors.New("-dir is where SQLite's databases are made; PostgreSQL's are in $TMPDIR")
	}
	return measure(p, os.Stdout)
}

func readNumbers(text string) ([]int, error) {
	var numbers []int
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a number from 1 up", field)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// entrant is a server that takes part.
type entrant struct{ name, kind string }

// lineups are the servers of each engine: the bare loop with the least SQL, then
// at the end the bare loop with Mapae's SQL, which ratios are to, and what is
// measured.
var lineups = map[string][]entrant{
	"sqlite":   {{"bare", "bare"}, {"floor", "floor"}, {"mapae", "mapae"}},
	"postgres": {{"floor", "postgres-floor"}, {"mapae", "postgres"}},
}

// measure runs the plan and writes its figures to out.
func measure(p plan, out io.Writer) (err error) {
	dir, err := os.MkdirTemp(p.dir, "mapae-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	all, started, err := lineUp(p, dir)
	defer func() { err = errors.Join(err, started.Close()) }()
	if err != nil {
		return err
	}
	printHead(out, p, all)
	for i := range all {
		if err := all[i].enroll(p.users); err != nil {
			return fmt.Errorf("%s: %w", all[i].name, err)
		}
	}
	for _, c := range p.concurrency {
		results, err := measureAt(p, c, all)
		if err != nil {
			return err
		}
		printRows(out, c, all, results)
	}
	return nil
}

// lineUp starts the servers of p's engine. What was started is to be closed also
// where that fails.
func lineUp(p plan, dir string) (all []target, started closers, err error) {
	var database func() (time.Duration, error)
	if p.engine == "postgres" {
		cluster, err := openCluster(dir)
		if err != nil {
			return nil, started, err
		}
		started, database = closers{cluster}, cluster.CPU
	}
	for _, one := range lineups[p.engine] {
		s, err := startServer(one.kind, dir, p.profiles)
		if err != nil {
			return nil, started, err
		}
		started = append(closers{s}, started...)
		t, err := newTarget(one.name, s)
		if err != nil {
			return nil, started, err
		}
		t.database = database
		all = append(all, t)
	}
	return all, started, nil
}

// measureAt runs the rounds of one concurrency, all servers in turn,
// after a short one of each that is not counted.
func measureAt(p plan, concurrency int, all []target) ([][]round, error) {
	results := make([][]round, len(all))
	for n := range p.rounds + 1 {
		for i, t := range all {
			length := p.duration
			if n == 0 {
				length = min(length, 300*time.Millisecond)
			}
			r, err := t.round(concurrency, length)
			if err != nil {
				return results, fmt.Errorf("%s at %d: %w", t.name, concurrency, err)
			}
			if n > 0 {
				results[i] = append(results[i], r)
			}
		}
	}
	return results, nil
}
