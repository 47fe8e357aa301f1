package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/mapae/mapae"
)

// exchange is what the site knows about one request while it answers it, and
// the request's context.
type exchange struct {
	context.Context

	id        string // of the request: 32 hexadecimal digits, made here
	route     string // pattern, empty: none matched
	origin    *origin
	client    mapae.Client
	clientErr error // why the request is neither a browser's nor an app's
	cookies   []*http.Cookie
	bearer    string
	ticket    string                                 // that the gate let in by, or beside a session; the flow opens it
	current   *mapae.Current                         // once a session was looked for and found
	visit     bool                                   // the route is answered with pages, although it is below /api/
	err       error                                  // what was answered with, for the log
	again     func(w http.ResponseWriter, p problem) // draws a form's page once more, with what went wrong; nil: the error page
	fault     fault                                  // what that page says beside a field
}

type exchangeKey struct{}

// Value finds the exchange in its own context and in those that come of it.
func (ex *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return ex
	}
	return ex.Context.Value(key)
}

// String says what it is and nothing of what it knows: whoever prints a context
// would print tokens.
func (ex *exchange) String() string { return "web.exchange" }

// GoString is String.
func (ex *exchange) GoString() string { return ex.String() }

// on returns the exchange of r.
func on(r *http.Request) *exchange { return fromContext(r.Context()) }

func fromContext(ctx context.Context) *exchange {
	ex, _ := ctx.Value(exchangeKey{}).(*exchange)
	return ex
}

// newExchange reads who asks. Nothing in it comes from a header that the
// configuration does not allow to say so.
func (s *Site) newExchange(r *http.Request) *exchange {
	ex := &exchange{Context: r.Context(), id: requestID(), origin: s.originOf(r), cookies: r.Cookies()}
	ex.client = mapae.Client{RequestID: ex.id, UserAgent: r.UserAgent(), Address: s.address(r)}
	ex.client.App, ex.bearer, ex.clientErr = readApp(r)
	if ex.origin != nil && !ex.client.App {
		ex.client.Bindings, ex.client.Device = ex.marked(bindingMark), ex.cookie(deviceMark)
	}
	return ex
}

func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// clientHeader says what kind of client asks; its only value is "app".
const clientHeader = "Mapae-Client"

// readApp reports whether an app asks, and its bearer token if it has one. An
// app's request with headers that only browsers send is refused: a page must
// not be able to get a token that scripts can read.
func readApp(r *http.Request) (app bool, bearer string, err error) {
	kinds, credentials := r.Header.Values(clientHeader), r.Header.Values("Authorization")
	if len(kinds) > 1 || len(kinds) == 1 && kinds[0] != "app" {
		return true, "", badRequest(clientHeader, "the only value is app")
	}
	if len(credentials) > 1 {
		return true, "", badRequest("Authorization", "more than one")
	}
	app = len(kinds) == 1
	if len(credentials) == 1 {
		scheme, token, _ := strings.Cut(credentials[0], " ")
		if strings.EqualFold(scheme, "Bearer") {
			app, bearer = true, token
		}
	}
	if !app {
		return false, "", nil
	}
	for name := range r.Header {
		if name == "Origin" || strings.HasPrefix(name, "Sec-Fetch-") {
			return true, "", badRequest(name, "an app's request carries what only browsers send")
		}
	}
	return true, bearer, nil
}

// badRequest returns a CodeBadRequest that names the header or member at fault.
func badRequest(field, why string) error {
	return &mapae.Error{Code: mapae.CodeBadRequest, Field: field, Flaw: mapae.FlawMalformed, Err: errors.New(why)}
}

// address is the client's IP address: the peer's, or, where the peer is a
// trusted proxy, the nearest address in X-Forwarded-For that is not one. Empty:
// the peer has none.
func (s *Site) address(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "" // a Unix socket
	}
	at := peer.Addr().Unmap()
	hops := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	for hops != "" && s.trusts(at) {
		comma := strings.LastIndexByte(hops, ',')
		next, err := netip.ParseAddr(strings.TrimSpace(hops[comma+1:]))
		if err != nil {
			break
		}
		at, hops = next.Unmap(), hops[:max(comma, 0)]
	}
	return at.WithZone("").String()
}

func (s *Site) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}
