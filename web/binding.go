package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/mapae/mapae"
)

// A binding cookie ties a ceremony to the browser that began it. Each has a
// name of its own, so that tabs which begin at the same moment don't overwrite
// each other's.
const (
	bindingMark  = "-b-"   // between the session cookie's name and a random suffix
	bindingLife  = 60 * 30 // seconds: longer than any ceremony that it binds
	bindingSize  = 32      // random bytes of a value
	maxBindings  = 8       // that are read
	suffixLength = 4       // letters of base32
)

// marked returns the hashes of the first cookies whose name has the mark, in
// their order.
func (ex *exchange) marked(mark string) [][32]byte {
	var hashes [][32]byte
	for _, c := range ex.cookies {
		if len(hashes) < maxBindings && ex.isMarked(c, mark) {
			hashes = append(hashes, sha256.Sum256([]byte(c.Value)))
		}
	}
	return hashes
}

func (ex *exchange) isMarked(c *http.Cookie, mark string) bool {
	name, ours := strings.CutPrefix(c.Name, ex.origin.cookie)
	suffix, ok := strings.CutPrefix(name, mark)
	return ours && ok && len(suffix) == suffixLength && !c.Quoted && len(c.Value) == base64.RawURLEncoding.EncodedLen(bindingSize)
}

// bind returns the client for a ceremony that begins now. A browser's first
// binding cookie is sent again with a new life; one that has none gets one.
func (s *Site) bind(w http.ResponseWriter, r *http.Request) mapae.Client {
	ex := on(r)
	if ex.client.App {
		return ex.client
	}
	hash := ex.mark(w, bindingMark, http.SameSiteStrictMode)
	if len(ex.client.Bindings) == 0 {
		ex.client.Bindings = [][32]byte{hash}
	}
	return ex.client
}

// mark sends the first cookie with the mark again with a new life, or sets a
// new one, and returns the hash of its value.
func (ex *exchange) mark(w http.ResponseWriter, mark string, sameSite http.SameSite) [32]byte {
	name, value := "", ""
	if i := slices.IndexFunc(ex.cookies, func(c *http.Cookie) bool { return ex.isMarked(c, mark) }); i >= 0 {
		name, value = ex.cookies[i].Name, ex.cookies[i].Value
	} else {
		secret := make([]byte, bindingSize)
		rand.Read(secret)
		name = ex.origin.cookie + mark + rand.Text()[:suffixLength]
		value = encode64(secret)
	}
	ex.origin.setCookie(w, name, value, bindingLife, sameSite)
	return sha256.Sum256([]byte(value))
}
