package mapae

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mapae/mapae/webauthn"
)

// Config is all that Mapae needs to know. Store, Secrets, RP and Methods have
// no default; the zero value of every other member is a good choice.
type Config struct {
	Store   Store
	Secrets []RootKey // root keys, newest first; LoadKeys reads them from a file
	RP      RelyingParty
	Methods []Method // in the order in which people are offered them

	SignUp SignUpPolicy
	// SignUpDomains limits open sign-up to addresses at these domains, each as
	// it stands behind the @, in lower case; subdomains are others. Whoever has
	// an invitation may have any address. It needs Mailer. Empty: any domain.
	SignUpDomains []string
	SecondFactor  SecondFactorPolicy
	Sessions      SessionPolicy

	// PagesURL is where people find the pages of package web: one of the origins
	// and the path that the pages are mounted at, such as
	// "https://example.com/auth". Links in mails, and those that an operator
	// issues, start with it; web.New refuses another path than its own where
	// there is a Mailer. Empty: the first of RP.Origins that is a site's.
	PagesURL string

	// RecoveryDelay is how long a recovery with one proof waits for an account
	// that has two factors, so that its owner can cancel it. Zero: 72 hours.
	RecoveryDelay time.Duration

	// FreshFor is how long after an authentication a session may change what
	// its user signs in with. Zero: 10 minutes.
	FreshFor time.Duration
	// KeepEvents is how long Sweep leaves events. Zero: 400 days.
	KeepEvents time.Duration

	// Mailer sends what Deliver takes out of the outbox: codes, links, notices.
	// Nil: no mail is written.
	Mailer Mailer

	// Notify is told of each event after it was committed. It is best effort:
	// it runs on the request's goroutine and must not block.
	Notify func(context.Context, Event)

	Clock func() time.Time // nil: time.Now
	Rand  io.Reader        // nil: crypto/rand.Reader
}

// RelyingParty is the site that passkeys are made for.
type RelyingParty struct {
	// ID is the RP ID: a domain name without scheme and port. Every origin's
	// host is the ID or ends in a dot and the ID. Passkeys are bound to it for
	// good.
	ID string
	// Name is shown by browsers when a passkey is made. Empty: the ID.
	Name string
	// Origins are compared whole: "https://example.com", never with a path;
	// http only for localhost. Android apps are "android:apk-key-hash:…".
	Origins []string
	// RelatedOrigins are origins on other domains, https only, whose pages use
	// the same passkeys (Level 3 §5.11). Browsers ask https://ID/.well-known/webauthn
	// whether that is so; package web answers. Clients support at least five
	// different names before the public suffix, and some no more.
	RelatedOrigins []string
}

// AllOrigins returns Origins and RelatedOrigins.
func (rp RelyingParty) AllOrigins() []string { return slices.Concat(rp.Origins, rp.RelatedOrigins) }

// SignUpPolicy says who may make an account.
type SignUpPolicy string

const (
	SignUpOpen    SignUpPolicy = ""        // anyone
	SignUpInvited SignUpPolicy = "invited" // whoever has an invitation, see Auth.Invite
	SignUpClosed  SignUpPolicy = "closed"  // nobody
)

// SessionPolicy says how long sessions live. Both ends are enforced.
type SessionPolicy struct {
	Idle     time.Duration // after the last use; zero: 14 days
	Absolute time.Duration // after sign-in, whatever happens; zero: 30 days
}

// Auth is sign-in: every flow is a method of it. It is safe for concurrent use
// and starts no goroutine.
type Auth struct {
	cfg       Config
	passkey   Passkey
	password  Password
	totp      TOTP
	federated Federated
	gate      gate
	models    map[webauthn.AAGUID]Model
	rp        webauthn.RelyingParty
	store     Store
	ring      atomic.Pointer[keyring]
}

// keyCheckTimeout bounds New's one look at the store.
const keyCheckTimeout = 10 * time.Second

// New checks the configuration and the root keys against the store, and
// returns an error that names every mistake. The store lists the root key that
// seals; a later New that lacks a listed key is refused.
func New(cfg Config) (*Auth, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("mapae: configuration: %w", err)
	}
	ring, err := newKeyring(cfg.Rand, cfg.Secrets)
	if err != nil {
		return nil, fmt.Errorf("mapae: configuration: Secrets: %w", err)
	}
	a := &Auth{cfg: cfg, store: cfg.Store, gate: newGate()}
	a.ring.Store(ring)
	a.rp = webauthn.RelyingParty{ID: cfg.RP.ID, Origins: cfg.RP.AllOrigins()}
	for _, m := range cfg.Methods {
		switch m := m.(type) {
		case Passkey:
			a.passkey = m.withDefaults()
		case Password:
			a.password = m.withDefaults()
		case TOTP:
			a.totp = m
		case Federated:
			a.federated = slices.Clone(m)
		}
	}
	a.models = withModels(a.passkey.Models)
	ctx, cancel := context.WithTimeout(context.Background(), keyCheckTimeout)
	defer cancel()
	if err := a.checkKeys(ctx, ring); err != nil {
		return nil, fmt.Errorf("mapae: %w", err)
	}
	return a, nil
}

