// Package mail owns what people read in their mailboxes and how it gets there:
// the sentences of each kind of mail in five languages, and their way to an
// SMTP server. It never decides who gets a mail or when, and keeps nothing: the
// outbox is the store's, see mapae.Auth.Deliver.
//
//	mailer, err := mail.New(mail.Config{
//		Server:   "smtp.example.com:587",
//		From:     "Example <no-reply@example.com>",
//		Username: "example", Password: password,
//	})
//	auth, err := mapae.New(mapae.Config{Mailer: mailer, …})
//
// On somebody's own machine an Outbox takes the place of a server: it shows on
// a page what would have been sent.
package mail
