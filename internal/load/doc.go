// Package load owns people made of software who sign up and in at a server, as
// many at a time and for as long as they are told, and the measuring of it:
// times, errors by code, CPU time and memory, and what is written of them. It
// speaks HTTP over connections of its own, which cost a tenth of net/http's, so
// that a generator on the server's machine measures the server and not itself.
//
// It never looks behind the JSON API, and never measures a machine that it was
// not told is the caller's own.
package load
