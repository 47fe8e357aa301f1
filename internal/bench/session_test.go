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
	if _, err := one.pages(t, closedPage, "", 1, 0); load.Code(err) != "unauthenticated" {
		t.Fatalf("without a session the page answers %v", err)
	}
	var open, closed, rates, costs []float64
	for range rounds {
		free, err := one.pages(t, openPage, cookies, 8, length)
		if err != nil {
			t.Fatal(err)
		}
		checked, err := one.pages(t, closedPage, cookies, 8, length)
		if err != nil {
			t.Fatal(err)
		}
		µs := func(r round) float64 { return float64(r.cpu.Nanoseconds()) / 1000 }
		open, closed = append(open, µs(free)), append(closed, µs(checked))
		rates, costs = append(rates, checked.perSecond), append(costs, µs(checked)-µs(free))
	}
	t.Logf("proven: %d rounds; CPU a request: %.1f µs open, %.1f µs with Require; the check: %.1f µs (from %.1f to %.1f), %.0f requests a second; medians of rounds of %v",
		rounds, middle(open), middle(closed), middle(costs), slices.Min(costs), slices.Max(costs), middle(rates), length)
}

// pages asks for a page again and again, so many at a time, for that long.
func (t *target) pages(tt *testing.T, path, headers string, concurrency int, length time.Duration) (round, error) {
	tt.Helper()
	lanes := make([]func(context.Context) error, concurrency)
	for i := range lanes {
		c, err := t.at.Dial(tt.Context())
		if err != nil {
			return round{}, err
		}
		defer c.Close()
		lanes[i] = func(ctx context.Context) error {
			_, err := c.Post(ctx, path, headers, nil)
			return err
		}
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
