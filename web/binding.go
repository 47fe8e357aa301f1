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

// bindings returns the hashes of the binding cookies in r, in their order.
func (o *origin) bindings(r *http.Request) [][32]byte {
	var hashes [][32]byte
	for _, cookie := range o.bindingCookies(r) {
		hashes = append(hashes, sha256.Sum256([]byte(cookie.Value)))
	}
	return hashes
}

func (o *origin) bindingCookies(r *http.Request) []*http.Cookie {
	cookies := slices.DeleteFunc(r.Cookies(), func(c *http.Cookie) bool {
		suffix, ok := strings.CutPrefix(c.Name, o.cookie+bindingMark)
		return !ok || len(suffix) != suffixLength || c.Quoted || len(c.Value) != base64.RawURLEncoding.EncodedLen(bindingSize)
	})
	return cookies[:min(len(cookies), maxBindings)]
}

// bind returns the client for a ceremony that begins now. A browser's first
// binding cookie is sent again with a new life; one that has none gets one.
func (s *Site) bind(w http.ResponseWriter, r *http.Request) mapae.Client {
	ex := on(r)
	if ex.client.App {
		return ex.client
	}
	name, value := "", ""
	if sent := ex.origin.bindingCookies(r); len(sent) > 0 {
		name, value = sent[0].Name, sent[0].Value
	} else {
		secret := make([]byte, bindingSize)
		rand.Read(secret)
		name = ex.origin.cookie + bindingMark + rand.Text()[:suffixLength]
		value = base64.RawURLEncoding.EncodeToString(secret)
		ex.client.Bindings = [][32]byte{sha256.Sum256([]byte(value))}
	}
	ex.origin.setCookie(w, name, value, bindingLife, http.SameSiteStrictMode)
	return ex.client
}
