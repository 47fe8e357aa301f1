package oracle

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
)

// vectors is one file of Project Wycheproof, as far as it is read here.
type vectors struct {
	NumberOfTests int
	TestGroups    []group
}

type group struct {
	Type      string
	Sha       string
	MGFSha    string
	SLen      int
	KeySize   int
	PublicKey struct {
		PK, Wx, Wy              string
		Modulus, PublicExponent string
	}
	Tests []struct {
		TcID     int `json:"tcId"`
		Msg, Sig string
		Result   string
		Comment  string
	}
}

// files are those whose algorithm is one of ours; the rest are of other curves,
// hashes or encodings. PSS files tell of salts and hashes that WebAuthn has not:
// all of their signatures have to be refused.
var files = []struct {
	name       *regexp.Regexp
	algorithms map[string]webauthn.Algorithm // by hash
}{
	{regexp.MustCompile(`^ecdsa_secp256r1_sha256_test`), map[string]webauthn.Algorithm{"SHA-256": webauthn.ES256}},
	{regexp.MustCompile(`^ecdsa_secp384r1_sha384_test`), map[string]webauthn.Algorithm{"SHA-384": webauthn.ES384}},
	{regexp.MustCompile(`^ecdsa_secp521r1_sha512_test`), map[string]webauthn.Algorithm{"SHA-512": webauthn.ES512}},
	{regexp.MustCompile(`^ed25519_test`), map[string]webauthn.Algorithm{"": webauthn.EdDSA}},
	{
		regexp.MustCompile(`^rsa_signature_\d+_sha(256|384|512)_test`),
		map[string]webauthn.Algorithm{"SHA-256": webauthn.RS256, "SHA-384": webauthn.RS384, "SHA-512": webauthn.RS512},
	},
	{
		regexp.MustCompile(`^rsa_pss_(\d+_sha(256|384|512)_mgf1(sha\d+)?_\d+|misc)_test`),
		map[string]webauthn.Algorithm{"SHA-256": webauthn.PS256, "SHA-384": webauthn.PS384, "SHA-512": webauthn.PS512},
	},
}

var hashSize = map[string]int{"SHA-256": 32, "SHA-384": 48, "SHA-512": 64}

// ourSalt is the signature that a file for signatures without salt calls bad
// because it has a salt: of just the length that WebAuthn wants.
const ourSalt = "rsa_pss_2048_sha256_mgf1_0_test.json 69"

func TestWycheproof(t *testing.T) {
	t.Parallel()
	total := 0
	for _, f := range files {
		names := 0
		entries, err := fs.ReadDir(wycheproof.TestVectors, ".")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if f.name.MatchString(e.Name()) {
				names++
				total += verifyFile(t, e.Name(), f.algorithms)
			}
		}
		if names == 0 {
			t.Errorf("no file %v", f.name)
		}
	}
	if total < 5054 {
		t.Errorf("%d signatures, want 5054 or more", total)
	}
	t.Logf("proven: %d", total)
}

// verifyFile holds each signature of a file against the verdict that it comes
// with, and returns how many there were.
func verifyFile(t *testing.T, name string, algorithms map[string]webauthn.Algorithm) (n int) {
	t.Helper()
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	var file vectors
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(name, err)
	}
	for _, g := range file.TestGroups {
		alg, ours := algorithms[g.Sha]
		if !ours {
			continue // SHA-1 and SHA-224 of the mixed file
		}
		c := webauthn.Credential{PublicKey: g.cose(t, alg), Algorithm: alg}
		for _, v := range g.Tests {
			n++
			err := c.VerifySignature(unhex(t, v.Msg), unhex(t, v.Sig))
			check := checkOf(err)
			switch want := v.Result == "valid" && g.ofWebAuthn() || fmt.Sprint(name, " ", v.TcID) == ourSalt; {
			case g.KeySize > 4096:
				if check != webauthn.CheckKey {
					t.Errorf("%s %d: a key of %d bits: %v", name, v.TcID, g.KeySize, err)
				}
			case want != (err == nil) || err != nil && check != webauthn.CheckSignature:
				t.Errorf("%s %d (%s): is %s, and the verdict %v", name, v.TcID, v.Comment, v.Result, err)
			}
		}
	}
	return n
}

// ofWebAuthn tells whether a group's signatures are made as WebAuthn has it:
// one hash, and in PSS a salt as long as the hash.
func (g group) ofWebAuthn() bool {
	return g.Type != "RsassaPssVerify" || g.MGFSha == g.Sha && g.SLen == hashSize[g.Sha]
}

func (g group) cose(t *testing.T, alg webauthn.Algorithm) []byte {
	t.Helper()
	switch k := g.PublicKey; g.Type {
	case "EcdsaVerify":
		curve := map[webauthn.Algorithm]int{webauthn.ES256: 1, webauthn.ES384: 2, webauthn.ES512: 3}[alg]
		size := map[int]int{1: 32, 2: 48, 3: 66}[curve]
		return cbor.EncodeMap([]any{1, 2, 3, int64(alg), -1, curve, -2, fixed(unhex(t, k.Wx), size), -3, fixed(unhex(t, k.Wy), size)})
	case "EddsaVerify":
		return cbor.EncodeMap([]any{1, 1, 3, int64(alg), -1, 6, -2, unhex(t, k.PK)})
	}
	trim := func(digits string) []byte {
		b := unhex(t, digits)
		for len(b) > 0 && b[0] == 0 {
			b = b[1:]
		}
		return b
	}
	return cbor.EncodeMap([]any{1, 3, 3, int64(alg), -1, trim(g.PublicKey.Modulus), -2, trim(g.PublicKey.PublicExponent)})
}

// fixed returns the number in size bytes.
func fixed(b []byte, size int) []byte {
	out := make([]byte, size)
	copy(out[max(0, size-len(b)):], b[max(0, len(b)-size):])
	return out
}

func unhex(t *testing.T, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkOf(err error) webauthn.Check {
	var e *webauthn.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Check
}
