package mapae

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// Limits on what people type, in characters and bytes.
const (
	maxName   = 64
	maxEmail  = 254
	maxLocale = 35 // RFC 5646 §4.4.1
)

// checkName refuses names that are empty, longer than 64 characters, not
// UTF-8, with spaces around them, or with characters that can't be seen or
// change the direction of text (joiners, which scripts and emoji need, are
// fine).
func checkName(name string) error {
	switch n := utf8.RuneCountInString(name); {
	case !utf8.ValidString(name):
		return flaw(FlawMalformed, "not valid UTF-8")
	case n == 0:
		return flaw(FlawMissing, "empty")
	case n > maxName:
		return tooLong(n, maxName)
	case strings.TrimSpace(name) != name:
		return flaw(FlawSpaces, "spaces at its start or end")
	case strings.ContainsFunc(name, invisible):
		return flaw(FlawInvisible, "a character that can't be seen")
	}
	return nil
}

func invisible(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Cf, r) && r != nonJoiner && r != joiner
}

// checkLocale refuses what is too long for a language tag, or has characters
// that none has (RFC 5646 §2.1).
func checkLocale(tag string) error {
	if len(tag) > maxLocale {
		return tooLong(len(tag), maxLocale)
	}
	if strings.ContainsFunc(tag, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return errors.New("a character that is no letter, digit or hyphen")
	}
	return nil
}

// checkEmail refuses what is not one bare address of at most 254 bytes.
func checkEmail(email string) error {
	switch {
	case email == "":
		return flaw(FlawMissing, "empty")
	case len(email) > maxEmail:
		return tooLong(len(email), maxEmail) // of bytes, which people count as characters
	}
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || parsed.Name != "" {
		return errors.New("not an e-mail address")
	}
	return nil
}

// loginKey returns the canonical form of an e-mail address, under which it is
// unique: PRECIS UsernameCaseMapped (RFC 8265), which maps width and case and
// normalises.
func loginKey(email string) (string, error) {
	if err := checkEmail(email); err != nil {
		return "", err
	}
	key, err := precis.UsernameCaseMapped.String(email)
	if err != nil {
		return "", fmt.Errorf("not an e-mail address: %w", err)
	}
	return key, nil
}
