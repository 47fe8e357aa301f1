package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
)

// The floor may be neither cheap because it writes less, nor dear because it
// writes more: what it writes of a sign-in is as long as what Mapae writes.
func TestTheFloorWritesRowsAsLong(t *testing.T) {
	t.Parallel()
	floor, ours := rowsOfASignIn(t, "floor"), rowsOfASignIn(t, "mapae")
	for table, length := range ours {
		if got := floor[table]; got != length {
			t.Errorf("%s: the floor's row has %d bytes, Mapae's %d", table, got, length)
		}
	}
}

// rowsOfASignIn signs somebody in and returns how many bytes the values of each
// row take that a sign-in writes or changes, by table.
func rowsOfASignIn(t *testing.T, kind string) map[string]int {
	t.Helper()
	dir := t.TempDir()
	one := serving(t, kind, dir)
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
		"mapae_credentials": "id", "mapae_spent": "id", "mapae_sessions": "created_at", "mapae_events": "at",
	} {
		lengths[table] = lengthOfLast(t, db, table, last)
	}
	return lengths
}

// lengthOfLast is the length of all values of a table's last row in that order.
func lengthOfLast(t *testing.T, db *sql.DB, table, order string) (length int) {
	t.Helper()
	sum := "ifnull(length(CAST(" + strings.Join(columnsOf(t, db.Query, table), " AS BLOB)), 0) + ifnull(length(CAST(") + " AS BLOB)), 0)"
	if err := db.QueryRow("SELECT " + sum + " FROM " + table + " ORDER BY " + order + " DESC LIMIT 1").Scan(&length); err != nil {
		t.Fatal(err)
	}
	return length
}
