// Package transfer owns the forms in which accounts and passkeys come from other
// systems: the tables of Spring Security, django-allauth, Hanko and Auth.js in
// SQLite or PostgreSQL, records of go-webauthn as lines of JSON, and Mapae's own
// lines, which it also writes. It reads one account at a time, and changes
// nothing where it reads.
//
// It never decides what is taken over: what it makes of a row is for
// mapae.Auth.Import to judge.
package transfer
