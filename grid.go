package mapae

import (
	"context"
	"time"
)

// answerGrid is the grid of times at which flows answer that are asked about an
// account by its address. It is well above what looking an account up takes: the
// calls to the store are the same for everybody, but a row that is there is read
// and one that is not is not, and the clock would tell.
const answerGrid = 10 * time.Millisecond

// waitForGrid waits until a whole number of answerGrids has passed since start,
// or ctx ends.
func waitForGrid(ctx context.Context, start time.Time) {
	timer := time.NewTimer(answerGrid - time.Since(start)%answerGrid)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
