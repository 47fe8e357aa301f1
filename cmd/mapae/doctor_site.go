package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/web"
)

// How long one question may take, and how far clocks may be apart: a code of an
// authenticator app is good for half a minute; nodes bear three minutes.
const (
	askTimeout   = 5 * time.Second
	clockNoticed = 30 * time.Second
	clockBroken  = 3 * time.Minute
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// visitor asks the site as a browser on this machine would, but follows no
// redirect.
func (c *doctorCommand) visitor() *http.Client {
	dialer := &net.Dialer{Timeout: askTimeout}
	return &http.Client{
		Timeout:       askTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, or(c.ConnectTo[address], address))
		}},
	}
}

// response is an answer that was read.
type response struct {
	*http.Response
	body     []byte
	from, to time.Time // when it was asked for, and when it was there
}

// isJSON reports whether the answer says that it is JSON, and is.
func (r *response) isJSON() bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") && json.Valid(r.body)
}

// kind says what an answer is, in few words.
func (r *response) kind() string {
	return fmt.Sprintf("status %d, %s", r.StatusCode, or(r.Header.Get("Content-Type"), "no content type"))
}

func (c *doctorCommand) ask(ctx context.Context, url, inquiry string) (*response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if inquiry != "" {
		req.Header.Set("Mapae-Inquiry", inquiry)
	}
	client := c.visitor()
	defer client.CloseIdleConnections()
	r := &response{from: time.Now()}
	if r.Response, err = client.Do(req); err != nil {
		return nil, err
	}
	defer r.Body.Close()
	r.body, err = io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	r.to = time.Now()
	return r, err
}

// inquiry is what the server answers with how requests arrive; empty: the keys
// are not there.
func (c *doctorCommand) inquiry(keys []mapae.RootKey) (string, error) {
	if keys == nil {
		return "", nil
	}
	cfg, err := c.domain()
	if err != nil {
		return "", err
	}
	cfg.Store, cfg.Secrets = noStore{}, keys
	auth, err := mapae.New(cfg)
	if err != nil {
		return "", err
	}
	return auth.SealInquiry()
}

// examineSite asks the site at each of its origins, as browsers reach it.
func (c *doctorCommand) examineSite(ctx context.Context, keys []mapae.RootKey) (all []mapae.Finding) {
	inquiry, err := c.inquiry(keys)
	if err != nil {
		return []mapae.Finding{problem("site", "", "%v", err)}
	}
	for _, text := range slices.Concat(c.Origin, c.RelatedOrigin) {
		at, err := url.Parse(text)
		if err != nil || !strings.HasPrefix(at.Scheme, "http") {
			continue // an app's
		}
		all = append(all, c.examineOrigin(ctx, at, inquiry)...)
		if at.Scheme == "https" && at.Port() == "" {
			all = append(all, c.examineHTTP(ctx, at)...)
		}
	}
	return all
}

func (c *doctorCommand) examineOrigin(ctx context.Context, at *url.URL, inquiry string) []mapae.Finding {
	r, err := c.ask(ctx, at.String()+"/healthz", inquiry)
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return []mapae.Finding{problem("site", "give the proxy, or --tls-cert, a certificate for "+at.Hostname()+" that browsers trust, with all of its chain", "%v", err)}
	case err != nil:
		return []mapae.Finding{warning("site", "start the server, and its proxy; where the name does not lead to it from here, say where it is: --connect-to", "%v", err)}
	}
	all := examineClock(at, r)
	var arrival web.Arrival
	switch {
	case r.StatusCode == http.StatusOK && r.isJSON() && json.Unmarshal(r.body, &arrival) == nil && arrival.Peer != "":
		return append(all, c.examineArrival(at, &arrival)...)
	case r.StatusCode == http.StatusOK && string(r.body) == "ok\n":
		return append(all, warning("site", "run the doctor with the key file of the server, and the same version", "%s serves, but does not know this key file: how requests reach it was not examined", at))
	}
	return append(all, problem("site", "point the proxy of "+at.String()+" at the server, which listens on "+c.address(&c.siteSettings), "at %s/healthz something else answers: %s", at, r.kind()))
}

