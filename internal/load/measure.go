package load

import (
	"context"
	"os"
	"time"

	"github.com/mapae/mapae/internal/procs"
)

// Watch says whose CPU time and memory are measured, by process IDs of this
// machine, each with all processes below it. Zero: nobody's.
type Watch struct{ Server, Database int }

// Phase is what was measured while one kind of operation was done.
type Phase struct {
	Name        string `json:"name"` // "sign-up", "sign-in"
	Concurrency int    `json:"concurrency"`
	Figures
	Server    *Usage   `json:"server"`   // nil: not known
	Database  *Usage   `json:"database"` // nil: not known, or within the server
	Generator *Usage   `json:"generator"`
	Course    []Second `json:"course"`
}

// Usage is what processes used meanwhile.
type Usage struct {
	CPUSeconds      float64 `json:"cpu_seconds"`
	CPUPerOperation float64 `json:"cpu_us_per_operation"`        // zero: none was good
	PeakMemory      int64   `json:"peak_memory_bytes,omitempty"` // the most since its start
}

// Second is what was seen in about one second of a phase.
type Second struct {
	At        float64 `json:"at"` // s since the phase began, at its end
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Failed    int64   `json:"failed"`
	Memory    int64   `json:"server_memory_bytes,omitempty"`
}

// Measure runs lanes for a span, see Run, and returns what that came to. Each
// second it calls told, where it is not nil, with what was seen in it and so
// far. The error is the first of an operation; the phase is whole all the same.
func Measure(ctx context.Context, name string, span Span, watch Watch, lanes []func(context.Context) error, told func(Second, Figures)) (Phase, error) {
	p := Phase{Name: name, Concurrency: len(lanes)}
	m := NewMeter()
	before := watch.used()
	over := make(chan time.Duration)
	go func() { over <- Run(ctx, span, m, lanes) }()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	start := time.Now()
	last := start
	for {
		select {
		case now := <-ticker.C:
			s := watch.second(m.Tick(now.Sub(last)), now.Sub(start))
			p.Course, last = append(p.Course, s), now
			if told != nil {
				told(s, m.Figures(now.Sub(start)))
			}
		case took := <-over:
			p.Figures = m.Figures(took)
			after := watch.used()
			p.Generator = usage(before.generator, after.generator, p.Operations)
			p.Server = usage(before.server, after.server, p.Operations)
			p.Database = usage(before.database, after.database, p.Operations)
			if p.Server != nil {
				_, p.Server.PeakMemory, _ = procs.Memory(watch.Server) // zero: not known
			}
			return p, m.Err()
		}
	}
}

// second is a Tick with the memory of the server.
func (w Watch) second(f Figures, at time.Duration) Second {
	s := Second{At: at.Seconds(), PerSecond: f.PerSecond, P50: f.P50, P99: f.P99, Failed: f.Errors["all"]}
	if w.Server != 0 {
		s.Memory, _, _ = procs.Memory(w.Server) // zero: not known
	}
	return s
}

// used is CPU time so far; nil: not known.
type used struct{ generator, server, database *time.Duration }

func (w Watch) used() used {
	return used{cpu(os.Getpid()), cpu(w.Server), cpu(w.Database)}
}

func cpu(pid int) *time.Duration {
	if pid == 0 {
		return nil
	}
	d, err := procs.CPU(pid)
	if err != nil {
		return nil
	}
	return &d
}

func usage(before, after *time.Duration, operations int64) *Usage {
	if before == nil || after == nil {
		return nil
	}
	u := &Usage{CPUSeconds: (*after - *before).Seconds()}
	if operations > 0 {
		u.CPUPerOperation = u.CPUSeconds * 1e6 / float64(operations)
	}
	return u
}
