// Package sqlite owns the store that keeps everything in one SQLite file. It
// never holds a query of its own: those are in internal/sqlstore.
//
// What Update and Admit acknowledged is on the disk: the write-ahead log is
// synced at each commit (synchronous=FULL). One connection writes. Transactions
// that wait for it at the same time are committed together, with one sync; one
// that fails takes none of the others with it (batch.go). Whoever finds nobody writing leads: there is no goroutine and no
// timer. Several connections read, and see what was committed before they
// began. All of them speak SQLite's C interface (library.go); database/sql is
// for migrations only.
package sqlite
