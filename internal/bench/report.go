package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/mapae/mapae/internal/procs"
)

// printHead says what is measured, and on what.
func printHead(out io.Writer, p plan, all []target) {
	fmt.Fprintf(out, "Sign-ins (GET options, POST verify) over HTTP with keep-alive; %d accounts with ES256 passkeys\n", p.users)
	fmt.Fprintf(out, "machine   %s, %d cores, %s/%s, %s; the generator runs on the same cores\n", procs.CPUModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	for i := range all {
		fmt.Fprintf(out, "%-9s %s%s\n", all[i].name, all[i].server.Engine, map[string]string{
			"mapae": " (durable: every answer waits for the disk); group commit; access log, events and limits on",
			"floor": "; a bare loop over the same SQL",
			"bare":  "; a bare loop over the least SQL: no event, no index by owner",
		}[all[i].name])
	}
	fmt.Fprintf(out, "method    %d rounds of %v, all in turn; medians; CPU is the server process, user and system\n\n", p.rounds, p.duration)
	fmt.Fprintf(out, "%-12s %-6s %12s %11s %11s %17s", "concurrency", "", "sign-ins/s", "p50", "p99", "CPU per sign-in")
	if p.engine == "postgres" {
		fmt.Fprintf(out, " %17s", "of the database")
	}
	fmt.Fprintln(out)
}

// printRows prints the three at one concurrency, and how mapae compares with
// floor: the median over the rounds of each round's ratio.
func printRows(out io.Writer, concurrency int, all []target, results [][]round) {
	for i := range all {
		label := ""
		if i == 0 {
			label = fmt.Sprint(concurrency)
		}
		rs := results[i]
		fmt.Fprintf(out, "%-12s %-6s %12.0f %11s %11s %17s", label, all[i].name,
			median(rs, func(r round) float64 { return r.perSecond }),
			milliseconds(median(rs, func(r round) float64 { return r.p50 })),
			milliseconds(median(rs, func(r round) float64 { return r.p99 })),
			microseconds(median(rs, func(r round) float64 { return float64(r.cpu) })))
		if database := median(rs, func(r round) float64 { return float64(r.database) }); database > 0 {
			fmt.Fprintf(out, " %17s", microseconds(database))
		}
		fmt.Fprintln(out)
	}
	floor, mapae := results[len(all)-2], results[len(all)-1]
	ratio := func(of func(round) float64) float64 {
		var each []float64
		for n := range floor {
			each = append(each, of(mapae[n])/of(floor[n]))
		}
		return middle(each)
	}
	fmt.Fprintf(out, "%-12s %-6s %12.2f %11.2f %11.2f %17.2f\n", "", "ratio",
		ratio(func(r round) float64 { return r.perSecond }),
		ratio(func(r round) float64 { return r.p50 }),
		ratio(func(r round) float64 { return r.p99 }),
		ratio(func(r round) float64 { return float64(r.cpu) }))
}

func median(rounds []round, of func(round) float64) float64 {
	all := make([]float64, len(rounds))
	for i, r := range rounds {
		all[i] = of(r)
	}
	return middle(all)
}

// middle is the median of at least one value.
func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func milliseconds(ms float64) string { return fmt.Sprintf("%.2f ms", ms) }

func microseconds(ns float64) string {
	if ns == 0 {
		return "not known here"
	}
	return fmt.Sprintf("%.0f µs", ns/float64(time.Microsecond))
}
