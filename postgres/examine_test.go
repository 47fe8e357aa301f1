package postgres_test

import (
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/postgres"
)

// hasFinding demands a finding of that level with that text.
func hasFinding(t *testing.T, all []mapae.Finding, level mapae.Level, text string) {
	t.Helper()
	for _, f := range all {
		if f.Level == level && strings.Contains(f.Text, text) {
			return
		}
	}
	t.Errorf("no %s with %q in %+v", level, text, all)
}

func TestExamineFindsSettingsThatLoseData(t *testing.T) {
	t.Parallel()
	url := place(t) // in a cluster without fsync
	s := open(t, url)
	people(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := postgres.Examine(t.Context(), url+"&synchronous_commit=off", true, anyKeys)
	if err != nil {
		t.Fatal(err)
	}
	hasFinding(t, all, mapae.LevelProblem, "fsync=off")
	hasFinding(t, all, mapae.LevelProblem, "full_page_writes=off")
	hasFinding(t, all, mapae.LevelProblem, "synchronous_commit=off")
	hasFinding(t, all, mapae.LevelWarning, "data_checksums=off")
	hasFinding(t, all, mapae.LevelOK, "zero_damaged_pages=off ignore_checksum_failure=off")
	hasFinding(t, all, mapae.LevelOK, "all indexes and constraints are valid")
	hasFinding(t, all, mapae.LevelOK, "belongs to a user")
	if all, err := postgres.Examine(t.Context(), url, false, anyKeys); err != nil || len(all) != 2 {
		t.Errorf("not deep: %+v, %v", all, err)
	}
}

func TestExamineFindsWhatIsWrongWithTables(t *testing.T) {
	t.Parallel()
	url := place(t)
	s := open(t, url)
	people(t, s, 2)
	if v, err := s.Admit(t.Context(), signIn(0, 1, 1)); err != nil || !v.Admitted() {
		t.Fatal(v, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	run(t, url, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'mapae_events_user'::regclass",
		"SET session_replication_role = replica; DELETE FROM mapae_users WHERE id = (SELECT user_id FROM mapae_sessions)",
		"INSERT INTO mapae_secrets SELECT id, id, 'totp', '', 'deadbeef', 0, 0, 0 FROM mapae_users LIMIT 1")
	all, err := postgres.Examine(t.Context(), url, true, anyKeys)
	if err != nil {
		t.Fatal(err)
	}
	hasFinding(t, all, mapae.LevelProblem, "index mapae_events_user is not valid")
	hasFinding(t, all, mapae.LevelProblem, "1 sessions of users that are not there")
	hasFinding(t, all, mapae.LevelProblem, "1 secrets sealed under root keys that the database does not list")
	if all, err := postgres.Examine(t.Context(), place(t), true, anyKeys); err != nil || len(all) != 1 || all[0].Level != mapae.LevelWarning {
		t.Errorf("without tables: %+v, %v", all, err)
	}
}
