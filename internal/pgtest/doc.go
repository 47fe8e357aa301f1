// Package pgtest owns the PostgreSQL clusters that tests run on: private ones,
// made with the binaries of this machine in a directory of their own, and gone
// with the process that started them. It never touches a cluster that is not
// its own.
package pgtest