// Config returns the configuration in force, defaults filled in, with the root
// keys of the last Rotate.
func (a *Auth) Config() Config {
	cfg := a.cfg
	cfg.Secrets = a.ring.Load().keys
	return cfg
}

// Ready answers nil when the store can be read.
func (a *Auth) Ready(ctx context.Context) error {
	if err := a.store.Ping(ctx); err != nil {
		return broken("reach the store", err)
	}
	return nil
}

func (cfg Config) withDefaults() Config {
	cfg.Secrets, cfg.Methods = slices.Clone(cfg.Secrets), slices.Clone(cfg.Methods)
	cfg.SignUpDomains = slices.Clone(cfg.SignUpDomains)
	cfg.RP.Origins, cfg.RP.RelatedOrigins = slices.Clone(cfg.RP.Origins), slices.Clone(cfg.RP.RelatedOrigins)
	cfg.RP.Name = or(cfg.RP.Name, cfg.RP.ID)
	cfg.PagesURL = or(cfg.PagesURL, cfg.RP.pagesURL())
	cfg.FreshFor = or(cfg.FreshFor, 10*time.Minute)
	cfg.RecoveryDelay = or(cfg.RecoveryDelay, 72*time.Hour)
	cfg.KeepEvents = or(cfg.KeepEvents, 400*24*time.Hour)
	cfg.Sessions.Idle = or(cfg.Sessions.Idle, 14*24*time.Hour)
	cfg.Sessions.Absolute = or(cfg.Sessions.Absolute, 30*24*time.Hour)
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	return cfg
}

// or returns v, or d where v is the zero value.
func or[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

func (cfg Config) check() error {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if cfg.Store == nil {
		bad("Store is missing: open one with sqlite.Open or memory.New")
	}
	if len(cfg.Secrets) == 0 {
		bad("Secrets is missing: LoadKeys reads root keys from a file, CreateKeys makes one")
	}
	wrong = append(wrong, cfg.RP.check()...)
	wrong = append(wrong, checkMethods(cfg.Methods)...)
	if err := cfg.RP.checkPagesURL(cfg.PagesURL); err != nil {
		wrong = append(wrong, err)
	}
	switch cfg.SignUp {
	case SignUpOpen, SignUpInvited, SignUpClosed:
	default:
		bad("SignUp is %q: it is empty (open), %q or %q", cfg.SignUp, SignUpInvited, SignUpClosed)
	}
	wrong = append(wrong, cfg.checkMail()...)
	if cfg.FreshFor < 0 || cfg.KeepEvents < 0 || cfg.Sessions.Idle < 0 || cfg.Sessions.Absolute < 0 {
		bad("FreshFor %v, KeepEvents %v, Sessions.Idle %v and Sessions.Absolute %v: none may be negative", cfg.FreshFor, cfg.KeepEvents, cfg.Sessions.Idle, cfg.Sessions.Absolute)
	}
	if cfg.RecoveryDelay < 0 {
		bad("RecoveryDelay %v: it may not be negative", cfg.RecoveryDelay)
	}
	if cfg.SecondFactor.Required && !slices.ContainsFunc(cfg.Methods, secondFactorMethod) {
		bad("SecondFactor is required, and Methods has none: list mapae.Passkey{} or mapae.TOTP{}")
	}
	if cfg.Sessions.Idle > cfg.Sessions.Absolute {
		bad("Sessions.Idle %v is longer than Sessions.Absolute %v", cfg.Sessions.Idle, cfg.Sessions.Absolute)
	}
	return errors.Join(wrong...)
}

// checkMail checks what has to do with mail.
func (cfg Config) checkMail() []error {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	isEmailCode := func(m Method) bool { return m != nil && m.Name() == MethodEmailCode }
	if cfg.Mailer == nil && slices.ContainsFunc(cfg.Methods, isEmailCode) {
		bad("Methods lists mapae.EmailCode{}, and Mailer is missing: nobody would send the codes")
	}
	if cfg.Mailer == nil && len(cfg.SignUpDomains) > 0 {
		bad("SignUpDomains needs a Mailer: without one an address proves nothing")
	}
	for _, name := range cfg.SignUpDomains {
		if !domain.MatchString(name) {
			bad("SignUpDomains: %q is not a domain name in lower case", name)
		}
	}
	return wrong
}

func firstFactorMethod(m Method) bool {
	return m != nil && (m.Name() == MethodPasskey || m.Name() == MethodPassword || m.Name() == MethodEmailCode || m.Name() == MethodFederated || m.Name() == MethodExternal)
}

func secondFactorMethod(m Method) bool {
	return m != nil && (m.Name() == MethodPasskey || m.Name() == MethodTOTP)
}

func checkMethods(methods []Method) []error {
	var wrong []error
	if !slices.ContainsFunc(methods, firstFactorMethod) {
		wrong = append(wrong, errors.New("Methods has nothing to sign in with: mapae.Passkey{} is the first to list"))
	}
	seen := map[MethodName]bool{}
	for i, m := range methods {
		if m == nil {
			wrong = append(wrong, fmt.Errorf("Methods[%d] is nil", i))
			continue
		}
		if seen[m.Name()] {
			wrong = append(wrong, fmt.Errorf("Methods lists %s twice", m.Name()))
		}
		seen[m.Name()] = true
		if err := m.check(); err != nil {
			wrong = append(wrong, fmt.Errorf("Methods: %s: %w", m.Name(), err))
		}
	}
	return wrong
}

var (
	// domain is a host name in lower case as origins have it: labels of
	// letters, digits and inner hyphens (an IDN in its A-label form).
	domain = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)
	// androidOrigin carries the SHA-256 of an app's signing certificate.
	androidOrigin = regexp.MustCompile(`^android:apk-key-hash:[A-Za-z0-9_-]{43}$`)
)

