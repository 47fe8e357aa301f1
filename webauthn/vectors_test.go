package webauthn_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mapae/mapae/webauthn"
)

// dataFile returns a file of the data that is not committed: below $MAPAE_DATA,
// by default beside the repository. Without it the test is skipped, but fails
// where CI is set.
func dataFile(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("MAPAE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err == nil {
		return b
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%v: set MAPAE_DATA to the directory that holds it", err)
	}
	t.Skipf("%v: set MAPAE_DATA to the directory that holds it", err)
	return nil
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type w3cVectors struct {
	RPID      string `json:"rpId"`
	Origin    string `json:"origin"`
	TopOrigin string `json:"topOrigin"`
	Vectors   []struct {
		Name         string   `json:"name"`
		AAGUID       hexBytes `json:"aaguid"`
		CredentialID hexBytes `json:"credential_id"`
		Registration struct {
			Challenge         hexBytes `json:"challenge"`
			ClientDataJSON    hexBytes `json:"clientDataJSON"`
			AttestationObject hexBytes `json:"attestationObject"`
		} `json:"registration"`
		Authentication struct {
			Challenge         hexBytes `json:"challenge"`
			ClientDataJSON    hexBytes `json:"clientDataJSON"`
			AuthenticatorData hexBytes `json:"authenticatorData"`
			Signature         hexBytes `json:"signature"`
		} `json:"authentication"`
	} `json:"vectors"`
}

// refusedVectors are those that this package refuses without a verifier of
// further formats, and why.
var refusedVectors = map[string]webauthn.Check{
	"packed-es256":      webauthn.CheckAttestation,
	"packed-es384":      webauthn.CheckAttestation,
	"packed-es512":      webauthn.CheckAttestation,
	"packed-rs256":      webauthn.CheckAttestation,
	"packed-eddsa":      webauthn.CheckAttestation,
	"packed-ed448":      webauthn.CheckAlgorithm,
	"tpm-es256":         webauthn.CheckAttestation,
	"android-key-es256": webauthn.CheckAttestation,
	"apple-es256":       webauthn.CheckAttestation,
	"fido-u2f-es256":    webauthn.CheckAttestation,
}

// trusting takes statements of formats that this package does not verify.
type trusting struct{}

func (trusting) VerifyAttestation(*webauthn.AttestationStatement) (string, error) {
	return "unverified", nil
}

func TestW3CVectors(t *testing.T) {
	t.Parallel()
	var data w3cVectors
	if err := json.Unmarshal(dataFile(t, "vectors/w3c-level3.json"), &data); err != nil {
		t.Fatal(err)
	}
	if len(data.Vectors) != 15 {
		t.Fatalf("%d vectors, want 15", len(data.Vectors))
	}
	t.Logf("proven: %d", len(data.Vectors))
	party := webauthn.RelyingParty{ID: data.RPID, Origins: []string{data.Origin}, CrossOrigin: true, TopOrigins: []string{data.TopOrigin}}
	for _, v := range data.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			r := &webauthn.RegistrationResponse{
				ID: v.CredentialID, ClientDataJSON: v.Registration.ClientDataJSON, AttestationObject: v.Registration.AttestationObject,
			}
			want := webauthn.RegistrationWant{RelyingParty: party, Challenge: v.Registration.Challenge, Algorithms: every}
			result, err := webauthn.VerifyRegistration(r, want)
			wantCheck(t, err, refusedVectors[v.Name])
			if checkOf(t, err) == webauthn.CheckAttestation {
				// The statement alone is refused; the rest of the ceremony is right.
				want.Attestation = trusting{}
				result, err = webauthn.VerifyRegistration(r, want)
			}
			if err != nil {
				return
			}
			if got := strings.ReplaceAll(result.Credential.AAGUID.String(), "-", ""); got != hex.EncodeToString(v.AAGUID) {
				t.Errorf("AAGUID = %s, want %x", got, v.AAGUID)
			}
			a := &webauthn.AssertionResponse{
				ID: v.CredentialID, ClientDataJSON: v.Authentication.ClientDataJSON,
				AuthenticatorData: v.Authentication.AuthenticatorData, Signature: v.Authentication.Signature,
			}
			_, err = webauthn.VerifyAssertion(a, &result.Credential, webauthn.AssertionWant{
				RelyingParty: party, Challenge: v.Authentication.Challenge, Identified: true,
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestW3CVectorsOfFramesAreRefusedWithoutConsent(t *testing.T) {
	t.Parallel()
	var data w3cVectors
	if err := json.Unmarshal(dataFile(t, "vectors/w3c-level3.json"), &data); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, v := range data.Vectors {
		party := webauthn.RelyingParty{ID: data.RPID, Origins: []string{data.Origin}}
		check := webauthn.CheckCrossOrigin
		switch v.Name {
		case "none-es256-crossOrigin":
		case "none-es256-topOrigin":
			party.CrossOrigin, check = true, webauthn.CheckTopOrigin
		default:
			continue
		}
		seen++
		_, err := webauthn.VerifyRegistration(&webauthn.RegistrationResponse{
			ID: v.CredentialID, ClientDataJSON: v.Registration.ClientDataJSON, AttestationObject: v.Registration.AttestationObject,
		}, webauthn.RegistrationWant{RelyingParty: party, Challenge: v.Registration.Challenge})
		wantCheck(t, err, check)
	}
	if seen != 2 {
		t.Errorf("found %d of the two vectors", seen)
	}
}
