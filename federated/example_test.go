package federated_test

import (
	"fmt"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/federated"
)

// methods are passkeys, and Google beside them.
func methods(id, secret string) ([]mapae.Method, error) {
	google, err := federated.Google{ClientID: id, ClientSecret: secret}.Provider()
	if err != nil {
		return nil, err
	}
	methods := []mapae.Method{mapae.Passkey{}, mapae.Federated{google}}
	return methods, nil
}

func ExampleGoogle() {
	offered, err := methods("0123456789-example.apps.googleusercontent.com", "the secret")
	for _, m := range offered {
		fmt.Println(m.Name())
	}
	fmt.Println(err)
	// Output:
	// passkey
	// federated
	// <nil>
}
