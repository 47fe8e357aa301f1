// Package common owns a list of the passwords that are tried first. It never
// sees a password that is kept.
package common

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"strings"
	"sync"
)

// list has one password a line, in lower case, 8 characters or more, most
// common first; NOTICE says where it is from.
//
//go:embed passwords.txt.gz
var list []byte

// passwords reads the list once, at the first look-up.
var passwords = sync.OnceValue(func() map[string]struct{} {
	set := map[string]struct{}{}
	z, err := gzip.NewReader(bytes.NewReader(list))
	if err != nil {
		panic("common: the embedded list: " + err.Error())
	}
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		set[lines.Text()] = struct{}{}
	}
	return set
})

// Has reports whether password, whatever its case, is one of the list, or one
// of the list or a shorter word said twice or more.
func Has(password string) bool {
	folded := strings.ToLower(password)
	if _, ok := passwords()[folded]; ok {
		return true
	}
	for size := 1; size <= len(folded)/2; size++ {
		if len(folded)%size == 0 && strings.Repeat(folded[:size], len(folded)/size) == folded {
			return true
		}
	}
	return false
}

// Len returns how many passwords the list has.
func Len() int { return len(passwords()) }
