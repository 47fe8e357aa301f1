package client_test

import (
	"context"

	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

// One call signs up, another signs in; the passkey is made of software.
func Example() {
	ctx := context.Background()
	person := client.New("http://localhost:8080/auth", webauthntest.New("http://localhost:8080"))
	_, err := person.SignUp(ctx, "kim@example.com", "Kim")
	if err != nil {
		return // nobody listens there
	}
	_, _ = person.SignIn(ctx)
}
