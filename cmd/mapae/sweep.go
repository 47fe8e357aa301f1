package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

// sweepInterval is the mean time between sweeps; each is off by up to a fifth,
// so that nodes which started together don't stay together.
const sweepInterval = 5 * time.Minute

// sweepForever sweeps every few minutes until ctx ends. A sweep that fails is
// logged, and tried again at the next turn.
func sweepForever(ctx context.Context, log *slog.Logger, sweep func(context.Context) (int, error)) {
	for {
		jitter := time.Duration(rand.Int64N(int64(2*sweepInterval/5))) - sweepInterval/5
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepInterval + jitter):
		}
		switch removed, err := sweep(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Error("sweep", "removed", removed, "error", err)
		default:
			log.Debug("sweep", "removed", removed)
		}
	}
}
