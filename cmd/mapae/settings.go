package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/web"
)

// envPrefix starts the name of every environment variable that is a setting.
const envPrefix = "MAPAE"

// settings are what every command that works on an installation needs.
type settings struct {
	siteSettings
	methodSettings
	mailSettings
	federatedSettings
	sessionSettings
	fileSettings
	logSettings
}

// serverSettings are what a server needs.
type serverSettings struct {
	settings
	networkSettings
	attestationSettings
	brandSettings
}

// check names every mistake in the settings before anything is made or opened,
// and returns what they say about the HTTP face.
func (s *serverSettings) check() (web.Config, error) {
	_, wrong := s.domain()
	brand, unfit := s.brand()
	templates, broken := s.templates()
	if err := errors.Join(wrong, unfit, broken, s.networkSettings.check(&s.siteSettings), s.attestationSettings.check(s.Methods)); err != nil {
		return web.Config{}, err
	}
	return web.Config{TrustedProxies: s.TrustedProxy, Development: s.development(), WellKnown: s.wellKnown(), Outbox: s.outbox(), Brand: brand, Templates: templates, CORS: s.CORSOrigin}, nil
}

type siteSettings struct {
	Origin       []string `group:"site" placeholder:"URL" default:"http://localhost:8080" help:"Where browsers find the site: scheme, host and port. Repeat it for further origins. What follows from the first: RP ID, the address to listen on, and development mode for http://localhost."`
	RPID         string   `name:"rp-id" group:"site" placeholder:"DOMAIN" help:"The domain that passkeys are bound to for good: the origin's host, or a parent domain of it. Default: the first origin's host."`
	RPName       string   `name:"rp-name" group:"site" placeholder:"NAME" help:"What browsers call the site when a passkey is made. Default: the RP ID."`
	SignUp       string   `group:"site" placeholder:"open|invited|closed" enum:"open,invited,closed" default:"open" help:"Who may make an account: anyone, whoever has what 'mapae invite' gave, or nobody."`
	SignUpDomain []string `group:"site" placeholder:"DOMAIN" help:"Where anyone may sign up: only with an address at this domain, which needs mail; subdomains are others. Repeat it for several. An invitation is good for any address."`

	CORSOrigin    []string `name:"cors-origin" group:"site" placeholder:"URL" help:"Origin, one of --origin, whose scripts may call the JSON API with the session's cookie: of a page application that another server has. Repeat it for several. Default: no other origin's may."`
	RelatedOrigin []string `group:"site" placeholder:"URL" help:"Origin on another domain, https only, whose pages use the same passkeys. Repeat it for several."`
	AndroidApp    []string `group:"site" placeholder:"PACKAGE" help:"Android app that uses the same passkeys, such as com.example.app; the certificate that signs it is among --origin as android:apk-key-hash:…."`
	AppleApp      []string `group:"site" placeholder:"TEAM.BUNDLE" help:"App for iOS or macOS that uses the same passkeys, such as ABCDE12345.com.example.app."`
}

type methodSettings struct {
	Methods          []string  `group:"method" placeholder:"NAME" enum:"passkey,password,totp,email_code" default:"passkey" help:"What people sign in with, in the order in which it is offered: passkey, password, totp, email_code (which needs mail)."`
	SecondFactor     string    `group:"method" placeholder:"optional|required" enum:"optional,required" default:"optional" help:"Who has a second factor is asked for it; required: who has none does not come in. A passkey that knows its owner is two factors."`
	SecondFactorFrom time.Time `group:"method" placeholder:"DATE" format:"2006-01-02" help:"Until this day, in UTC, who has none still comes in, to add one."`
}

type sessionSettings struct {
	Sessions        string        `group:"session" placeholder:"standard|strict" enum:"standard,strict" default:"standard" help:"How long sessions live: 14 days after the last use and at most 30 (standard), or 1 hour and 24 (strict)."`
	SessionIdle     time.Duration `group:"session" placeholder:"DURATION" help:"End a session this long after its last use, such as 8h."`
	SessionAbsolute time.Duration `group:"session" placeholder:"DURATION" help:"End a session this long after its sign-in."`
}

type fileSettings struct {
	Data     string `group:"files" placeholder:"DIR" default:"data" env:"MAPAE_DATA_DIR" help:"Data directory, made on the first run."`
	KeyFile  string `group:"files" placeholder:"FILE" help:"Root keys, made together with a new SQLite database only. Default: mapae.keys in the data directory."`
	Database string `group:"files" placeholder:"FILE|URL" help:"SQLite database, or the URL of a PostgreSQL one: postgres://user@host/name. Default: mapae.db in the data directory."`
	Config   string `group:"files" placeholder:"FILE" help:"YAML file with any of these settings by their names. Default: mapae.yaml in the data directory, where there is one."`
}

