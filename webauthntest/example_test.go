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

// A page of an attacker, whose browser tells the truth: your server must refuse.
func ExampleForge() {
	victim := webauthntest.New("https://example.com")
	victim.Forge.Origin = "https://examp1e.com"

	_, err := victim.Get([]byte(`{"rpId": "example.com", "challenge": "AQEBAQEBAQEBAQEBAQEBAQ"}`))
	fmt.Println(err)
	// Output: webauthntest: NotAllowedError: no credential for example.com
}
