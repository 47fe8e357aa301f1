// Package postgres owns the store that keeps everything in PostgreSQL, where
// any number of nodes share one database. It never holds a query of its own but
// those that ask for the version of the tables: the rest is in
// internal/sqlstore.
//
// It speaks to the server by pgx. Transactions are READ COMMITTED and lock what
// they decide on; one that PostgreSQL breaks off because others were in its way
// is run again, at most three times in all. The end of a sign-in is one
// statement, which is its own transaction. A statement that has no answer
// after two seconds, the wait for a connection included, fails: so does all
// that needs a database that hangs, and nothing has to be restarted when it is
// back. Whether a transaction was committed that got no answer can't be known;
// it is never run again.
//
// Tables are named mapae_… and lie in the first schema of the search path:
// beside an application's own, or in one of their own with search_path=mapae in
// the URL (the schema must exist). PostgreSQL 13 and later are meant; the
// encoding of the database must be UTF8.
//
// # Behind a pooler
//
// Statements are prepared once a connection. A pooler that gives a connection
// to others between two transactions (PgBouncer with pool_mode=transaction)
// may not allow that: default_query_exec_mode=exec in the URL does without. The
// tables are then not brought up to date by Open, which needs a session of its
// own: run Migrate on the server itself first. A program that is built with pgx's
// tag nopgxregisterdefaulttypes, and gives New a pool of its own with that
// mode, registers the types of arguments itself: bool, int64, string, []byte
// and []string.
package postgres
