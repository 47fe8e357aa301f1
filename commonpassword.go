package mapae

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"strings"
	"sync"
)

// commonList has one password a line, in lower case, 8 characters or more, most
// common first; NOTICE says where it is from.
//
//go:embed commonpasswords.txt.gz
var commonList []byte

// commonPasswords reads the list once, at the first look-up.
var commonPasswords = sync.OnceValue(func() map[string]struct{} {
	set := map[string]struct{}{}
	z, err := gzip.NewReader(bytes.NewReader(commonList))
	if err != nil {
		panic("mapae: the embedded list of passwords: " + err.Error())
	}
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		set[lines.Text()] = struct{}{}
	}
	return set
})

// commonPassword reports whether password, whatever its case, is one of the
// list, or one word said twice or more.
func commonPassword(password string) bool {
	folded := strings.ToLower(password)
	if _, ok := commonPasswords()[folded]; ok {
		return true
	}
	for size := 1; size <= len(folded)/2; size++ {
		if len(folded)%size == 0 && strings.Repeat(folded[:size], len(folded)/size) == folded {
			return true
		}
	}
	return false
}
