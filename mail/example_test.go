package mail_test

import (
	"context"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/mail"
)

// deliver is a program that sends its mail by SMTP.
func deliver(ctx context.Context, store mapae.Store, secrets []mapae.RootKey, site mapae.RelyingParty, password string) error {
	mailer, err := mail.New(mail.Config{Server: "smtp.example.com:587", Username: "mapae", Password: password, From: "Example <no-reply@example.com>"})
	if err != nil {
		return err
	}
	auth, err := mapae.New(mapae.Config{Store: store, Secrets: secrets, RP: site, Mailer: mailer, PagesURL: "https://example.com/auth",
		Methods: []mapae.Method{mapae.Passkey{}, mapae.EmailCode{}}})
	if err != nil {
		return err
	}
	for range time.Tick(time.Second) { // on a goroutine of your own, until ctx ends
		if _, err := auth.Deliver(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Example_deliver is here so that the program above is compiled and vetted: it
// needs a server of yours to run.
func Example_deliver() {
	_ = deliver
	// Output:
}
