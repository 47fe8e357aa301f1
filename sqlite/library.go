package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"modernc.org/libc"
	sqlitelib "modernc.org/sqlite/lib"
)

const (
	// maxArguments bounds the text and bytes of one statement's arguments.
	maxArguments = 1 << 24

	// static is SQLITE_STATIC: the argument stays where it is while it is used.
	static = 0
)

// handle is one connection of SQLite's C interface
// (https://www.sqlite.org/c3ref/intro.html), as modernc.org/sqlite translates
// it to Go: for one goroutine at a time. What it hands to C lies in memory that
// C gave, which Go's collector neither moves nor takes; what it hands to Go is
// a copy, but for what a destination with ScanBytes is shown.
type handle struct {
	tls *libc.TLS // stands for a thread of C
	db  uintptr   // sqlite3*; 0 once closed

	room     uintptr // memory of C for what a call takes or returns
	roomSize int
}

// statement is a prepared statement of a handle.
type statement struct {
	at     uintptr // sqlite3_stmt*
	params int
	fields int // columns of its rows; 0: it returns none
}

// failure is an error of SQLite. Its code is an extended one, whose low byte is
// the code that it extends (https://www.sqlite.org/rescode.html).
type failure struct {
	code int32
	text string
}

func (f *failure) Error() string { return fmt.Sprintf("%s (%d)", f.text, f.code) }

// failedWith reports whether err is a failure with one of these codes, or with
// one that extends it.
func failedWith(err error, codes ...int32) bool {
	var f *failure
	if !errors.As(err, &f) {
		return false
	}
	for _, code := range codes {
		if f.code&0xff == code {
			return true
		}
	}
	return false
}