// examineArrival compares what the server was told of the request with what
// was asked for.
func (c *doctorCommand) examineArrival(at *url.URL, a *web.Arrival) []mapae.Finding {
	var all []mapae.Finding
	host, scheme := or(a.ForwardedHost, a.Host), or(a.ForwardedProto, at.Scheme)
	if said := scheme + "://" + host; strings.TrimSuffix(said, ":443") != at.String() || !strings.EqualFold(strings.TrimSuffix(a.Host, ":443"), at.Host) {
		all = append(all, problem("base url", "let the proxy pass on what it was asked (nginx: proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme), or give as --origin what browsers show",
			"the settings say %s, and the proxy says %s, of host %s", at, said, a.Host))
	}
	all = append(all, examineForwarded(at, a)...)
	theirs := slices.DeleteFunc(prefixes(a.TrustedProxies), func(p netip.Prefix) bool { return slices.Contains(c.TrustedProxy, p) })
	if all = append(all, examineTrust(theirs)...); len(all) == 0 {
		return []mapae.Finding{well("site", "%s reaches the server, which is asked from %s", at, sender(a.Peer))}
	}
	return all
}

// sender is the address of who asked, without the port, which is another each
// time.
func sender(peer string) string {
	if p, err := netip.ParseAddrPort(peer); err == nil {
		return p.Addr().Unmap().String()
	}
	return peer // a Unix socket has none
}

// examineForwarded looks at what the proxy says of whom it asks for.
func examineForwarded(at *url.URL, a *web.Arrival) []mapae.Finding {
	peer, _ := netip.ParseAddrPort(a.Peer) // a Unix socket has none, and is in no network
	address := peer.Addr().Unmap()
	trusted := slices.ContainsFunc(prefixes(a.TrustedProxies), func(p netip.Prefix) bool { return p.Contains(address) })
	switch {
	case len(a.ForwardedFor) > 0 && !trusted:
		return []mapae.Finding{problem("forwarded headers", "start the server with --trusted-proxy "+netip.PrefixFrom(address, address.BitLen()).String(),
			"the proxy at %s says for whom it asks, and is not trusted: all visitors count as one address, and share its limits", address)}
	case len(a.ForwardedFor) == 0 && at.Scheme == "https" && !a.TLS:
		return []mapae.Finding{warning("forwarded headers", "let the proxy say for whom it asks (nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for)",
			"the proxy at %s does not say for whom it asks: all visitors count as one address, and share its limits", address)}
	}
	return nil
}

func prefixes(texts []string) (all []netip.Prefix) {
	for _, text := range texts {
		if p, err := netip.ParsePrefix(text); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// examineClock compares this machine's clock with the one that answered.
func examineClock(at *url.URL, r *response) []mapae.Finding {
	said, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		return nil
	}
	// Date has whole seconds: it is up to one older than the answer.
	off := max(r.from.Sub(said.Add(time.Second)), said.Sub(r.to), 0).Round(time.Second)
	const cure = "let both machines keep their clocks by NTP (timedatectl set-ntp true)"
	switch {
	case off > clockBroken:
		return []mapae.Finding{problem("clock", cure, "the clocks of this machine and of %s are %v apart: sign-ins that begin on one node are refused on another", at, off)}
	case off > clockNoticed:
		return []mapae.Finding{warning("clock", cure, "the clocks of this machine and of %s are %v apart: codes of authenticator apps may be refused", at, off)}
	}
	return []mapae.Finding{well("clock", "this machine and %s agree", at)}
}

// examineHTTP looks at what a browser gets that comes by http: it must be sent
// to https, where its cookies are kept.
func (c *doctorCommand) examineHTTP(ctx context.Context, at *url.URL) []mapae.Finding {
	plain := "http://" + at.Host
	r, err := c.ask(ctx, plain+"/api/auth/passkey/options", "")
	if err != nil {
		return nil // nobody is served there
	}
	if slices.ContainsFunc(r.Cookies(), func(c *http.Cookie) bool { return c.Secure }) {
		return []mapae.Finding{problem("http cookie", "let the proxy send "+plain+" to "+at.String()+" (nginx: return 308 https://$host$request_uri)",
			"%s serves sign-in too, and browsers drop its cookies there: whoever comes that way can't sign in", plain)}
	}
	return []mapae.Finding{well("http cookie", "%s serves no sign-in", plain)}
}
