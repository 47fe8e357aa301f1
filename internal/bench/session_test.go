package main

import (
	"context"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/internal/load"
	"github.com/mapae/mapae/webauthntest"
)

// What it costs to know who asks: the same page with Require and without, in
// turn, 8 requests at a time. MAPAE_LOADED=1 takes long enough to judge by.
func TestASessionCheckCostsLittle(t *testing.T) {
	_, long := numbersOf(t, "MAPAE_LOADED", 0)
	rounds, length := 3, 100*time.Millisecond
	if long {
		rounds, length = 9, 3*time.Second
	}
	one := loaded(t, 1)
	browser := client.New(one.at.Origin, webauthntest.New(one.at.Origin))
	if _, err := browser.SignUp(t.Context(), "reader@example.com", "Reader"); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(one.at.Origin)
	if err != nil {
		t.Fatal(err)
	}
	cookies := "Cookie: "
	for _, c := range browser.HTTP.Jar.Cookies(at) {
		cookies += c.Name + "=" + c.Value + "; "
	}
	cookies = cookies[:len(cookies)-2] + "\r\n"
	if _, err := one.pages(t, page(closedPage, ""), 1, 0); load.Code(err) != "unauthenticated" {
		t.Fatalf("without a session the page answers %v", err)
	}
	var open, closed, rates, costs []float64
	for range rounds {
		var r [2]round
		for i, get := range []fetch{page(openPage, cookies), page(closedPage, cookies)} {
			if r[i], err = one.pages(t, get, 8, length); err != nil {
				t.Fatal(err)
			}
		}
		open, closed = append(open, r[0].µs()), append(closed, r[1].µs())
		rates, costs = append(rates, r[1].perSecond), append(costs, r[1].µs()-r[0].µs())
	}
	t.Logf("proven: %d rounds; CPU a request: %.1f µs open, %.1f µs with Require; the check: %.1f µs (from %.1f to %.1f), %.0f requests a second; medians of rounds of %v",
		rounds, middle(open), middle(closed), middle(costs), slices.Min(costs), slices.Max(costs), middle(rates), length)
}

// What options cost over HTTP, beside those of the bare loop and a page of six
// bytes, in turn, 8 requests at a time. MAPAE_LOADED=1 takes long enough to judge
// by.
func TestOptionsCostLittle(t *testing.T) {
	_, long := numbersOf(t, "MAPAE_LOADED", 0)
	rounds, length := 3, 100*time.Millisecond
	if long {
		rounds, length = 15, 2*time.Second
	}
	ours, loop := loaded(t, 1), serving(t, "bare", t.TempDir())
	var open, bare, options, ratios []float64
	for range rounds {
		var r [3]round
		for i, asked := range []struct {
			of  target
			get fetch
		}{{ours, page(openPage, "")}, {loop, askOptions}, {ours, askOptions}} {
			var err error
			if r[i], err = asked.of.pages(t, asked.get, 8, length); err != nil {
				t.Fatal(err)
			}
		}
		open, bare, options = append(open, r[0].µs()), append(bare, r[1].µs()), append(options, r[2].µs())
		ratios = append(ratios, r[2].µs()/r[1].µs())
	}
	t.Logf("proven: %d rounds; CPU a request: %.1f µs a page, %.1f µs options of the bare loop, %.1f µs options (from %.1f to %.1f), %.2f times the bare loop's (from %.2f to %.2f); medians of rounds of %v",
		rounds, middle(open), middle(bare), middle(options), slices.Min(options), slices.Max(options), middle(ratios), slices.Min(ratios), slices.Max(ratios), length)
	if long && middle(ratios) > mostForOptions {
		t.Errorf("options take %.2f times the bare loop's CPU, at most %.1f wanted", middle(ratios), mostForOptions)
	}
}

// mostForOptions is how many times the CPU of the bare loop's options Mapae's may
// take: they have headers, rules, limits, a cookie and a line in the log more.
const mostForOptions = 2.5

// µs is the CPU of a request, in microseconds.
func (r round) µs() float64 { return float64(r.cpu.Nanoseconds()) / 1000 }

// fetch is one request of a connection.
type fetch func(context.Context, *load.Conn) error

// page asks for the page at path, with header lines.
func page(path, headers string) fetch {
	return func(ctx context.Context, c *load.Conn) error {
		_, err := c.Post(ctx, path, headers, nil)
		return err
	}
}

func askOptions(ctx context.Context, c *load.Conn) error {
	_, err := c.Get(ctx, load.OptionsPath)
	return err
}

// pages asks for the same again and again, so many at a time, for that long.
func (t *target) pages(tt *testing.T, get fetch, concurrency int, length time.Duration) (round, error) {
	tt.Helper()
	lanes := make([]func(context.Context) error, concurrency)
	for i := range lanes {
		c, err := t.at.Dial(tt.Context())
		if err != nil {
			return round{}, err
		}
		defer c.Close()
		lanes[i] = func(ctx context.Context) error { return get(ctx, c) }
	}
	before, err := t.server.cpu()
	if err != nil {
		return round{}, err
	}
	m := load.NewMeter()
	span := load.Span{For: length}
	if length == 0 {
		span.Operations = 1
	}
	took := load.Run(tt.Context(), span, m, lanes)
	after, err := t.server.cpu()
	if err != nil {
		return round{}, err
	}
	f := m.Figures(took)
	return round{perSecond: f.PerSecond, p50: f.P50, p99: f.P99, cpu: (after - before) / time.Duration(max(f.Operations, 1)), took: took}, m.Err()
}
