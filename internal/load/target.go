package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"
)

// ErrElsewhere is the error of a target that is not this machine.
var ErrElsewhere = errors.New("not on this machine")

// Target is a server under load: where it is, and what it is called.
type Target struct {
	Origin    string           // scheme, host and port, as the server knows itself
	Addresses []netip.AddrPort // that its host stands for
	host      string
	https     bool
}

// FindTarget looks up who an origin is: "http://localhost:8080". ErrElsewhere:
// an address of it is not a loopback address, and anywhere is false.
func FindTarget(ctx context.Context, origin string, anywhere bool) (*Target, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Scheme+"://"+u.Host != origin {
		return nil, fmt.Errorf("%q is not an origin, such as http://localhost:8080", origin)
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if u.Port() != "" {
		port = u.Port()
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return nil, err
	}
	t := &Target{Origin: origin, host: u.Host, https: u.Scheme == "https"}
	for _, ip := range ips {
		if !ip.Unmap().IsLoopback() && !anywhere {
			return nil, fmt.Errorf("%s is %s: %w", u.Hostname(), ip.Unmap(), ErrElsewhere)
		}
		t.Addresses = append(t.Addresses, netip.AddrPortFrom(ip.Unmap(), uint16(number)))
	}
	return t, nil
}

// dialTimeout bounds the making of a connection.
const dialTimeout = 5 * time.Second

// dial connects to the first address that answers: to those that were looked
// up, whatever the name stands for by now.
func (t *Target) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var all error
	for _, address := range t.Addresses {
		tcp, err := new(net.Dialer).DialContext(ctx, "tcp", address.String())
		if err != nil {
			all = errors.Join(all, err)
			continue
		}
		if !t.https {
			return tcp, nil
		}
		name, _, err := net.SplitHostPort(t.host)
		if err != nil {
			name = t.host
		}
		secure := tls.Client(tcp, &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, tcp.Close())
		}
		return secure, nil
	}
	return nil, all
}