func (rp RelyingParty) check() []error {
	var wrong []error
	switch {
	case rp.ID == "":
		wrong = append(wrong, errors.New(`RP.ID is missing: it is the domain of your site, such as "example.com"`))
	case net.ParseIP(rp.ID) != nil:
		wrong = append(wrong, fmt.Errorf("RP.ID %q is an IP address, which can never be an RP ID: use a domain name (localhost for development)", rp.ID))
	case len(rp.ID) > 253 || !domain.MatchString(rp.ID):
		wrong = append(wrong, fmt.Errorf("RP.ID %q is not a domain name in lower case without scheme and port", rp.ID))
	}
	if err := checkName(rp.Name); rp.Name != "" && err != nil {
		wrong = append(wrong, fmt.Errorf("RP.Name %q: %w", rp.Name, err))
	}
	if len(rp.Origins) == 0 {
		wrong = append(wrong, errors.New(`RP.Origins is empty: list the origins of your pages, such as "https://example.com"`))
	}
	for _, origin := range rp.Origins {
		if err := rp.checkOrigin(origin); err != nil {
			wrong = append(wrong, err)
		}
	}
	for _, origin := range rp.RelatedOrigins {
		if err := rp.checkRelated(origin); err != nil {
			wrong = append(wrong, err)
		}
	}
	return wrong
}

// isOrigin reports whether text is an origin as browsers write it, and parses it.
func isOrigin(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	return u, err == nil && u.Host != "" && u.Scheme+"://"+u.Host == text && domainOrIP(u.Hostname())
}

// below reports whether host is the RP ID or a subdomain of it.
func (rp RelyingParty) below(host string) bool {
	return host == rp.ID || strings.HasSuffix(host, "."+rp.ID)
}

func (rp RelyingParty) checkRelated(origin string) error {
	u, ok := isOrigin(origin)
	switch {
	case !ok || u.Scheme != "https" || net.ParseIP(u.Hostname()) != nil || u.Port() == "443":
		return fmt.Errorf("RP.RelatedOrigins: %q is not an https origin: https://, host in lower case and port where it is not the default, nothing behind it", origin)
	case rp.below(u.Hostname()):
		return fmt.Errorf("RP.RelatedOrigins: %q belongs to RP.ID %q: list it in RP.Origins", origin, rp.ID)
	}
	return nil
}

func (rp RelyingParty) checkOrigin(origin string) error {
	if androidOrigin.MatchString(origin) {
		return nil
	}
	u, ok := isOrigin(origin)
	if !ok {
		return fmt.Errorf("RP.Origins: %q is not an origin: scheme, host in lower case and port where it is not the default, nothing behind it", origin)
	}
	host := u.Hostname()
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	switch {
	case net.ParseIP(host) != nil:
		return fmt.Errorf("RP.Origins: %q has an IP address as host, and browsers offer no passkeys there: use a domain name (localhost for development)", origin)
	case u.Scheme != "https" && (u.Scheme != "http" || !local):
		return fmt.Errorf("RP.Origins: %q is not https, and browsers offer passkeys over http on localhost only", origin)
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
		return fmt.Errorf("RP.Origins: %q names the default port, which browsers leave out: write %q", origin, u.Scheme+"://"+host)
	case !rp.below(host), host != rp.ID && !strings.Contains(rp.ID, ".") && rp.ID != "localhost":
		return fmt.Errorf("RP.ID %q does not fit the origin %q: it must be the origin's host or a registrable suffix of it", rp.ID, origin)
	}
	return nil
}

func domainOrIP(host string) bool { return domain.MatchString(host) || net.ParseIP(host) != nil }
