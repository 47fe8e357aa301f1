package sqlstore

import (
	"context"
	"fmt"
)

const (
	raiseEpochs         = `UPDATE mapae_users SET epoch = epoch + 1`
	deleteAllSessions   = `DELETE FROM mapae_sessions`
	deleteAllRecoveries = `DELETE FROM mapae_recoveries`
)

// Restored ends what a backup brought back that may have been ended since: all
// sessions and tickets, and the recoveries that waited, which their owners may
// have cancelled. It returns how many users there are. exec runs a statement
// in the transaction of the restore and returns how many rows it wrote.
func Restored(ctx context.Context, exec func(ctx context.Context, sql string) (int64, error)) (users int, err error) {
	n, err := exec(ctx, raiseEpochs)
	if err != nil {
		return 0, fmt.Errorf("raise epochs: %w", err)
	}
	for _, sql := range []string{deleteAllSessions, deleteAllRecoveries} {
		if _, err := exec(ctx, sql); err != nil {
			return 0, fmt.Errorf("%s: %w", sql, err)
		}
	}
	return int(n), nil
}
