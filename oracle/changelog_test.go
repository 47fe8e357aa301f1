package oracle

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

// A fix is one bug that go-webauthn had. Exactly one of the last three says why
// Mapae has not: a test here, a test elsewhere ("file: text that is in it"), or
// a reason why it does not apply.
type fix struct {
	issue   int
	title   string
	test    func(t *testing.T, p peer)
	covered string
	because string
}

const (
	retired    = "android-safetynet is refused as retired, whatever is in it"
	attested   = "webauthn/attestation/badinputs_format_test.go: "
	tolerated  = "webauthn/attestation/accept_test.go: "
	described  = "webauthn/attestation/metadata_test.go: "
	blobs      = "webauthn/attestation/mds/mds_test.go: "
	keyedTests = "webauthn/attestation/attestation_test.go: "
)

// fixes are the 33 bug fixes of the changelog from v0.18.0 to v0.18.2.
var fixes = []fix{
	{801, "accept anonca attestation trust anchors", nil, `webauthn/attestation/vectors_test.go: "apple-es256":       attestation.TypeAnonCA`, ""},
	{800, "convey safetynet attestation trust path", nil, "", retired},
	{802, "validate fido-u2f credential curve and certificate validity", nil, "webauthn/attestation/accept_test.go: TestU2FHasKeysOnP256Only", ""},
	{799, "validate safetynet version and response age", nil, "", retired},
	{797, "validate tpm aik certificate validity period", nil, `webauthn/attestation/badinputs_test.go: "leaf expired"`, ""},
	{795, "require authorization to initialize uv", userVerificationLater, "", ""},
	{794, "validate session challenge when finishing ceremonies", emptyChallenge, "", ""},

	{739, "align members with mds 3.1.1 and ctap 2.3", nil, blobs + "TestABlobIsRead", ""},
	{740, "consistent revocation policy and client timeouts", nil, described + `"revoked, which the policy does not refuse"`, ""},
	{737, "handle certificate chains of any depth", nil, tolerated + `"further certificates in any order"`, ""},
	{736, "honour status report order and effective dates", nil, described + `"revoked from tomorrow on"`, ""},
	{735, "mds3 parsing conformance and cache integrity", nil, blobs + "TestPayloadsThatCanNotBeReadAreRefused", ""},
	{698, "prevent panic corrupt blob", nil, blobs + "FuzzBlob", ""},
	{738, "report malformed status report urls", nil, "", "addresses in status reports are told and never asked, so their form decides nothing"},
	{728, "allow any attestation eku", nil, attested + `"use of the list only"`, ""},
	{727, "androidkey missing authorization list member", nil, attested + `"origin missing"`, ""},
	{729, "androidkey union generated", nil, attested + `"origin told twice"`, ""},
	{752, "bind credential public key curve to its algorithm", curveOfAlgorithm, "", ""},
	{751, "compound attestation sub-statement unmarshalling", nil, tolerated + "TestACompoundStatementAttestsWhereEveryPartDoes", ""},
	{731, "compound returns incorrect type", nil, tolerated + "TestACompoundStatementAttestsWhereEveryPartDoes", ""},
	{732, "credential public key match limited to ECDSA", nil, keyedTests + "TestEveryFormatIsVerifiedWithEveryAlgorithmItHas", ""},
	{763, "harden credential response and options handling", hardResponse, "", ""},
	{725, "missing tpm steps", nil, attested + `"name by another hash"`, ""},
	{758, "opaque origin matching and validation", opaqueOrigin, "", ""},
	{719, "possible panic conditions", nothingPanics, "", ""},
	{726, "safetynet validation steps", nil, "", retired},
	{744, "single signature encoding policy and canonical der", canonicalSignature, "", ""},
	{762, "reject data trailing the first cbor item", trailingCBOR, "", ""},
	{759, "validate okp key algorithm", okpAlgorithm, "", ""},
	{745, "deprecations and handle check", handleOfSomebodyElse, "", ""},
	{748, "include backup flag check in registration", backupFlagsAtRegistration, "", ""},
	{746, "only update uv flag", recordStays, "", ""},
	{747, "use session relying party id", relyingPartyOfCeremony, "", ""},
}

func TestWhatGoWebAuthnFixed(t *testing.T) {
	t.Parallel()
	if len(fixes) != 33 {
		t.Fatalf("%d fixes, want 33", len(fixes))
	}
	p := newPeer(t)
	t.Logf("proven: %d", len(fixes))
	for _, f := range fixes {
		t.Run(f.title, func(t *testing.T) {
			t.Parallel()
			switch {
			case f.test != nil && f.covered == "" && f.because == "":
				f.test(t, p)
			case f.covered != "" && f.because == "":
				path, text, _ := strings.Cut(f.covered, ": ")
				source, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(path)))
				if err != nil || text == "" || !bytes.Contains(source, []byte(text)) {
					t.Errorf("#%d: no %s in %s (%v)", f.issue, text, path, err)
				}
			case f.because == "":
				t.Errorf("#%d: neither tested nor explained", f.issue)
			}
		})
	}
}

