// Package lines owns the writing of a log's lines to where each write is a
// system call. It never reads them, and never breaks one in two.
package lines
