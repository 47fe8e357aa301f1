package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSweepRunsEveryFewMinutesWhateverFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var log bytes.Buffer
		var at []time.Time
		done := make(chan struct{})
		go func() {
			defer close(done)
			sweepForever(ctx, slog.New(slog.NewTextHandler(&log, nil)), func(context.Context) (int, error) {
				at = append(at, time.Now())
				return 0, errors.New("disk full")
			})
		}()
		start := time.Now()
		time.Sleep(time.Hour)
		cancel()
		<-done
		if len(at) < 10 || len(at) > 15 {
			t.Errorf("%d sweeps in an hour", len(at))
		}
		gaps, before := map[time.Duration]bool{}, start
		for _, now := range at {
			gap := now.Sub(before)
			if gap < 4*time.Minute || gap > 6*time.Minute {
				t.Errorf("%v between two sweeps", gap)
			}
			gaps[gap], before = true, now
		}
		if len(gaps) < 2 {
			t.Error("the sweeps have no jitter")
		}
		if n := strings.Count(log.String(), "disk full"); n != len(at) {
			t.Errorf("%d of %d failures are in the log", n, len(at))
		}
	})
}

func TestSweepEndsWithTheServerAndSaysNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var log bytes.Buffer
		sweepForever(ctx, slog.New(slog.NewTextHandler(&log, nil)), func(ctx context.Context) (int, error) {
			cancel()
			return 0, ctx.Err()
		})
		if log.Len() > 0 {
			t.Errorf("the log has %s", &log)
		}
	})
}