// refused demands that a registration or a sign-in by a forged device is
// refused by this check.
func refusedRegistration(t *testing.T, want webauthn.Check, alg webauthn.Algorithm, forge func(f *webauthntest.Forge)) {
	t.Helper()
	a := newDevice("fix")
	forge(&a.Forge)
	if _, err := registerOurs(create(t, a, alg), false); checkOf(err) != want {
		t.Errorf("check %q, want %q (%v)", checkOf(err), want, err)
	}
}

func refusedSignIn(t *testing.T, p peer, want webauthn.Check, forge func(f *webauthntest.Forge)) {
	t.Helper()
	f := newFixture(t, p, webauthn.ES256, "")
	a := f.clone("fix")
	forge(&a.Forge)
	if err := signInOurs(get(t, a), &f.ours, false); checkOf(err) != want {
		t.Errorf("check %q, want %q (%v)", checkOf(err), want, err)
	}
}

// assertion is what we tell of a sign-in.
func assertion(t *testing.T, body []byte, c *webauthn.Credential) (*webauthn.Assertion, error) {
	t.Helper()
	r, err := webauthn.ParseAssertion(body)
	if err != nil {
		t.Fatal(err)
	}
	return webauthn.VerifyAssertion(r, c, webauthn.AssertionWant{RelyingParty: party(), Challenge: challenge, UserID: userHandle})
}

func userVerificationLater(t *testing.T, _ peer) {
	a := newDevice("later")
	a.UserVerified, a.BackupEligible, a.BackupState = false, false, false
	made, err := registerOurs(create(t, a, webauthn.ES256), false)
	if err != nil {
		t.Fatal(err)
	}
	a.UserVerified = true
	result, err := assertion(t, get(t, a), &made.Credential)
	if err != nil || !result.UserVerified || result.UserVerificationReliable || made.Credential.UVInitialized {
		t.Errorf("user verification that came later is relied on: %+v, %v", result, err)
	}
}

func emptyChallenge(t *testing.T, p peer) {
	f := newFixture(t, p, webauthn.ES256, "")
	a := f.clone("empty")
	a.Forge.ClientData = func(b []byte) []byte {
		return bytes.Replace(b, []byte(webauthnChallenge()), nil, 1)
	}
	r, err := webauthn.ParseAssertion(get(t, a))
	if err != nil {
		t.Fatal(err)
	}
	_, err = webauthn.VerifyAssertion(r, &f.ours, webauthn.AssertionWant{RelyingParty: party(), UserID: userHandle})
	if checkOf(err) != webauthn.CheckChallenge {
		t.Errorf("an empty challenge fits an empty one: %v", err)
	}
}

func webauthnChallenge() string { return session(false).Challenge }

func curveOfAlgorithm(t *testing.T, _ peer) {
	refusedRegistration(t, webauthn.CheckKey, webauthn.ES256, func(f *webauthntest.Forge) {
		f.PublicKey = func(k []byte) []byte { return bytes.Replace(k, []byte{0x20, 1}, []byte{0x20, 2}, 1) }
	})
}

func hardResponse(t *testing.T, p peer) {
	response := func(name string, value any) func(f *webauthntest.Forge) {
		return func(f *webauthntest.Forge) {
			f.Response = func(m map[string]any) { m["response"].(map[string]any)[name] = value }
		}
	}
	for _, value := range []any{1, true, nil, []any{}} {
		refusedSignIn(t, p, webauthn.CheckEncoding, response("signature", value))
		refusedRegistration(t, webauthn.CheckEncoding, webauthn.ES256, response("attestationObject", value))
	}
	for _, name := range []string{"id", "rawId"} {
		refusedRegistration(t, webauthn.CheckEncoding, webauthn.ES256, func(f *webauthntest.Forge) {
			f.Response = func(m map[string]any) { m[name] = "AAAA" }
		})
	}
	refusedRegistration(t, webauthn.CheckCredentialID, webauthn.ES256, func(f *webauthntest.Forge) {
		f.Response = func(m map[string]any) { m["id"], m["rawId"] = "AAAA", "AAAA" }
	})
}

func opaqueOrigin(t *testing.T, p peer) {
	app := webauthn.AndroidOrigin([32]byte{1})
	f := newFixture(t, p, webauthn.ES256, "")
	for told, want := range map[string]webauthn.Check{app: "", strings.ToUpper(app): webauthn.CheckOrigin, app + "/": webauthn.CheckOrigin, "android:apk-key-hash:": webauthn.CheckOrigin} {
		a := f.clone("app")
		a.Forge.Origin = told
		r, err := webauthn.ParseAssertion(get(t, a))
		if err != nil {
			t.Fatal(err)
		}
		rp := webauthn.RelyingParty{ID: rpID, Origins: []string{origin, app}}
		_, err = webauthn.VerifyAssertion(r, &f.ours, webauthn.AssertionWant{RelyingParty: rp, Challenge: challenge, UserID: userHandle})
		if checkOf(err) != want {
			t.Errorf("origin %s: check %q, want %q", told, checkOf(err), want)
		}
	}
}

