// Package memory owns the store that keeps everything in the memory of the
// process: for tests, examples and trying things out. It never writes to disk;
// what it holds is gone when the process ends.
//
// One mutex guards all of it. A transaction changes the tables in place and
// notes how to undo each change, so a transaction that fails leaves nothing.
// What goes in and what comes out is copied: callers share no bytes with the
// store. The function given to Update must not call the Store that it was
// given to: it would wait for itself.
package memory
