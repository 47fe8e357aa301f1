package load

import (
	"context"
	"maps"
	"sync"
	"time"
)

// Meter collects what operations took and how they failed. It is safe for
// concurrent use.
type Meter struct {
	mu      sync.Mutex
	all     histogram
	current histogram // since the last Tick
	failed  int64     // since the last Tick
	errors  map[string]int64
	first   error
}

// NewMeter returns a meter that has seen nothing.
func NewMeter() *Meter { return &Meter{errors: map[string]int64{}} }

func (m *Meter) add(took time.Duration, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.errors[Code(err)]++
		m.failed++
		if m.first == nil {
			m.first = err
		}
		return
	}
	m.all.add(took)
	m.current.add(took)
}

// Err returns the first error of an operation; nil: all were good.
func (m *Meter) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.first
}

// Figures are what many operations came to. Times are in milliseconds, of
// those that were good.
type Figures struct {
	Operations int64            `json:"operations"` // that were good
	Seconds    float64          `json:"seconds"`
	PerSecond  float64          `json:"per_second"`
	P50        float64          `json:"p50_ms"`
	P95        float64          `json:"p95_ms"`
	P99        float64          `json:"p99_ms"`
	Max        float64          `json:"max_ms"`
	Errors     map[string]int64 `json:"errors"` // by code; empty: none
}

// Figures returns what was seen in so long a time.
func (m *Meter) Figures(in time.Duration) Figures {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.all.figures(in)
	f.Errors = maps.Clone(m.errors)
	return f
}

// Tick returns what was seen since the last Tick, so long ago; its Errors are
// under one code, "all".
func (m *Meter) Tick(in time.Duration) Figures {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.current.figures(in)
	f.Errors = map[string]int64{}
	if m.failed > 0 {
		f.Errors["all"] = m.failed
	}
	m.current, m.failed = histogram{}, 0
	return f
}

func (h *histogram) figures(in time.Duration) Figures {
	return Figures{Operations: int64(h.n), Seconds: in.Seconds(), PerSecond: float64(h.n) / in.Seconds(),
		P50: Milliseconds(h.quantile(0.5)), P95: Milliseconds(h.quantile(0.95)), P99: Milliseconds(h.quantile(0.99)), Max: Milliseconds(h.max)}
}

// Milliseconds is d as a number of them.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Span is how long operations go on: until the first of both is reached.
type Span struct {
	For        time.Duration // zero: without end
	Operations int64         // all lanes together; zero: any number
}

// lostPause is how long a lane waits whose connection failed: who can't be
// reached is not asked a million times a second.
const lostPause = 50 * time.Millisecond

// Run does the operations of each lane one after the other, all lanes at once,
// and tells m of each. It returns how long that took, when the span is over or
// ctx ends; an operation under way is finished. Each lane does at least one
// where there are that many.
func Run(ctx context.Context, span Span, m *Meter, lanes []func(context.Context) error) time.Duration {
	start := time.Now()
	left := newTickets(span.Operations)
	var all sync.WaitGroup
	for _, operation := range lanes {
		all.Go(func() {
			for n := 0; ctx.Err() == nil && (n == 0 || span.For == 0 || time.Since(start) < span.For) && left.take(); n++ {
				begun := time.Now()
				err := operation(ctx)
				m.add(time.Since(begun), err)
				if err != nil && (Code(err) == "connection" || Code(err) == "timeout") {
					time.Sleep(lostPause)
				}
			}
		})
	}
	all.Wait()
	return time.Since(start)
}

// tickets are handed out until there are none left.
type tickets struct {
	mu   sync.Mutex
	left int64 // negative: without end
}

func newTickets(n int64) *tickets {
	if n == 0 {
		n = -1
	}
	return &tickets{left: n}
}

func (t *tickets) take() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left > 0 {
		t.left--
		return true
	}
	return t.left < 0
}
