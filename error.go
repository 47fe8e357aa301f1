package mapae

import (
	"errors"
	"fmt"
	"time"
)

// Code names a kind of failure. Codes are stable: the JSON API, events and
// metrics carry them. Status and sentence are the business of package web.
type Code string

const (
	CodeBadRequest           Code = "bad_request"           // can't be read, or a member is wrong: Field says which
	CodeCeremonyInvalid      Code = "ceremony_invalid"      // challenge or ticket missing, used, expired or foreign
	CodeRegistrationRejected Code = "registration_rejected" // the new passkey failed verification; the cause says why
	CodeLastFactor           Code = "last_factor"           // would leave the user without a way in
	CodeUnauthenticated      Code = "unauthenticated"       // no live session
	CodeAuthenticationFailed Code = "authentication_failed" // one code for every cause
	CodeSecondFactorRequired Code = "second_factor_required"
	CodePasskeyUnknown       Code = "passkey_unknown" // no such credential ID here
	CodeOriginRejected       Code = "origin_rejected"
	CodeStepUpRequired       Code = "step_up_required" // the session is not fresh or not strong enough
	CodeForbidden            Code = "forbidden"
	CodeFrozen               Code = "frozen"    // the owner doubts what happened: methods can't be changed, RetryAfter says how long
	CodeNotFound             Code = "not_found" // also for what is another user's
	CodeMethodNotAllowed     Code = "method_not_allowed"
	CodeCredentialExists     Code = "credential_exists"
	CodeLoginTaken           Code = "login_taken" // told only where no mailer proves addresses
	CodeLimitReached         Code = "limit_reached"
	CodeConflict             Code = "conflict"
	CodeBodyTooLarge         Code = "body_too_large"
	CodeUnsupportedMediaType Code = "unsupported_media_type"
	CodeRateLimited          Code = "rate_limited" // RetryAfter says how long
	CodeInternal             Code = "internal"
	CodeUnavailable          Code = "unavailable" // the store or a peer is broken or slow
)

// Error is the one error type of this package. Two Errors are the same to
// errors.Is when their codes are equal, so the sentinels below match however
// an error was wrapped and whatever its other members say.
type Error struct {
	Code       Code
	Field      string        // JSON member at fault, where one is
	Flaw       Flaw          // what is wrong with it; empty: only Field is known
	Limit      int           // of FlawTooShort and FlawTooLong
	RetryAfter time.Duration // when trying again makes sense; zero: unknown
	Err        error         // the cause, for logs; never shown to a client
}

// One sentinel for each code that this package returns, for errors.Is.
var (
	ErrBadRequest           = &Error{Code: CodeBadRequest}
	ErrCeremonyInvalid      = &Error{Code: CodeCeremonyInvalid}
	ErrRegistrationRejected = &Error{Code: CodeRegistrationRejected}
	ErrLastFactor           = &Error{Code: CodeLastFactor}
	ErrUnauthenticated      = &Error{Code: CodeUnauthenticated}
	ErrAuthenticationFailed = &Error{Code: CodeAuthenticationFailed}
	ErrPasskeyUnknown       = &Error{Code: CodePasskeyUnknown}
	ErrStepUpRequired       = &Error{Code: CodeStepUpRequired}
	ErrForbidden            = &Error{Code: CodeForbidden}
	ErrFrozen               = &Error{Code: CodeFrozen}
	ErrMissing              = &Error{Code: CodeNotFound}
	ErrCredentialExists     = &Error{Code: CodeCredentialExists}
	ErrLoginTaken           = &Error{Code: CodeLoginTaken}
	ErrLimitReached         = &Error{Code: CodeLimitReached}
	ErrConflict             = &Error{Code: CodeConflict}
	ErrRateLimited          = &Error{Code: CodeRateLimited}
	ErrUnavailable          = &Error{Code: CodeUnavailable}
)

// Error returns the code, the field and the cause.
func (e *Error) Error() string {
	s := "mapae: " + string(e.Code)
	if e.Field != "" {
		s += " (" + e.Field + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an Error with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// fail returns an Error of that code whose cause is err.
func fail(code Code, err error) error { return &Error{Code: code, Err: err} }

// answerOr returns err where it is an answer of this package, and broken
// otherwise.
func answerOr(what string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return broken(what, err)
}

// broken returns the CodeUnavailable of a store that failed while doing what.
func broken(what string, err error) error {
	return &Error{Code: CodeUnavailable, RetryAfter: 5 * time.Second, Err: fmt.Errorf("%s: %w", what, err)}
}
