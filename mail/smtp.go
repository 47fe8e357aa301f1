package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/mapae/mapae"
)

// Send writes m and hands it to the server, over a connection of its own that
// is closed when ctx ends. It returns nil from the moment on at which the
// server has accepted the mail, whatever becomes of the connection.
//
// An error wraps mapae.ErrUndeliverable where the mail can't be written, and
// where the server refuses the recipient or the mail itself for good (a 5xx
// answer to RCPT or DATA, RFC 5321 §4.2.1). What it refuses of us, such as the
// password or the sender, an operator can repair: that is worth another try.
func (s *Mailer) Send(ctx context.Context, m mapae.Message) error {
	msg, err := s.compose(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	client, hangUp, err := s.line(ctx)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	defer hangUp()
	if err := client.DialWithContext(ctx); err != nil {
		return fmt.Errorf("mail: reach %s: %w", s.cfg.Server, err)
	}
	err = client.Send(msg)
	if msg.IsDelivered() {
		return nil // the server has the mail; nobody waits for its good-bye
	}
	if err == nil {
		err = errors.New("it was not taken")
	}
	if forGood(err) {
		return fmt.Errorf("mail: %w: %w", mapae.ErrUndeliverable, err)
	}
	return fmt.Errorf("mail: %w", errors.Join(err, ctx.Err()))
}

// Check reaches the server as Send does, gives name and password, says who mail
// would be from, and goes. It returns nil where the server took all of that;
// no mail is sent.
func (s *Mailer) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	client, hangUp, err := s.line(ctx)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	defer hangUp()
	conversation, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("mail: reach %s: %w", s.cfg.Server, err)
	}
	if err := conversation.Mail(s.from.Address); err != nil {
		return fmt.Errorf("mail: %s refuses mail from %s: %w", s.cfg.Server, s.from.Address, err)
	}
	_ = conversation.Quit() // it has said all that was asked
	return nil
}

// line is a client whose one connection is closed by hangUp, and when ctx ends.
func (s *Mailer) line(ctx context.Context) (client *gomail.Client, hangUp func(), err error) {
	hang := func() {}
	client, err = s.client(func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := s.dial(dialing, network, address)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		hang = func() { stop(); _ = conn.Close() }
		return conn, nil
	})
	return client, func() { hang() }, err
}

// dial opens a connection, with TLS where it is implicit.
func (s *Mailer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.cfg.TLS == TLSImplicit {
		return (&tls.Dialer{Config: s.tlsConfig()}).DialContext(ctx, network, address)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// forGood reports whether err is the server's last word about this mail.
func forGood(err error) bool {
	var refused *gomail.SendError
	if !errors.As(err, &refused) || refused.ErrorCode() < 500 || refused.ErrorCode() > 599 {
		return false
	}
	const authenticationRequired = 530 // RFC 4954 §6
	switch refused.Reason {
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		return refused.ErrorCode() != authenticationRequired
	}
	return false
}

// client is used for one mail.
func (s *Mailer) client(dial gomail.DialContextFunc) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(s.cfg.Timeout), gomail.WithTLSConfig(s.tlsConfig()),
		gomail.WithDialContextFunc(dial), gomail.WithHELO(domainOf(s.from.Address)), gomail.WithoutNoop(),
	}
	switch s.cfg.TLS {
	case TLSStart:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case TLSImplicit:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithSSL())
	case TLSNone:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.cfg.Username != "" {
		options = append(options, gomail.WithUsername(s.cfg.Username), gomail.WithPassword(s.cfg.Password), gomail.WithOpportunisticSMTPAuth(
			gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5))
	}
	return gomail.NewClient(s.host, options...)
}

func (s *Mailer) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: s.cfg.RootCAs, MinVersion: tls.VersionTLS12}
}

// compose writes m as a message with a text and an HTML part.
func (s *Mailer) compose(m mapae.Message) (*gomail.Msg, error) {
	if err := checkAddress(m.To); err != nil {
		return nil, fmt.Errorf("mail: %w: %w", mapae.ErrUndeliverable, err)
	}
	letter, err := s.cfg.Templates.Write(m)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.To(m.To); err != nil {
		return nil, fmt.Errorf("mail: %w: %w", mapae.ErrUndeliverable, err)
	}
	msg.FromMailAddress(s.from)
	msg.Subject(letter.Subject)
	msg.SetDateWithValue(m.At)
	msg.SetMessageIDWithValue(m.ID.String() + "@" + domainOf(s.from.Address)) // the same at each attempt
	msg.SetGenHeader(gomail.HeaderContentLang, letter.Lang)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5
	msg.SetBodyString(gomail.TypeTextPlain, letter.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, letter.HTML)
	return msg, nil
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }
