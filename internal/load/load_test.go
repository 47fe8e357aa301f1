package load

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestQuantilesAreWithinASixtyFourthOfTheTruth(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(random.ExpFloat64() * float64(20*time.Millisecond)).Truncate(time.Microsecond)
		h.add(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.5, 0.95, 0.99, 0.9999} {
		truth := all[int(q*float64(len(all)))]
		if got := h.quantile(q); got < truth || float64(got) > float64(truth)*65/64+float64(time.Microsecond) {
			t.Errorf("quantile %v is %v, in truth %v", q, got, truth)
		}
	}
	if got := h.quantile(1); got != all[len(all)-1] {
		t.Errorf("the longest is %v, in truth %v", got, all[len(all)-1])
	}
	if got := new(histogram).quantile(0.5); got != 0 {
		t.Errorf("nothing took %v", got)
	}
}

func TestEveryDurationIsCountedAtOneStep(t *testing.T) {
	t.Parallel()
	for us, last := uint64(0), -1; us < 1<<40; us += us/300 + 1 {
		at := step(us)
		if at < last || at >= len(histogram{}.counts) {
			t.Fatalf("%d µs are at step %d, after %d", us, at, last)
		}
		if us < 1<<32 && top(at) < us {
			t.Fatalf("%d µs are at step %d, which ends at %d", us, at, top(at))
		}
		last = at
	}
	var h histogram
	h.add(-time.Second)
	h.add(1000 * time.Hour)
	if h.quantile(0.5) != 1000*time.Hour || h.quantile(0) > time.Microsecond {
		t.Errorf("what is out of bounds is at %v and %v", h.quantile(0), h.quantile(0.5))
	}
}

func TestARunEndsByTimeByNumberAndByItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int64
		lane := func(context.Context) error {
			time.Sleep(100 * time.Millisecond)
			done.Add(1)
			return nil
		}
		lanes := []func(context.Context) error{lane, lane}
		for _, c := range []struct {
			span Span
			end  time.Duration // of the context
			want int64
			took time.Duration
		}{
			{Span{For: time.Second}, time.Hour, 20, time.Second},
			{Span{Operations: 7}, time.Hour, 7, 400 * time.Millisecond},
			{Span{For: time.Second, Operations: 1000}, time.Hour, 20, time.Second},
			{Span{For: time.Nanosecond}, time.Hour, 2, 100 * time.Millisecond},
			{Span{}, 450 * time.Millisecond, 10, 500 * time.Millisecond},
		} {
			done.Store(0)
			ctx, cancel := context.WithTimeout(t.Context(), c.end)
			m := NewMeter()
			took := Run(ctx, c.span, m, lanes)
			cancel()
			if done.Load() != c.want || took != c.took || m.Figures(took).Operations != c.want {
				t.Errorf("%+v: %d operations in %v, want %d in %v", c.span, done.Load(), took, c.want, c.took)
			}
		}
	})
}

func TestErrorsAreCountedByCode(t *testing.T) {
	t.Parallel()
	m := NewMeter()
	for code, err := range map[string]error{
		"rate_limited": &Answer{Status: 429, Code: "rate_limited"},
		"status_502":   &Answer{Status: 502},
		"timeout":      fmt.Errorf("read: %w", os.ErrDeadlineExceeded),
		"connection":   io.ErrUnexpectedEOF,

		"email_code_required": ErrProvesAddresses,
	} {
		if got := Code(err); got != code {
			t.Errorf("%v is %q, want %q", err, got, code)
		}
		m.add(time.Second, err)
	}
	m.add(time.Millisecond, nil)
	f := m.Figures(2 * time.Second)
	if len(f.Errors) != 5 || f.Errors["status_502"] != 1 || f.Operations != 1 || f.PerSecond != 0.5 || f.Max != 1 {
		t.Errorf("%+v", f)
	}
	if s := m.Tick(time.Second); s.Errors["all"] != 5 || s.Operations != 1 {
		t.Errorf("the second has %+v", s)
	}
	if s := m.Tick(time.Second); len(s.Errors) != 0 || s.Operations != 0 || m.Err() == nil {
		t.Errorf("the next has %+v", s)
	}
}

func TestOnlyThisMachineIsATargetUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080", "https://127.0.0.9"} {
		if target, err := FindTarget(t.Context(), origin, false); err != nil || len(target.Addresses) == 0 {
			t.Errorf("%s: %v", origin, err)
		}
	}
	for _, origin := range []string{"http://192.0.2.1", "http://[2001:db8::1]:8080", "http://0.0.0.0:8080"} {
		if _, err := FindTarget(t.Context(), origin, false); !errors.Is(err, ErrElsewhere) {
			t.Errorf("%s: %v", origin, err)
		}
		if _, err := FindTarget(t.Context(), origin, true); err != nil {
			t.Errorf("%s, which is the caller's: %v", origin, err)
		}
	}
	for _, text := range []string{"", "localhost:8080", "ftp://localhost", "http://localhost/", "http://localhost:99999", "http://a b"} {
		if _, err := FindTarget(t.Context(), text, true); err == nil {
			t.Errorf("%q is taken for an origin", text)
		}
	}
}

