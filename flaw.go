package mapae

import (
	"errors"
	"fmt"
)

// Flaw names what is wrong with a member that somebody typed or sent. Flaws are
// stable: the JSON API carries them, and package web has a sentence for each.
type Flaw string

const (
	FlawMissing   Flaw = "missing"
	FlawMalformed Flaw = "malformed" // not of its form, or none of the values that it can have
	FlawTooShort  Flaw = "too_short" // Error.Limit: characters at least
	FlawTooLong   Flaw = "too_long"  // Error.Limit: characters at most
	FlawSpaces    Flaw = "spaces"    // at its start or end
	FlawInvisible Flaw = "invisible" // a character that can't be seen
	FlawCommon    Flaw = "common"    // a password that is tried first
	FlawPersonal  Flaw = "personal"  // a password that is its owner's address or name
)

// flawed is the cause of an Error that a flaw makes.
type flawed struct {
	flaw  Flaw
	limit int
	err   error
}

func (f *flawed) Error() string { return f.err.Error() }
func (f *flawed) Unwrap() error { return f.err }

func tooShort(n, least int) error {
	return &flawed{FlawTooShort, least, fmt.Errorf("%d characters; at least %d are needed", n, least)}
}

func tooLong(n, most int) error {
	return &flawed{FlawTooLong, most, fmt.Errorf("%d characters; at most %d are allowed", n, most)}
}

func flaw(f Flaw, why string) error { return &flawed{flaw: f, err: errors.New(why)} }

// badField returns a CodeBadRequest that names the member at fault and why: the
// flaw that err tells of, or FlawMalformed.
func badField(field string, err error) error {
	e := &Error{Code: CodeBadRequest, Field: field, Flaw: FlawMalformed, Err: err}
	var f *flawed
	if errors.As(err, &f) {
		e.Flaw, e.Limit = f.flaw, f.limit
	}
	return e
}