// nothingPanics gives each reader every prefix of what it reads, and nothing.
func nothingPanics(t *testing.T, p peer) {
	f := newFixture(t, p, webauthn.ES256, webauthntest.AttestationPackedSelf)
	made := create(t, newDevice("prefix"), webauthn.ES256)
	used := get(t, f.clone("prefix"))
	for i := range made {
		if _, err := registerOurs(made[:i], false); err == nil {
			t.Errorf("%d bytes of a registration are taken", i)
		}
	}
	for i := range used {
		if err := signInOurs(used[:i], &f.ours, false); err == nil {
			t.Errorf("%d bytes of an assertion are taken", i)
		}
	}
	var e *webauthn.Error
	if _, err := webauthn.VerifyRegistration(&webauthn.RegistrationResponse{}, webauthn.RegistrationWant{}); !errors.As(err, &e) {
		t.Errorf("nothing is registered: %v", err)
	}
	if _, err := webauthn.VerifyAssertion(&webauthn.AssertionResponse{}, &webauthn.Credential{}, webauthn.AssertionWant{}); !errors.As(err, &e) {
		t.Errorf("nothing signs in: %v", err)
	}
}

// canonicalSignature puts a zero byte before r, which BER allows and DER not.
func canonicalSignature(t *testing.T, p peer) {
	refusedSignIn(t, p, webauthn.CheckSignature, func(f *webauthntest.Forge) {
		f.Signature = func(s []byte) []byte {
			padded := append([]byte{s[0], s[1] + 1, s[2], s[3] + 1, 0}, s[4:]...)
			return padded
		}
	})
}

func trailingCBOR(t *testing.T, p peer) {
	more := func(b []byte) []byte { return append(b, 0) }
	refusedRegistration(t, webauthn.CheckEncoding, webauthn.ES256, func(f *webauthntest.Forge) { f.AttestationObject = more })
	refusedRegistration(t, webauthn.CheckEncoding, webauthn.ES256, func(f *webauthntest.Forge) { f.AuthData = more })
	refusedSignIn(t, p, webauthn.CheckEncoding, func(f *webauthntest.Forge) { f.AuthData = more })
	f := newFixture(t, p, webauthn.ES256, "")
	f.ours.PublicKey = more(f.ours.PublicKey)
	if _, err := assertion(t, get(t, f.clone("trailing")), &f.ours); checkOf(err) != webauthn.CheckKey {
		t.Errorf("a stored key with a byte behind it: %v", err)
	}
}

func okpAlgorithm(t *testing.T, _ peer) {
	for _, alg := range []byte{0x26, 0x27 + 1, 0x32} { // -7, -9, -19
		refused := webauthn.CheckAlgorithm
		if alg == 0x26 {
			refused = webauthn.CheckKey
		}
		refusedRegistration(t, refused, webauthn.EdDSA, func(f *webauthntest.Forge) {
			f.PublicKey = func(k []byte) []byte { return bytes.Replace(k, []byte{3, 0x27}, []byte{3, alg}, 1) }
		})
	}
}

func handleOfSomebodyElse(t *testing.T, p peer) {
	refusedSignIn(t, p, webauthn.CheckUserHandle, func(f *webauthntest.Forge) {
		f.Response = func(m map[string]any) { m["response"].(map[string]any)["userHandle"] = "AAAA" }
	})
}

func backupFlagsAtRegistration(t *testing.T, _ peer) {
	refusedRegistration(t, webauthn.CheckBackupFlags, webauthn.ES256, func(f *webauthntest.Forge) {
		f.Flags = func(b byte) byte { return b&^webauthntest.FlagBE | webauthntest.FlagBS }
	})
}

func recordStays(t *testing.T, p peer) {
	f := newFixture(t, p, webauthn.ES256, "")
	a := f.clone("record")
	a.UserVerified, a.BackupState = false, false
	before := f.ours
	result, err := assertion(t, get(t, a), &f.ours)
	if err != nil || result.UserVerified || result.BackupState {
		t.Fatalf("%+v, %v", result, err)
	}
	if f.ours.UVInitialized != before.UVInitialized || f.ours.BackupEligible != before.BackupEligible || f.ours.BackupState != before.BackupState {
		t.Errorf("the record was changed: %+v", f.ours)
	}
}

func relyingPartyOfCeremony(t *testing.T, p peer) {
	f := newFixture(t, p, webauthn.ES256, "")
	r, err := webauthn.ParseAssertion(get(t, f.clone("party")))
	if err != nil {
		t.Fatal(err)
	}
	rp := webauthn.RelyingParty{ID: "login.example.com", Origins: []string{origin}}
	_, err = webauthn.VerifyAssertion(r, &f.ours, webauthn.AssertionWant{RelyingParty: rp, Challenge: challenge, UserID: userHandle})
	if checkOf(err) != webauthn.CheckRPIDHash {
		t.Errorf("a response for %s fits the ceremony of %s: %v", rpID, rp.ID, err)
	}
}