// openHandle opens the file at path, which is absolute, as flags say
// (https://www.sqlite.org/c3ref/c_open_autoproxy.html). In its SQL a string in
// double quotes is an error.
func openHandle(path string, flags int32) (*handle, error) {
	h := &handle{tls: libc.NewTLS()}
	err := h.open(path, flags)
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (h *handle) open(path string, flags int32) error {
	if strings.IndexByte(path, 0) >= 0 {
		return errors.New("sqlite: a path with a NUL byte")
	}
	const slot = 16 // for the address that the call returns
	mem, err := h.take(slot + len(path) + 1)
	if err != nil {
		return err
	}
	clear(mem)
	copy(mem[slot:], path)
	// No lock of SQLite's: who holds a handle is alone with it.
	rc := sqlitelib.Xsqlite3_open_v2(h.tls, h.room+slot, h.room, flags|sqlitelib.SQLITE_OPEN_NOMUTEX, 0)
	h.db = libc.AtomicLoadPUintptr(h.room)
	if rc != sqlitelib.SQLITE_OK {
		return h.failure(rc)
	}
	sqlitelib.Xsqlite3_extended_result_codes(h.tls, h.db, 1)
	for _, quotes := range []int32{sqlitelib.SQLITE_DBCONFIG_DQS_DDL, sqlitelib.SQLITE_DBCONFIG_DQS_DML} {
		off := libc.VaList(h.room, int32(0), uintptr(0))
		if rc := sqlitelib.Xsqlite3_db_config(h.tls, h.db, quotes, off); rc != sqlitelib.SQLITE_OK {
			return h.failure(rc)
		}
	}
	return nil
}

// take returns n bytes of C's memory, which are at h.room until take is called
// again.
func (h *handle) take(n int) ([]byte, error) {
	if n > maxArguments {
		return nil, fmt.Errorf("sqlite: %d bytes of arguments", n)
	}
	if n > h.roomSize || h.room == 0 {
		sqlitelib.Xsqlite3_free(h.tls, h.room)
		h.roomSize = max(n, 4096)
		if h.room = sqlitelib.Xsqlite3_malloc64(h.tls, sqlitelib.Tsqlite3_uint64(h.roomSize)); h.room == 0 {
			h.roomSize = 0
			return nil, errors.New("sqlite: out of memory")
		}
	}
	return libc.GoBytes(h.room, n), nil
}

// failure returns what SQLite says of the call that returned rc.
func (h *handle) failure(rc int32) error {
	f := &failure{code: rc, text: libc.GoString(sqlitelib.Xsqlite3_errstr(h.tls, rc))}
	if h.db == 0 {
		return f
	}
	if more := libc.GoString(sqlitelib.Xsqlite3_errmsg(h.tls, h.db)); more != f.text {
		f.text += ": " + more
	}
	return f
}

// prepare compiles one statement, to be used often.
func (h *handle) prepare(sql string) (statement, error) {
	const slot = 16 // for the addresses of the statement and of what follows it
	mem, err := h.take(slot + len(sql) + 1)
	if err != nil {
		return statement{}, err
	}
	clear(mem)
	copy(mem[slot:], sql)
	text, size := h.room+slot, int32(len(sql)+1)
	rc := sqlitelib.Xsqlite3_prepare_v3(h.tls, h.db, text, size, sqlitelib.SQLITE_PREPARE_PERSISTENT, h.room, h.room+slot/2)
	if rc != sqlitelib.SQLITE_OK {
		return statement{}, h.failure(rc)
	}
	s := statement{at: libc.AtomicLoadPUintptr(h.room)}
	if end := libc.AtomicLoadPUintptr(h.room + slot/2); s.at == 0 || end != text+uintptr(len(sql)) {
		h.finalize(s)
		return statement{}, fmt.Errorf("sqlite: not one statement: %s", sql)
	}
	s.params = int(sqlitelib.Xsqlite3_bind_parameter_count(h.tls, s.at))
	for n := range s.params {
		// To SQLite $2 is a name, numbered by where it stands first; to PostgreSQL it is the second.
		want := "$" + strconv.Itoa(n+1)
		if libc.GoString(sqlitelib.Xsqlite3_bind_parameter_name(h.tls, s.at, int32(n+1))) != want {
			h.finalize(s)
			return statement{}, fmt.Errorf("sqlite: parameter %d is not %s: %s", n+1, want, sql)
		}
	}
	s.fields = int(sqlitelib.Xsqlite3_column_count(h.tls, s.at))
	return s, nil
}

// bind gives s its arguments, int64, string or []byte, or what *int64 or *[]byte
// point at; they stay in h.room until it has run.
func (h *handle) bind(s statement, args []any) error {
	if len(args) != s.params {
		return fmt.Errorf("sqlite: %d arguments for %d parameters", len(args), s.params)
	}
	size := 0
	for _, a := range args {
		switch a := a.(type) {
		case string:
			size += len(a)
		case []byte:
			size += len(a)
		case *[]byte:
			size += len(*a)
		}
	}
	mem, err := h.take(size)
	if err != nil {
		return err
	}
	at := h.room
	for i, a := range args {
		n, used, rc := int32(i+1), 0, int32(0)
		switch a := a.(type) {
		case int64:
			rc = sqlitelib.Xsqlite3_bind_int64(h.tls, s.at, n, a)
		case *int64:
			rc = sqlitelib.Xsqlite3_bind_int64(h.tls, s.at, n, *a)
		case *[]byte:
			used = copy(mem, *a)
			rc = sqlitelib.Xsqlite3_bind_blob(h.tls, s.at, n, at, int32(used), static)
		case string:
			used = copy(mem, a)
			rc = sqlitelib.Xsqlite3_bind_text(h.tls, s.at, n, at, int32(used), static)
		case []byte:
			used = copy(mem, a)
			rc = sqlitelib.Xsqlite3_bind_blob(h.tls, s.at, n, at, int32(used), static)
		default:
			return fmt.Errorf("sqlite: argument %d is a %T", n, a)
		}
		if rc != sqlitelib.SQLITE_OK {
			return h.failure(rc)
		}
		mem, at = mem[used:], at+uintptr(used)
	}
	return nil
}

// step runs s up to its next row, or returns false at its end.
func (h *handle) step(s statement) (bool, error) {
	switch rc := sqlitelib.Xsqlite3_step(h.tls, s.at); rc {
	case sqlitelib.SQLITE_ROW:
		return true, nil
	case sqlitelib.SQLITE_DONE:
		return false, nil
	default:
		return false, h.failure(rc)
	}
}

// reset makes s ready to run again. It repeats the error of the last step,
// which was told.
func (h *handle) reset(s statement) { sqlitelib.Xsqlite3_reset(h.tls, s.at) }

// finalize ends s; what it returns was told by the last step.
func (h *handle) finalize(s statement) { sqlitelib.Xsqlite3_finalize(h.tls, s.at) }

// changes returns how many rows the last statement wrote.
func (h *handle) changes() int64 { return int64(sqlitelib.Xsqlite3_changes64(h.tls, h.db)) }

// inTransaction reports whether a transaction is open.
func (h *handle) inTransaction() bool { return sqlitelib.Xsqlite3_get_autocommit(h.tls, h.db) == 0 }

// scan copies the columns of the row that s is at into dest: *int64, *string
// and *[]byte take a number, a text and bytes, nothing else; a bytesScanner
// takes text or bytes, *any all.
func (h *handle) scan(s statement, dest []any) error {
	if len(dest) != s.fields {
		return fmt.Errorf("sqlite: %d columns for %d destinations", s.fields, len(dest))
	}
	for i, d := range dest {
		// Unprotected, which says that one goroutine at a time may use it.
		v := sqlitelib.Xsqlite3_column_value(h.tls, s.at, int32(i))
		kind, ok := sqlitelib.Xsqlite3_value_type(h.tls, v), false
		switch d := d.(type) {
		case *int64:
			if ok = kind == sqlitelib.SQLITE_INTEGER; ok {
				*d = sqlitelib.Xsqlite3_value_int64(h.tls, v)
			}
		case *string:
			if ok = kind == sqlitelib.SQLITE_TEXT; ok {
				*d = string(h.text(v))
			}
		case *[]byte:
			if ok = kind == sqlitelib.SQLITE_BLOB; ok {
				*d = bytes.Clone(h.blob(v))
			}
		case bytesScanner:
			var err error
			if ok, err = h.hand(v, kind, d); err != nil {
				return fmt.Errorf("sqlite: column %d: %w", i+1, err)
			}
		case *any:
			*d, ok = h.value(v, kind), true
		}
		if !ok {
			return fmt.Errorf("sqlite: column %d has type %d, wanted in a %T", i+1, kind, d)
		}
	}
	return nil
}

// bytesScanner is a destination that looks at C's memory while ScanBytes runs,
// and copies what it needs.
type bytesScanner interface{ ScanBytes([]byte) error }

// hand gives a text or bytes to d, and returns false where v is neither.
func (h *handle) hand(v uintptr, kind int32, d bytesScanner) (bool, error) {
	switch kind {
	case sqlitelib.SQLITE_TEXT:
		return true, d.ScanBytes(h.text(v))
	case sqlitelib.SQLITE_BLOB:
		return true, d.ScanBytes(h.blob(v))
	default:
		return false, nil
	}
}

// value returns v: an int64, nil for NULL, or else a string.
func (h *handle) value(v uintptr, kind int32) any {
	switch kind {
	case sqlitelib.SQLITE_INTEGER:
		return sqlitelib.Xsqlite3_value_int64(h.tls, v)
	case sqlitelib.SQLITE_NULL:
		return nil
	default:
		return string(h.text(v))
	}
}

// text returns v as text in UTF-8, in whatever encoding the file is.
func (h *handle) text(v uintptr) []byte { return h.bytes(v, sqlitelib.Xsqlite3_value_text(h.tls, v)) }

func (h *handle) blob(v uintptr) []byte { return h.bytes(v, sqlitelib.Xsqlite3_value_blob(h.tls, v)) }

// bytes returns the text or the bytes of v, which are at that address: for as
// long as the row is looked at, and never nil.
func (h *handle) bytes(v, at uintptr) []byte {
	n := sqlitelib.Xsqlite3_value_bytes(h.tls, v)
	if at == 0 || n == 0 {
		return []byte{}
	}
	return libc.GoBytes(at, int(n))
}

// close closes the connection, whose statements were finalized, and gives back
// its memory.
func (h *handle) close() (err error) {
	if rc := sqlitelib.Xsqlite3_close(h.tls, h.db); rc != sqlitelib.SQLITE_OK {
		err = h.failure(rc)
	}
	sqlitelib.Xsqlite3_free(h.tls, h.room)
	h.db, h.room, h.roomSize = 0, 0, 0
	h.tls.Close()
	return err
}
