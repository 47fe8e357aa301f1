package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// The floor may not be cheap because it writes less: what it keeps of a sign-in
// is as long as what Mapae keeps.
func TestTheFloorWritesRowsAsLong(t *testing.T) {
	t.Parallel()
	floor, ours := rowsOfASignIn(t, "floor"), rowsOfASignIn(t, "mapae")
	for table, length := range ours {
		if got := floor[table]; got < length {
			t.Errorf("%s: the floor's row has %d bytes, Mapae's %d", table, got, length)
		}
	}
}

// rowsOfASignIn signs somebody in and returns how many bytes the values of each
// row take that a sign-in writes, by table.
func rowsOfASignIn(t *testing.T, kind string) map[string]int {
	t.Helper()
	dir := t.TempDir()
	s, err := startServer(kind, dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	one := newTestTarget(t, kind, s)
	if err := one.enroll(1); err != nil {
		t.Fatal(err)
	}
	if err := one.accountsSignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, kind+".db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	lengths := map[string]int{}
	for table, last := range map[string]string{
		"mapae_users": "id", "mapae_credentials": "id", "mapae_spent": "id", "mapae_sessions": "created_at", "mapae_events": "at",
	} {
		lengths[table] = lengthOfLast(t, db, table, last)
	}
	return lengths
}

// lengthOfLast is the length of all values of a table's last row in that order.
func lengthOfLast(t *testing.T, db *sql.DB, table, order string) (length int) {
	t.Helper()
	rows, err := db.Query("SELECT * FROM " + table + " LIMIT 0")
	if err != nil {
		t.Fatal(err)
	}
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	sum := "ifnull(length(CAST(" + strings.Join(columns, " AS BLOB)), 0) + ifnull(length(CAST(") + " AS BLOB)), 0)"
	if err := db.QueryRow("SELECT " + sum + " FROM " + table + " ORDER BY " + order + " DESC LIMIT 1").Scan(&length); err != nil {
		t.Fatal(err)
	}
	return length
}
