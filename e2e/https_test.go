package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/web"
)

// names are the origins below .test: their address, and the certificate that
// the browser trusts.
type names struct {
	*net.TCPListener
	tls         *tls.Config
	fingerprint string // SHA-256 of the certificate's key, base64
}

// newNames listens on the loopback address, with a certificate that it signs
// itself.
func newNames() (names, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return names{}, err
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mapae.test", "shop.test", "stranger.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
	if err != nil {
		return names{}, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return names{}, err
	}
	sum := sha256.Sum256(public)
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	return names{listener, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		base64.StdEncoding.EncodeToString(sum[:])}, err
}

// listen returns a listener that can be closed without the names being lost.
func (n names) listen(t *testing.T) net.Listener {
	t.Helper()
	file, err := n.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	return tls.NewListener(listener, n.tls)
}

// strange is a page that asks for passkeys of mapae.test from an origin that
// nobody listed.
const strange = `navigator.credentials.get({publicKey: {challenge: new Uint8Array(32), rpId: "mapae.test"}}).then(() => "signed", e => e.name)`

func TestAPasskeyIsUsedAtARelatedOrigin(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	rp := mapae.RelyingParty{ID: "mapae.test", Name: "Example", Origins: []string{"https://mapae.test"}, RelatedOrigins: []string{"https://shop.test"}}
	s := newSiteAt(t, browser.https.listen(t), rp, web.Config{}, func(*mapae.Config) {}, func(face *web.Site) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/", face)
		mux.HandleFunc("stranger.test/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!DOCTYPE html><title>stranger</title>"))
		})
		return mux
	})
	mine := b.attach(phone())
	signUp(b, s, "ada@example.com", "Ada Lovelace")
	if n := s.count("GET /.well-known/webauthn"); n != 0 {
		t.Fatalf("the list was asked for %d times at home", n)
	}

	mine.touches(false)
	b.visit("https://shop.test/sign-in")
	b.see("#passkey") // the session of mapae.test is not one here
	mine.touches(true)
	b.click("#passkey")
	b.until("location.href === 'https://shop.test/account' && document.readyState === 'complete'")
	b.want("document.body.innerText.includes('ada@example.com') && document.querySelectorAll('.row[data-id]').length === 1", "it is the same account")
	if n := s.count("GET /.well-known/webauthn"); n == 0 {
		t.Error("the browser did not ask which origins are related")
	}
	b.shoot("related")

	// A passkey that is made there works at home.
	key := b.attach(securityKey())
	mine.touches(false)
	b.click("#add")
	b.until("document.querySelectorAll('.row[data-id]').length === 2")
	b.do("forget all cookies", forgetCookies)
	b.visit("https://mapae.test/sign-in")
	b.at("/account") // autofill, by the key

	b.visit("https://stranger.test/")
	if got := eval[string](b, strange); got != "SecurityError" {
		t.Errorf("an origin that nobody listed gets %s, want SecurityError", got)
	}
	key.touches(false)
}