type logSettings struct {
	Log      string     `group:"log" placeholder:"text|json" enum:"text,json" default:"text" help:"Form of the log, which goes to standard error within 10 ms."`
	LogLevel slog.Level `group:"log" placeholder:"LEVEL" default:"info" help:"debug, info, warn or error."`
}

// AfterApply fills in the files that follow from the data directory.
func (f *fileSettings) AfterApply() error {
	if err := f.checkDatabase(); err != nil {
		return err
	}
	f.KeyFile = or(f.KeyFile, filepath.Join(f.Data, "mapae.keys"))
	f.Database = or(f.Database, filepath.Join(f.Data, "mapae.db"))
	return nil
}

// or returns v, or d where v is the zero value.
func or[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// domain returns the configuration that the settings stand for, without store
// and keys; or every mistake in it, by the names of the settings.
func (s *settings) domain() (mapae.Config, error) {
	cfg := mapae.Config{
		RP:      mapae.RelyingParty{ID: or(s.RPID, s.host()), Name: s.RPName, Origins: s.Origin, RelatedOrigins: s.RelatedOrigin},
		Methods: s.methods(),
		SignUp:  map[string]mapae.SignUpPolicy{"open": mapae.SignUpOpen, "invited": mapae.SignUpInvited, "closed": mapae.SignUpClosed}[s.SignUp],

		SignUpDomains: s.SignUpDomain,
		Sessions:      s.sessions(),

		SecondFactor: mapae.SecondFactorPolicy{Required: s.SecondFactor == "required", From: s.SecondFactorFrom},
	}
	mailer, mailWrong := s.mailer(s.development())
	cfg.Mailer = mailer
	providers, unfit := s.federated()
	if len(providers) > 0 {
		cfg.Methods = append(cfg.Methods, providers)
	}
	trial := cfg
	trial.Store, trial.Secrets = noStore{}, []mapae.RootKey{mapae.NewRootKey()}
	_, wrong := mapae.New(trial)
	wrong = errors.Join(wrong, unfit)
	if !s.SecondFactorFrom.IsZero() && s.SecondFactor != "required" {
		wrong = errors.Join(wrong, errors.New("second-factor-from is given, but second-factor is not required"))
	}
	if len(s.SignUpDomain) > 0 && s.SignUp != "open" {
		wrong = errors.Join(wrong, fmt.Errorf("sign-up-domain is given, but sign-up is %s", s.SignUp))
	}
	if err := errors.Join(wrong, mailWrong, s.wellKnown().Check(s.Origin), web.CORS(s.CORSOrigin).Check(s.Origin)); err != nil {
		return mapae.Config{}, mistake{errors.New(settingNames.Replace(err.Error()))}
	}
	return cfg, nil
}

// methods are the methods of the settings, in their order.
func (s *methodSettings) methods() []mapae.Method {
	known := map[string]mapae.Method{"passkey": mapae.Passkey{}, "password": mapae.Password{}, "totp": mapae.TOTP{}, "email_code": mapae.EmailCode{}}
	var methods []mapae.Method
	for _, name := range s.Methods {
		methods = append(methods, known[name])
	}
	return methods
}

// wellKnown is what the site says below /.well-known/.
func (s *siteSettings) wellKnown() web.WellKnown {
	return web.WellKnown{AndroidApps: s.AndroidApp, AppleApps: s.AppleApp}
}

// settingNames says in the words of the settings what mapae.New says in those
// of mapae.Config.
var settingNames = strings.NewReplacer(
	"mapae: configuration: ", "",
	"is not among RP.Origins: ", "is not given as origin too: ", "CORS: ", "cors-origin: ",
	"RP.RelatedOrigins: ", "related-origin: ", "list it in RP.Origins", "give it as origin", "WellKnown.AndroidApps: ", "android-app: ", "WellKnown.AppleApps: ", "apple-app: ",
	"Methods lists mapae.EmailCode{}, and Mailer is missing: nobody would send the codes", "methods has email_code, and no mail is sent: give smtp-server",
	"SignUpDomains needs a Mailer: without one an address proves nothing", "sign-up-domain is given, and no mail is sent, so that no address is proven: give smtp-server",
	"SignUpDomains: ", "sign-up-domain: ",
	"SecondFactor is required, and Methods has none: list mapae.Passkey{} or mapae.TOTP{}", "second-factor is required, and methods has none: name passkey or totp",
	"Methods lists ", "methods lists ", "Methods: ", "methods: ",
	"RP.ID ", "rp-id ", "RP.Name ", "rp-name ", "RP.Origins: ", "origin: ", "RP.Origins ", "origin ",
	"Sessions.Idle ", "session-idle ", "Sessions.Absolute ", "session-absolute ",
)

func (s *sessionSettings) sessions() mapae.SessionPolicy {
	policy := mapae.SessionPolicy{Idle: 14 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour}
	if s.Sessions == "strict" {
		policy = mapae.SessionPolicy{Idle: time.Hour, Absolute: 24 * time.Hour}
	}
	return mapae.SessionPolicy{Idle: or(s.SessionIdle, policy.Idle), Absolute: or(s.SessionAbsolute, policy.Absolute)}
}

// first is the first origin as a URL; an empty one where it can't be parsed,
// which domain names.
func (s *siteSettings) first() *url.URL {
	if len(s.Origin) > 0 {
		if u, err := url.Parse(s.Origin[0]); err == nil {
			return u
		}
	}
	return new(url.URL)
}

func (s *siteSettings) host() string { return s.first().Hostname() }

// development reports whether this is somebody's own machine: browsers offer
// passkeys over http on localhost only.
func (s *siteSettings) development() bool { return s.first().Scheme == "http" }

// networkSettings are what a command that listens needs on top.
type networkSettings struct {
	Listen        string         `group:"network" placeholder:"ADDRESS" help:"Host and port to listen on. Default: the origin's port, on this machine only for http://localhost, on all addresses with --tls-cert; else 127.0.0.1:8080, where a reverse proxy finds it."`
	TLSCert       string         `name:"tls-cert" group:"network" placeholder:"FILE" help:"Certificate chain in PEM, to serve https without a proxy."`
	TLSKey        string         `name:"tls-key" group:"network" placeholder:"FILE" help:"Its private key in PEM."`
	TrustedProxy  []netip.Prefix `group:"network" placeholder:"CIDR" help:"Network of a reverse proxy whose X-Forwarded-For is believed, such as 10.0.0.0/8. Repeat it for several. Default: none is."`
	MetricsListen string         `group:"network" placeholder:"ADDRESS" help:"Host and port for the operator, out of the public's reach: /metrics for Prometheus. Default: no such listener."`
	Pprof         bool           `group:"network" help:"Also serve /debug/pprof to the operator. Samples of memory are taken only then."`
	StatsD        string         `name:"statsd" group:"network" placeholder:"ADDRESS" help:"Host and port of a Datadog agent that events are counted at, by UDP. Default: none."`
	ShutdownGrace time.Duration  `group:"network" placeholder:"DURATION" default:"15s" help:"How long requests may take to finish after SIGTERM or SIGINT."`
}

// address is where to listen for the site.
func (n *networkSettings) address(site *siteSettings) string {
	origin := site.first()
	switch {
	case n.Listen != "":
		return n.Listen
	case site.development():
		return net.JoinHostPort("127.0.0.1", or(origin.Port(), "80"))
	case n.TLSCert != "":
		return net.JoinHostPort("", or(origin.Port(), "443"))
	}
	return "127.0.0.1:8080"
}

// check names what is wrong with the settings among themselves.
func (n *networkSettings) check(site *siteSettings) error {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if (n.TLSCert == "") != (n.TLSKey == "") {
		bad("tls-cert %q and tls-key %q: both or neither", n.TLSCert, n.TLSKey)
	}
	if n.TLSCert != "" && site.development() {
		bad("tls-cert %q is given, but the origin %q is not https", n.TLSCert, site.Origin[0])
	}
	if n.ShutdownGrace <= 0 {
		bad("shutdown-grace is %v: it must be more than nothing", n.ShutdownGrace)
	}
	for _, a := range []struct{ name, address string }{{"listen", n.Listen}, {"metrics-listen", n.MetricsListen}, {"statsd", n.StatsD}} {
		if _, _, err := net.SplitHostPort(a.address); a.address != "" && err != nil {
			bad("%s %q is not host:port", a.name, a.address)
		}
	}
	if n.Pprof && n.MetricsListen == "" {
		bad("pprof is served to the operator only: give metrics-listen too")
	}
	if len(wrong) > 0 {
		return mistake{errors.Join(wrong...)}
	}
	return nil
}
