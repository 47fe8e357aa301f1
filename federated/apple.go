package federated

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mapae/mapae"
)

const appleIssuer = "https://appleid.apple.com"

// appleSecretLife is how long a client secret that we sign is good for: it is
// made for one call. Apple takes at most six months.
const appleSecretLife = 5 * time.Minute

// Apple lets people sign in with an Apple account. Apple answers by a form that
// its page posts, and tells a person's name the first time only.
type Apple struct {
	ClientID string // of the Services ID, such as com.example.web
	TeamID   string // ten characters
	KeyID    string // ten characters, of the key for Sign in with Apple
	Key      []byte // that key as Apple gives it: PKCS #8 in PEM
	HTTP     *http.Client
}

// Provider checks the settings and reads the key. Name apple, label Apple,
// issuer https://appleid.apple.com.
func (a Apple) Provider() (mapae.Provider, error) {
	key, err := readAppleKey(a.Key)
	if err != nil {
		return nil, fmt.Errorf("federated: apple: Key: %w", err)
	}
	if a.TeamID == "" || a.KeyID == "" {
		return nil, errors.New("federated: apple: TeamID or KeyID is missing")
	}
	return OIDC{
		Name: "apple", Label: "Apple", Issuer: appleIssuer, ClientID: a.ClientID, HTTP: a.HTTP,
		Scopes: []string{"name", "email"}, FormPost: true, wordFlags: true, userForm: true, fresh: url.Values{},
		secret: func(now time.Time) (string, error) { return a.sign(key, now) },
	}.Provider()
}

func readAppleKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	if key, ok := key.(*ecdsa.PrivateKey); ok && key.Curve == elliptic.P256() {
		return key, nil
	}
	return nil, errors.New("not a key on the curve P-256")
}

// sign returns the client secret that Apple wants: a JWT signed by the key
// (ES256, RFC 7518 §3.4).
func (a Apple) sign(key *ecdsa.PrivateKey, now time.Time) (string, error) {
	head, err1 := json.Marshal(map[string]any{"alg": "ES256", "kid": a.KeyID})
	body, err2 := json.Marshal(map[string]any{
		"iss": a.TeamID, "sub": a.ClientID, "aud": appleIssuer, "iat": now.Unix(), "exp": now.Add(appleSecretLife).Unix(),
	})
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	hash := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, hash[:])
	if err != nil {
		return "", fmt.Errorf("sign the client secret: %w", err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature[:]), nil
}

// appleName is the name in the form's member user. It came by way of the
// browser, so it is what the person says of themselves and nothing more.
func appleName(user string) string {
	o, err := readObject([]byte(user))
	if err != nil {
		return ""
	}
	name := o.inner("name")
	return strings.TrimSpace(name.text("firstName") + " " + name.text("lastName"))
}
