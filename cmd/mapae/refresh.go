package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/mapae/mapae/webauthn/attestation/mds"
)

// refreshInterval is the longest time between two looks at the metadata: a file
// may be replaced at any time, and what failed is tried again.
const refreshInterval = time.Hour

// metadata is what refreshForever needs of mds.Service.
type metadata interface {
	Refresh(context.Context) error
	Blob() *mds.Blob
}

// refreshForever reads the metadata every hour, or fetches it where its next
// update is due, until ctx ends. What fails is logged, and the last good stays
// in use, with a line in the log each time once it is out of date.
func refreshForever(ctx context.Context, log *slog.Logger, m metadata) {
	for {
		before := m.Blob()
		wait := refreshInterval
		if due := time.Until(before.NextUpdate); due > 0 {
			wait = min(wait, due)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait + time.Duration(rand.Int64N(int64(refreshInterval/10)))):
		}
		err := m.Refresh(ctx)
		now := m.Blob()
		state := []any{"number", now.Number, "next_update", now.NextUpdate.Format(time.DateOnly)}
		switch overdue := !time.Now().Before(now.NextUpdate); {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Error("the metadata stays as it is", append(state, "out_of_date", overdue, "error", err)...)
		case overdue:
			log.Warn("the metadata is out of date", state...)
		case now.Number != before.Number:
			log.Info("the metadata was read anew", state...)
		}
	}
}
