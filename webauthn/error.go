package webauthn

import (
	"strconv"
	"strings"
)

// Check names what was found wrong. The values are stable and fit for logs and
// metric labels.
type Check string

// The checks, each with the steps of Level 3 that make it.
const (
	CheckEncoding     Check = "encoding"      // JSON, base64url, CBOR or authenticator data that can't be read (5.1, 6.1, 7.1.6, 7.1.13, 7.2.9)
	CheckType         Check = "type"          // client data is of another ceremony (7.1.7, 7.2.10)
	CheckChallenge    Check = "challenge"     // 7.1.8, 7.2.11
	CheckOrigin       Check = "origin"        // 7.1.9, 7.2.12
	CheckCrossOrigin  Check = "cross_origin"  // 7.1.10, 7.2.13
	CheckTopOrigin    Check = "top_origin"    // 7.1.11, 7.2.14
	CheckRPIDHash     Check = "rp_id_hash"    // 7.1.14, 7.2.15
	CheckUserPresent  Check = "user_present"  // 7.1.15, 7.2.16
	CheckUserVerified Check = "user_verified" // 7.1.16, 7.2.17
	CheckBackupFlags  Check = "backup_flags"  // 7.1.17, 7.2.18, 7.2.19
	CheckAlgorithm    Check = "algorithm"     // not offered or not known (7.1.20)
	CheckKey          Check = "key"           // a public key that is malformed or unsafe (5.8.5, 7.1.20)
	CheckAttestation  Check = "attestation"   // unsupported format or bad statement (7.1.21, 7.1.22)
	CheckTrust        Check = "trust"         // a good statement that policy does not trust (7.1.24)
	CheckCredentialID Check = "credential_id" // bad length, two different IDs, or not the record's (7.1.25, 7.2.6)
	CheckAllowList    Check = "allow_list"    // 7.2.5
	CheckUserHandle   Check = "user_handle"   // 7.2.6
	CheckSignature    Check = "signature"     // 7.2.21
	CheckCounter      Check = "counter"       // for callers: §7.2.22 is reported by this package as a value, not as an error
	CheckExtension    Check = "extension"     // 7.1.28, 7.2.23
)

// maxShown bounds how many bytes of foreign input an Error carries.
const maxShown = 100

// Error is what every function of this package returns when it refuses an
// input. It is meant for the operator; the person at the browser is told no
// more than that the ceremony failed.
type Error struct {
	Step  string // section and step of Level 3, for example "7.2.14"
	Check Check
	Got   string // what was found, cut to about 100 bytes; may be empty
	Want  string // what was expected, cut likewise; may be empty
	Err   error  // the cause where there is one
}

// Error says step, check, what was got and what was wanted, in one line.
// Foreign input in it is quoted and short.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("webauthn: step ")
	b.WriteString(e.Step)
	b.WriteString(": ")
	b.WriteString(string(e.Check))
	separator := ": "
	part := func(label, value string) {
		if value != "" {
			b.WriteString(separator)
			b.WriteString(label)
			b.WriteString(value)
			separator = ", "
		}
	}
	if e.Got != "" {
		part("got ", strconv.Quote(cut(e.Got)))
	}
	part("want ", cut(e.Want))
	if e.Err != nil {
		part("", cut(e.Err.Error()))
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func refuse(step string, check Check, got, want string) error {
	return &Error{Step: step, Check: check, Got: cut(got), Want: cut(want)}
}

func refuseCause(step string, check Check, cause error) error {
	return &Error{Step: step, Check: check, Err: cause}
}

func cut(s string) string {
	if len(s) > maxShown {
		return strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return s
}
