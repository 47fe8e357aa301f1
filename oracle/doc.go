// Package oracle owns the comparison of package webauthn with what others have
// written: the verdicts of github.com/go-webauthn/webauthn, the bugs that it had
// and fixed, and the signatures of Project Wycheproof. It holds tests only, in a
// module of its own, so that nobody who uses Mapae downloads them.
package oracle
