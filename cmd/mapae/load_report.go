package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mapae/mapae/internal/load"
)

// write writes the report everywhere that it was asked for.
func (c *loadCommand) write(report loadReport, std streams) error {
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	switch c.JSON {
	case "-":
		_, err = std.out.Write(append(text, '\n'))
	case "":
		err = report.print(std.out)
	default:
		err = errors.Join(report.print(std.out), os.WriteFile(c.JSON, append(text, '\n'), 0o644))
	}
	if c.Chart != "" {
		err = errors.Join(err, c.draw(report))
	}
	return err
}

// draw draws the course of the last phase.
func (c *loadCommand) draw(report loadReport) error {
	f, err := os.Create(c.Chart)
	if err != nil {
		return err
	}
	notes := []string{report.Machine + "; the generator runs there too", report.limitsLine()}
	if c.YesIOwnThisHost {
		notes[0] = "the generator: " + report.Machine
	}
	return errors.Join(load.WriteChart(f, report.Phases[len(report.Phases)-1], notes...), f.Close())
}

// print prints the report for people.
func (r loadReport) print(w io.Writer) error {
	fmt.Fprintf(w, "%s, with ES256 passkeys\nmachine   %s\n%s\n\n", r.Origin, r.Machine, r.limitsLine())
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tat a time\tgood\ta second\tp50 ms\tp95 ms\tp99 ms\tlongest\tfailed\t")
	for _, p := range r.Phases {
		var failed int64
		for _, n := range p.Errors {
			failed += n
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t\n", p.Name, p.Concurrency, p.Operations, p.PerSecond, p.P50, p.P95, p.P99, p.Max, failed)
	}
	table.Flush()
	fmt.Fprintln(w)
	for _, p := range r.Phases {
		fmt.Fprintf(w, "CPU a %s: server %s%s, generator %s; memory of the server: %s\n",
			p.Name, costOf(p.Server), databaseOf(p.Database), costOf(p.Generator), memoryOf(p.Server))
	}
	for _, p := range r.Phases {
		for _, code := range sortedKeys(p.Errors) {
			fmt.Fprintf(w, "%s failed with %s: %d\n", p.Name, printable(code), p.Errors[code])
		}
	}
	return nil
}

func sortedKeys(m map[string]int64) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// limitsLine says what is in force at the server.
func (r loadReport) limitsLine() string {
	if r.Limits == nil {
		return "limits    not told (--operator asks)"
	}
	var all []string
	for _, l := range r.Limits {
		most := fmt.Sprint(l.Most)
		if l.Most == 0 {
			most = "any number of"
		}
		window := strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace((time.Duration(l.Seconds) * time.Second).String())
		all = append(all, fmt.Sprintf("%s %s in %s", most, printable(strings.ReplaceAll(l.Name, "_", "-")), window))
	}
	return "limits    by address: " + strings.Join(all, ", ")
}

func costOf(u *load.Usage) string {
	if u == nil || u.CPUPerOperation == 0 {
		return "not known"
	}
	return fmt.Sprintf("%.0f µs", u.CPUPerOperation)
}

func memoryOf(u *load.Usage) string {
	if u == nil || u.PeakMemory == 0 {
		return "not known"
	}
	return fmt.Sprintf("%.1f MiB at most", float64(u.PeakMemory)/(1<<20))
}

// databaseOf is the cost of the database, where it is told.
func databaseOf(u *load.Usage) string {
	if u == nil {
		return ""
	}
	return ", database " + costOf(u)
}

// progress returns what shows on w, second by second, how far a phase has come,
// and what clears that; nothing where w is no terminal.
func progress(w io.Writer, name string, span load.Span) (told func(load.Second, load.Figures), clear func()) {
	if !isTerminal(w) {
		return nil, func() {}
	}
	return tell(w, name, span), func() { fmt.Fprint(w, "\r\x1b[K") }
}

// tell writes one line anew each second.
func tell(w io.Writer, name string, span load.Span) func(load.Second, load.Figures) {
	return func(s load.Second, so load.Figures) {
		done, time := fmt.Sprint(so.Operations), fmt.Sprintf("%.0f s", s.At)
		if span.Operations > 0 {
			done += fmt.Sprintf(" of %d", span.Operations)
		}
		if span.For > 0 {
			time += fmt.Sprintf(" of %v", span.For)
		}
		fmt.Fprintf(w, "\r\x1b[K%s: %s, %s, %.0f a second, p99 %.1f ms, %d failed", name, done, time, s.PerSecond, s.P99, s.Failed)
	}
}

// isTerminal reports whether a person watches what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