// answering serves each connection the texts one after the other, one for each
// request, and closes it then.
func answering(t *testing.T, texts ...string) *Target {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			in := make([]byte, 4096)
			for _, text := range texts {
				if _, err := c.Read(in); err == nil {
					_, _ = io.WriteString(c, text)
				}
			}
			_ = c.Close()
		}
	}()
	target, err := FindTarget(t.Context(), "http://"+ln.Addr().String(), false)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestAnswersAreReadOrRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, body, code string }{
		"good":                     {"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "{}", ""},
		"a problem":                {"HTTP/1.1 429 Too Many\r\nContent-Length: 23\r\n\r\n{\"code\":\"rate_limited\"}", "", "rate_limited"},
		"a proxy's":                {"HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nbad", "", "status_502"},
		"no length":                {"HTTP/1.1 200 OK\r\n\r\n{}", "", "connection"},
		"a length below nothing":   {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}", "", "connection"},
		"too long":                 {"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{}", "", "connection"},
		"a length that is none":    {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}", "", "connection"},
		"cut off":                  {"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", "", "connection"},
		"no HTTP":                  {"SSH-2.0-x\r\n", "", "connection"},
		"a header without end":     {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 5000), "", "connection"},
		"a status that is no name": {"HTTP/1.1 yes\r\n\r\n", "", "connection"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := answering(t, c.text).Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			body, err := conn.Get(t.Context(), "/")
			if err == nil && (c.code != "" || string(body) != c.body) || err != nil && Code(err) != c.code {
				t.Errorf("%q, %v; want %q %q", body, err, c.body, c.code)
			}
		})
	}
}

func TestAConnectionThatWasLostIsMadeAnew(t *testing.T) {
	t.Parallel()
	conn, err := answering(t, "HTTP/1.1 200 OK\r\nSet-Cookie: mapae-b-ABCD=x; Path=/\r\nContent-Length: 2\r\n\r\n{}").Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var outcomes []bool
	for range 4 {
		_, err := conn.Get(t.Context(), "/")
		outcomes = append(outcomes, err == nil)
	}
	if !slices.Equal(outcomes, []bool{true, false, true, false}) || conn.cookie != "Cookie: mapae-b-ABCD=x\r\n" {
		t.Errorf("%v with %q", outcomes, conn.cookie)
	}
}

func TestAPhaseHasItsCourseAndWhatProcessesUsed(t *testing.T) {
	t.Parallel()
	told := 0
	p, err := Measure(t.Context(), "sign-in", Span{For: 1300 * time.Millisecond}, Watch{Server: os.Getpid(), Database: 1 << 30}, []func(context.Context) error{
		func(context.Context) error { time.Sleep(time.Millisecond); return nil },
	}, func(s Second, f Figures) {
		told++
		if s.PerSecond <= 0 || f.Operations == 0 {
			t.Errorf("told of %+v, %+v", s, f)
		}
	})
	if err != nil || told != 1 || len(p.Course) != 1 || p.Operations < 100 || p.P50 < 1 || p.Concurrency != 1 {
		t.Errorf("told %d times of %+v", told, p)
	}
	if p.Server == nil || p.Server.PeakMemory == 0 || p.Course[0].Memory == 0 || p.Generator == nil || p.Database != nil {
		t.Errorf("server %+v, database %+v, generator %+v", p.Server, p.Database, p.Generator)
	}
	text, err := json.Marshal(p)
	if err != nil || !bytes.Contains(text, []byte(`"p99_ms":`)) || !bytes.Contains(text, []byte(`"database":null`)) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestAChartIsWellFormedAndShowsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	p := Phase{Name: "sign-in", Concurrency: 32, Figures: Figures{PerSecond: 4321, P50: 5, P99: 12}}
	for i := range 5000 {
		p.Course = append(p.Course, Second{At: float64(i + 1), PerSecond: 4321, P50: 5, P99: float64(12 + i%7)})
	}
	for name, c := range map[string]Phase{"long": p, "nothing": {Name: "sign-up"}} {
		var out bytes.Buffer
		if err := WriteChart(&out, c, `<script>alert("x")</script>`); err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(bytes.NewReader(out.Bytes()))
		elements := map[string]int{}
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, &out)
			}
			if e, ok := token.(xml.StartElement); ok {
				elements[e.Name.Local]++
			}
		}
		if elements["polyline"] != 3 || elements["script"] != 0 || strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "Inf") {
			t.Errorf("%s: %v\n%.2000s", name, elements, &out)
		}
		if name == "long" && (!strings.Contains(out.String(), "4321 sign-ins a second, 32 at a time") || out.Len() > 60_000) {
			t.Errorf("%d bytes: %.300s", out.Len(), &out)
		}
	}
	if got := thin(p.Course); len(got) > maxPoints || got[0].P99 != 18 || got[len(got)-1].At != 5000 {
		t.Errorf("thinned to %d, the first %+v", len(got), got[0])
	}
	for v, want := range map[float64]float64{0: 1, 0.03: 0.05, 1: 1, 1.1: 2, 24: 25, 4321: 5000, 5001: 10000} {
		if got := roundUp(v); got != want {
			t.Errorf("%v is rounded up to %v, want %v", v, got, want)
		}
	}
}
