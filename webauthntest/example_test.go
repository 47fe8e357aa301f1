package webauthntest_test

import (
	"encoding/json"
	"fmt"

	"github.com/mapae/mapae/webauthntest"
)

// A person makes a passkey and signs in with it. In a test of yours the options
// come from your server, and the responses go back to it.
func Example() {
	phone := webauthntest.New("https://example.com")

	_, err := phone.Create([]byte(`{
		"rp": {"id": "example.com", "name": "Example"},
		"user": {"id": "YW5u", "name": "ann@example.com", "displayName": "Ann"},
		"challenge": "AAAAAAAAAAAAAAAAAAAAAA",
		"pubKeyCredParams": [{"type": "public-key", "alg": -7}]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}

	body, err := phone.Get([]byte(`{"rpId": "example.com", "challenge": "AQEBAQEBAQEBAQEBAQEBAQ"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	var response struct {
		Type     string
		Response struct{ UserHandle string }
	}
	if err := json.Unmarshal(body, &response); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(response.Type, response.Response.UserHandle)
	// Output: public-key YW5u
}

// A response that tells another origin, as one relayed from a page of an
// attacker would: your server must refuse it.
func ExampleForge() {
	phone := webauthntest.New("https://example.com")
	phone.Forge.Origin = "https://examp1e.com"
	phone.Forge.ClientData = func(b []byte) []byte {
		fmt.Println(string(b))
		return b
	}

	_, err := phone.Create([]byte(`{
		"rp": {"id": "example.com", "name": "Example"},
		"user": {"id": "YW5u", "name": "ann@example.com", "displayName": "Ann"},
		"challenge": "AAAAAAAAAAAAAAAAAAAAAA",
		"pubKeyCredParams": [{"type": "public-key", "alg": -7}]
	}`))
	fmt.Println(err)
	// Output:
	// {"type":"webauthn.create","challenge":"AAAAAAAAAAAAAAAAAAAAAA","origin":"https://examp1e.com","crossOrigin":false}
	// <nil>
}

// A key that attests its model by a certificate: your server, if it asks for
// attestation, must accept it where it trusts ca.Root, and only there.
func ExampleCA() {
	ca, err := webauthntest.NewCA("a seed")
	if err != nil {
		fmt.Println(err)
		return
	}
	key := webauthntest.NewPlatformBound("https://example.com")
	key.CA, key.Attestation = ca, webauthntest.AttestationTPM
	key.Forge.Statement = func(members map[string]any) { // or look at it, or spoil it
		fmt.Println(members["ver"], len(members["x5c"].([][]byte)), "certificates")
	}

	_, err = key.Create([]byte(`{
		"rp": {"id": "example.com", "name": "Example"},
		"user": {"id": "YW5u", "name": "ann@example.com", "displayName": "Ann"},
		"challenge": "AAAAAAAAAAAAAAAAAAAAAA",
		"pubKeyCredParams": [{"type": "public-key", "alg": -7}],
		"attestation": "direct"
	}`))
	fmt.Println(err)
	// Output:
	// 2.0 2 certificates
	// <nil>
}
