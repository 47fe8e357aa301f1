package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/sqlite"
)

// A healthy database with people in it, changed in one way each time: that is
// found, and is what is said.
func TestExamineFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := filepath.Join(t.TempDir(), "mapae.db")
	s := written(t, good, 300)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	sql := func(text string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := runOn(path, text); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, path string)
		level  mapae.Level
		want   string // a finding, or the error
	}{
		"nothing":                 {func(*testing.T, string) {}, mapae.LevelOK, "all pages, indexes and references are whole"},
		"a byte of a page":        {flip, mapae.LevelProblem, ""},
		"an index":                {sql("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'mapae_events_user'"), mapae.LevelProblem, "never used"},
		"a user that is gone":     {sql("DELETE FROM mapae_users WHERE id = (SELECT max(id) FROM mapae_users)"), mapae.LevelProblem, "1 sessions of users that are not there"},
		"a reference":             {sql("DELETE FROM mapae_users WHERE id = (SELECT max(id) FROM mapae_users)"), mapae.LevelProblem, "a row of mapae_sessions refers to one of mapae_users that is not there"},
		"a key that is not known": {sql("INSERT INTO mapae_secrets SELECT id, id, 'totp', id, 'deadbeef', 0, 0, 0 FROM mapae_users LIMIT 1"), mapae.LevelProblem, "1 secrets sealed under root keys that the database does not list"},
		"older tables":            {sql("DELETE FROM mapae_migrations WHERE version_id > 0"), mapae.LevelWarning, "version 0"},
		"newer tables":            {sql("INSERT INTO mapae_migrations (version_id, is_applied) VALUES (99999, 1)"), mapae.LevelProblem, "will not start"},
		"another journal":         {sql("PRAGMA journal_mode = DELETE"), mapae.LevelWarning, `the journal is "delete"`},
		"who can read it":         {func(_ *testing.T, path string) { _ = os.Chmod(path, 0o644) }, mapae.LevelWarning, "others than its owner can read it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "mapae.db")
			text, err := os.ReadFile(good)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			c.change(t, path)
			all, err := sqlite.Examine(t.Context(), path, true, anyKeys)
			if err != nil {
				all = append(all, mapae.Finding{Level: mapae.LevelProblem, Text: err.Error()})
			}
			found := false
			for _, f := range all {
				found = found || f.Level == c.level && strings.Contains(f.Text, c.want)
				if c.level == mapae.LevelOK && f.Level != mapae.LevelOK {
					t.Errorf("of a healthy database: %+v", f)
				}
			}
			if !found {
				t.Errorf("no %s with %q in %+v", c.level, c.want, all)
			}
		})
	}
}

// flip changes one byte of a page in the middle, where rows are.
func flip(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2/4096*4096] ^= 0xff // the kind of a page
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestExamineHandsOutTheKeysAndIsNotDeepUnasked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mapae.db")
	s := written(t, path, 1)
	defer s.Close()
	k := mapae.KeyCheck{ID: "cafe", Check: []byte("0123456789abcdef")}
	if err := s.Update(t.Context(), func(tx mapae.Tx) error { return tx.AddKeyCheck(t.Context(), k) }); err != nil {
		t.Fatal(err)
	}
	all, err := sqlite.Examine(t.Context(), path, false, func(listed []mapae.KeyCheck) error {
		if len(listed) != 1 || listed[0].ID != "cafe" {
			t.Errorf("listed: %v", listed)
		}
		return errors.New("not among the keys given")
	})
	if err != nil || len(all) != 2 || all[1].Level != mapae.LevelProblem || all[1].Text != "not among the keys given" {
		t.Errorf("%+v, %v", all, err)
	}
}
