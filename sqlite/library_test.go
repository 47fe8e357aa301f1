package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	sqlitelib "modernc.org/sqlite/lib"

	"github.com/mapae/mapae"
)

// bareConn returns a connection to a new file with the table things.
func bareConn(t *testing.T) *conn {
	t.Helper()
	c, err := openFile(filepath.Join(t.TempDir(), "things.db"), sqlitelib.SQLITE_OPEN_READWRITE|sqlitelib.SQLITE_OPEN_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := c.Exec(t.Context(), "CREATE TABLE things (n INTEGER, s TEXT, b BLOB) STRICT"); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhatIsWrittenIsReadAgainByteForByte(t *testing.T) {
	t.Parallel()
	c := bareConn(t)
	for i, text := range []string{"", "x", "a\x00b", "✓ \" ' \\", strings.Repeat("long ", 1<<15), "short again"} {
		for _, number := range []int64{0, -1, 1<<63 - 1, -1 << 63} {
			n, err := c.Exec(t.Context(), "INSERT INTO things VALUES ($1, $2, $3)", number, text, []byte(text))
			if err != nil || n != 1 {
				t.Fatalf("%d: %d rows, %v", i, n, err)
			}
			gotN, gotS, gotB := int64(7), "before", []byte("before")
			err = c.Row(t.Context(), "SELECT n, s, b FROM things WHERE s = $1 AND b = $2 AND length(b) = $3", []any{text, []byte(text), int64(len(text))}, []any{&gotN, &gotS, &gotB})
			if err != nil || gotN != number || gotS != text || string(gotB) != text || gotB == nil {
				t.Errorf("%d, %.20q is read as %d, %.20q, %.20q, %v", number, text, gotN, gotS, gotB, err)
			}
			if n, err := c.Exec(t.Context(), "DELETE FROM things"); n != 1 || err != nil {
				t.Errorf("%d deleted, %v", n, err)
			}
		}
	}
}

func TestBytesThatWereReadAreTheReaders(t *testing.T) {
	t.Parallel()
	c := bareConn(t)
	for _, b := range []string{"one", "two"} {
		if _, err := c.Exec(t.Context(), "INSERT INTO things (b) VALUES ($1)", []byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	var b []byte
	var all [][]byte
	err := c.Rows(t.Context(), "SELECT b FROM things ORDER BY b", nil, []any{&b}, func() error {
		all = append(all, b)
		return nil
	})
	if err != nil || !bytes.Equal(bytes.Join(all, []byte("+")), []byte("one+two")) {
		t.Errorf("%q, %v", all, err)
	}
}

// seen is a destination that looks at bytes, and refuses those that say so.
type seen string

func (s *seen) ScanBytes(b []byte) error {
	if *s = seen(b); *s == "refuse" {
		return errors.New("refused as it was told")
	}
	return nil
}

func TestArgumentsThatArePointersStandForWhatTheyPointAt(t *testing.T) {
	t.Parallel()
	c := bareConn(t)
	n, b := int64(0), []byte(nil)
	for i, text := range []string{"", "x", "a\x00b ✓"} {
		n, b = int64(i), append(b[:0], text...)
		if _, err := c.Exec(t.Context(), "INSERT INTO things VALUES ($1, $2, $3)", &n, text, &b); err != nil {
			t.Fatal(err)
		}
		var asText, asBytes seen
		err := c.Row(t.Context(), "SELECT s, b FROM things WHERE n = $1 AND b = $2", []any{&n, &b}, []any{&asText, &asBytes})
		if err != nil || string(asText) != text || string(asBytes) != text {
			t.Errorf("%q is seen as %q and %q, %v", text, asText, asBytes, err)
		}
	}
}

func TestAStatementThatDoesNotFitIsRefusedForTheReason(t *testing.T) {
	t.Parallel()
	c := bareConn(t)
	if _, err := c.Exec(t.Context(), "INSERT INTO things VALUES (1, 'x', x'00')"); err != nil {
		t.Fatal(err)
	}
	var n int64
	var s string
	var b []byte
	var looks seen
	for _, wrong := range []struct {
		sql        string
		args, dest []any
		why        string
	}{
		{"SELECT n FROM things WHERE n = $1", nil, []any{&n}, "0 arguments for 1 parameters"},
		{"SELECT n FROM things WHERE n = $1", []any{int64(1), int64(2)}, []any{&n}, "2 arguments for 1 parameters"},
		{"SELECT n FROM things WHERE n = $1", []any{1}, []any{&n}, "argument 1 is a int"},
		{"SELECT n FROM things WHERE n = $1", []any{nil}, []any{&n}, "argument 1 is a <nil>"},
		{"SELECT n, s FROM things", nil, []any{&n}, "2 columns for 1 destinations"},
		{"SELECT s FROM things", nil, []any{&n}, "column 1 has type 3, wanted in a *int64"},
		{"SELECT n FROM things", nil, []any{&s}, "column 1 has type 1, wanted in a *string"},
		{"SELECT b FROM things", nil, []any{&s}, "column 1 has type 4, wanted in a *string"},
		{"SELECT s FROM things", nil, []any{&b}, "column 1 has type 3, wanted in a *[]uint8"},
		{"SELECT NULL", nil, []any{&s}, "column 1 has type 5, wanted in a *string"},
		{"SELECT n FROM things", nil, []any{n}, "wanted in a int64"},
		{"SELECT n FROM things", nil, []any{&looks}, "column 1 has type 1, wanted in a *sqlite.seen"},
		{"SELECT NULL", nil, []any{&looks}, "column 1 has type 5, wanted in a *sqlite.seen"},
		{"SELECT n, 'refuse' FROM things", nil, []any{&n, &looks}, "column 2: refused as it was told"},
		{"SELECT n FROM things; DELETE FROM things", nil, []any{&n}, "not one statement"},
		{"SELECT n FROM things\x00; DELETE FROM things", nil, []any{&n}, "not one statement"},
		{" -- nothing", nil, nil, "not one statement"},
		{"SELECT n FROM things WHERE n = $2 OR n = $1", []any{int64(1), int64(2)}, []any{&n}, "parameter 1 is not $1"},
		{"SELECT n FROM things WHERE n = ?", []any{int64(1)}, []any{&n}, "parameter 1 is not $1"},
		{`SELECT "n is no column"`, nil, []any{&s}, "no such column"},
		{"SELECT n FROM thing", nil, []any{&n}, "no such table: thing"},
		{"SELECT n FROM things WHERE n = $1", []any{strings.Repeat("x", maxArguments+1)}, []any{&n}, "bytes of arguments"},
	} {
		if err := c.Row(t.Context(), wrong.sql, wrong.args, wrong.dest); err == nil || !strings.Contains(err.Error(), wrong.why) {
			t.Errorf("%s: %v, want %q", wrong.sql, err, wrong.why)
		}
	}
	if err := c.Row(t.Context(), "SELECT n FROM things WHERE n = $1", []any{int64(1)}, []any{&n}); err != nil || n != 1 {
		t.Errorf("afterwards: %d, %v", n, err)
	}
	if err := c.Row(t.Context(), "SELECT n FROM things WHERE n = $1", []any{int64(2)}, []any{&n}); err != mapae.ErrNotFound {
		t.Errorf("no row: %v", err)
	}
}

func TestAFailureHasItsCodeAndLeavesTheStatementUsable(t *testing.T) {
	t.Parallel()
	c := bareConn(t)
	if _, err := c.Exec(t.Context(), "CREATE UNIQUE INDEX one ON things (n)"); err != nil {
		t.Fatal(err)
	}
	insert := func(n int64) error {
		_, err := c.Exec(t.Context(), "INSERT INTO things (n) VALUES ($1)", n)
		return err
	}
	if err := insert(1); err != nil {
		t.Fatal(err)
	}
	err := insert(1)
	var f *failure
	if !errors.As(err, &f) || f.code != sqlitelib.SQLITE_CONSTRAINT_UNIQUE || !failedWith(fmt.Errorf("more: %w", err), sqlitelib.SQLITE_CONSTRAINT) ||
		failedWith(err, sqlitelib.SQLITE_BUSY) || !strings.Contains(err.Error(), "UNIQUE constraint failed: things.n (2067)") {
		t.Errorf("the same again: %v", err)
	}
	if err := insert(2); err != nil {
		t.Errorf("another: %v", err)
	}
}

func TestAConnectionOutlivesAPanicOfItsReader(t *testing.T) {
	t.Parallel()
	c := bareConn(t)
	if _, err := c.Exec(t.Context(), "INSERT INTO things (n) VALUES (1), (2)"); err != nil {
		t.Fatal(err)
	}
	var n int64
	read := func(row func() error) error {
		return c.Rows(t.Context(), "SELECT n FROM things", nil, []any{&n}, row)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_ = read(func() error { panic("in the middle of the rows") })
	}()
	enough := errors.New("enough")
	if err := read(func() error { return enough }); err != enough {
		t.Errorf("who wants no more rows is told %v", err)
	}
	if _, err := c.Exec(t.Context(), "DROP TABLE things"); err != nil { // fails while a statement is in the middle of its rows
		t.Error(err)
	}
}

func TestWhoAsksAConnectionThatIsInUseWaits(t *testing.T) {
	t.Parallel()
	c := bareConn(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				text := strings.Repeat(fmt.Sprint(i), 1+j)
				got := ""
				if err := c.Row(t.Context(), "SELECT $1", []any{text}, []any{&got}); err != nil || got != text {
					t.Errorf("%q is read as %q, %v", text, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestAFileIsReadInWhateverEncodingItIs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "things.db")
	c, err := openFile(path, sqlitelib.SQLITE_OPEN_READWRITE|sqlitelib.SQLITE_OPEN_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"PRAGMA encoding = 'UTF-16le'", "CREATE TABLE things (s TEXT, b BLOB) STRICT", "INSERT INTO things VALUES ('✓ é', x'00ff')"} {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	s, b := "", []byte(nil)
	var looks seen
	err = c.Row(t.Context(), "SELECT s, b, s FROM things WHERE s = $1", []any{"✓ é"}, []any{&s, &b, &looks})
	if err != nil || s != "✓ é" || string(b) != "\x00\xff" || looks != "✓ é" {
		t.Errorf("%q, %q, %q, %v", s, b, looks, err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	if err := whole(t.Context(), path); err != nil {
		t.Errorf("a file that is whole: %v", err)
	}
}

func TestAPathIsNotCutOff(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openThere(t.Context(), path+"\x00y", sqlitelib.SQLITE_OPEN_READONLY); err == nil || !strings.Contains(err.Error(), "NUL") {
		t.Errorf("a path with a NUL byte: %v", err)
	}
}

func TestAClosedConnectionSaysSo(t *testing.T) {
	t.Parallel()
	c, err := openFile(filepath.Join(t.TempDir(), "x"), sqlitelib.SQLITE_OPEN_READWRITE|sqlitelib.SQLITE_OPEN_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Exec(t.Context(), "SELECT 1"); err != errClosed {
		t.Errorf("it says %v", err)
	}
}
