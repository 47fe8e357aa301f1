// Package web owns the HTTP face of Mapae: routes, cookies and tokens, the
// rules against forged requests, security headers, limits by address, problem
// answers, the access log, and the pages. It never decides who may sign in:
// that is package mapae, whose flows its handlers decode for and encode.
//
// [New] makes a [Site], an http.Handler for everything below one path. Its
// routes stand in routes.go, one row each, with what they demand; a request
// passes the gate in gate.go in this order: path, host, client, method,
// origin, content type, session or ticket, limit; then the row's handler.
// Handlers return errors; problem.go turns them into answers, log.go into one
// line.
//
// There are two kinds of clients. A browser carries its session in a cookie
// that scripts can't read, and ceremonies are bound to a second cookie. An app
// says "Mapae-Client: app" or has a bearer token; its cookies are ignored, and
// a request that also carries what only browsers send is refused, so that no
// page can turn a browser's ceremony into an app's token.
//
// What a half-finished flow needs travels as a ticket in the header
// Mapae-Ticket. Where a request has one its session does not count: a second
// step or a recovery is never finished in the name of who happens to be signed
// in, and a bad ticket does not fall back on a session. Only rows marked
// confirmed read both: their tickets were issued in that very session, by a
// step-up for one action or by the set-up of an authenticator app.
package web
