package mail

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"
)

// TLS is how the connection to the server is protected.
type TLS string

const (
	TLSStart    TLS = ""         // STARTTLS, demanded: a server without it gets no mail (RFC 3207)
	TLSImplicit TLS = "implicit" // TLS from the first byte, usually port 465 (RFC 8314)
	TLSNone     TLS = "none"     // none at all, to a server on this machine only
)

// Config says where mail goes. Server and From have no default; the zero value
// of every other member is a good choice.
type Config struct {
	Server string // host:port of the SMTP server that takes mail for everybody
	TLS    TLS
	// Username and Password are for the server, over TLS or to this machine
	// only. Both or neither.
	Username, Password string
	// From is who the mail is from: "Example <no-reply@example.com>", or a bare
	// address. The domain of the address is that of message IDs.
	From string
	// Templates is what the mail says; nil: as shipped.
	Templates *Templates
	// Timeout is how long sending one mail may take. Zero: 20 seconds.
	Timeout time.Duration
	// RootCAs is who vouches for the server's certificate; nil: whom the system
	// trusts.
	RootCAs *x509.CertPool
}

// Mailer sends mail to an SMTP server; it is a mapae.Mailer. New makes one.
type Mailer struct {
	cfg  Config
	host string
	port int
	from *mail.Address
}

// maxAddress bounds addresses, in bytes (RFC 5321 §4.5.3.1.3).
const maxAddress = 254

// New checks the configuration, and returns an error that names every mistake.
// It does not connect: a server that is down is no reason not to start.
func New(cfg Config) (*Mailer, error) {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	m := &Mailer{cfg: cfg}
	if m.cfg.Timeout == 0 {
		m.cfg.Timeout = 20 * time.Second
	}
	var err error
	if m.host, m.port, err = splitServer(cfg.Server); err != nil {
		wrong = append(wrong, err)
	}
	if m.from, err = mail.ParseAddress(cfg.From); err != nil || checkAddress(m.from.Address) != nil || hasControl(m.from.Name) {
		bad("From %q is no address: write it as \"Example <no-reply@example.com>\"", cfg.From)
	}
	switch cfg.TLS {
	case TLSStart, TLSImplicit:
	case TLSNone:
		if !loopback(m.host) {
			bad("TLS is %q, and the server %q is not this machine: codes and links would cross the network in the clear", cfg.TLS, cfg.Server)
		}
	default:
		bad("TLS is %q: it is empty (STARTTLS), %q or %q", cfg.TLS, TLSImplicit, TLSNone)
	}
	if (cfg.Username == "") != (cfg.Password == "") {
		bad("Username and Password: both or neither")
	}
	if cfg.Timeout < 0 {
		bad("Timeout %v: it may not be negative", cfg.Timeout)
	}
	if m.cfg.Templates == nil {
		if m.cfg.Templates, err = NewTemplates(nil); err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("mail: configuration: %w", errors.Join(wrong...))
	}
	return m, nil
}

func splitServer(server string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(server)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || host == "" || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("Server %q is not host:port, such as smtp.example.com:587", server)
	}
	return host, port, nil
}

// loopback reports whether host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkAddress refuses what is not one bare address of at most 254 bytes,
// without anything that could end a line of SMTP or of a header.
func checkAddress(address string) error {
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Name != "" || parsed.Address != address || len(address) > maxAddress || hasControl(address) || strings.ContainsAny(address, "<>") {
		return errors.New("not an e-mail address")
	}
	return nil
}

func hasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}
