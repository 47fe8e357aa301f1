package main

import (
	"context"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/mail"
)

// examineMail talks to the mail server, where there is one, and sends nothing.
func (c *doctorCommand) examineMail(ctx context.Context) []mapae.Finding {
	mailer, err := c.mailer(c.development())
	by, ok := mailer.(*mail.Mailer)
	if err != nil || !ok {
		return nil // what is wrong with the settings is found there
	}
	if err := by.Check(ctx); err != nil {
		return []mapae.Finding{problem("mail server", "see that --smtp-server, --smtp-tls, --smtp-username, its password and --mail-from are what the mail server expects, and that this machine may reach it", "%v", err)}
	}
	return []mapae.Finding{well("mail server", "%s takes mail from %s", c.SMTPServer, c.MailFrom)}
}
