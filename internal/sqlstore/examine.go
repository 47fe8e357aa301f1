package sqlstore

import (
	"context"
	"fmt"

	"github.com/mapae/mapae"
)

const (
	orphanCredentials = `SELECT count(*) FROM mapae_credentials WHERE NOT EXISTS (SELECT 1 FROM mapae_users WHERE id = user_id)`
	orphanSessions    = `SELECT count(*) FROM mapae_sessions WHERE NOT EXISTS (SELECT 1 FROM mapae_users WHERE id = user_id)`
	orphanSecrets     = `SELECT count(*) FROM mapae_secrets WHERE NOT EXISTS (SELECT 1 FROM mapae_users WHERE id = user_id)`
	orphanRecoveries  = `SELECT count(*) FROM mapae_recoveries WHERE NOT EXISTS (SELECT 1 FROM mapae_users WHERE id = user_id)`
	orphanIdentities  = `SELECT count(*) FROM mapae_identities WHERE NOT EXISTS (SELECT 1 FROM mapae_users WHERE id = user_id)`
	unsealableSecrets = `SELECT count(*) FROM mapae_secrets
	WHERE key_id <> '' AND NOT EXISTS (SELECT 1 FROM mapae_keys WHERE mapae_keys.id = key_id)`
)

// Versions says whether the tables are of the version that the program works
// with.
func Versions(current, known int64) mapae.Finding {
	f := mapae.Finding{Check: "tables", Level: mapae.LevelOK, Text: fmt.Sprintf("version %d, this program works with %d", current, known)}
	switch {
	case current > known:
		f.Level, f.Text, f.Cure = mapae.LevelProblem, f.Text+": it will not start", "use the program that made them, or a newer one"
	case current < known:
		f.Level, f.Text, f.Cure = mapae.LevelWarning, f.Text+": they are older", "start the server, which brings them up to date, or run: mapae migrate"
	}
	return f
}

// Keys hands check the keys that the store lists, and says what it answers.
func Keys(ctx context.Context, r Reader, check func([]mapae.KeyCheck) error) (mapae.Finding, error) {
	listed, err := r.KeyChecks(ctx)
	if err != nil {
		return mapae.Finding{}, fmt.Errorf("read the list of root keys: %w", err)
	}
	f := mapae.Finding{Check: "root keys", Level: mapae.LevelOK, Text: fmt.Sprintf("the key file holds every key that the database lists (%d)", len(listed))}
	if err := check(listed); err != nil {
		f.Level, f.Text = mapae.LevelProblem, err.Error()
		f.Cure = "put back the key file that belongs to this database, from where its copy is kept"
	}
	return f, nil
}

// Orphans looks for rows that belong to nobody, or that were sealed under keys
// that the store does not list. It reads whole tables.
func Orphans(ctx context.Context, r Reader) (all []mapae.Finding, err error) {
	total := int64(0)
	for _, kind := range []struct{ sql, what string }{
		{orphanCredentials, "credentials of users that are not there"},
		{orphanSessions, "sessions of users that are not there"},
		{orphanSecrets, "secrets of users that are not there"},
		{orphanRecoveries, "recoveries of users that are not there"},
		{orphanIdentities, "identities of users that are not there"},
		{unsealableSecrets, "secrets sealed under root keys that the database does not list"},
	} {
		var n int64
		if err := r.q.Row(ctx, kind.sql, nil, []any{&n}); err != nil {
			return nil, fmt.Errorf("look for %s: %w", kind.what, err)
		}
		if n > 0 {
			all = append(all, mapae.Finding{Check: "rows", Level: mapae.LevelProblem, Text: fmt.Sprintf("%d %s", n, kind.what)})
		}
		total += n
	}
	if total == 0 {
		all = append(all, mapae.Finding{Check: "rows", Level: mapae.LevelOK, Text: "each belongs to a user that is there"})
	}
	return all, nil
}
