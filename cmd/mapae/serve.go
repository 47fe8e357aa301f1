package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/lines"
	"github.com/mapae/mapae/mail"
	"github.com/mapae/mapae/web"
	"github.com/mapae/mapae/webauthn/attestation/mds"
)

// serveCommand is mapae serve.
type serveCommand struct {
	serverSettings
}

// Help is shown below the usage line.
func (*serveCommand) Help() string {
	return `Serves the pages and the JSON API of sign-in, and keeps everything in one data directory. It ends with SIGTERM or Ctrl-C, after the requests that are under way; at SIGHUP it reads the key file and the certificate anew.

Every flag is a setting: --sign-up may stand in the environment as MAPAE_SIGN_UP (--data as MAPAE_DATA_DIR) or in the file that --config names as "sign-up: invited". A flag wins over the environment, the environment over the file.

Examples:

  mapae serve
      on your own machine: http://localhost:8080, data in ./data

  mapae serve --origin http://localhost:8081
      the same, at another port

  mapae serve --origin https://id.example.com --rp-id example.com --data /var/lib/mapae --trusted-proxy 127.0.0.1/32
      behind a reverse proxy on the same machine

  mapae serve --origin https://id.example.com --tls-cert chain.pem --tls-key key.pem --sign-up invited
      https without a proxy, for invited people`
}

// Run serves until a signal.
func (c *serveCommand) Run(ctx context.Context, std streams) error {
	face, err := c.check()
	if err != nil {
		return err
	}
	out := lines.NewWriter(std.err)
	defer func() { _ = out.Flush() }() // what can't be logged can't be told
	log := c.newLogger(out)
	m := c.measures(log)
	cert, err := c.loadCertificate()
	if err != nil {
		return err
	}
	passkey, metadata, err := c.attested(ctx)
	if err != nil {
		return err
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP) // which would end the process else
	defer signal.Stop(reload)
	ln, err := listen(ctx, c.address(&c.siteSettings))
	if err != nil {
		return err
	}
	defer ln.Close()
	operator, err := m.listen(ctx)
	if err != nil {
		return err
	}
	if operator != nil {
		defer operator.Close()
	}
	in, err := c.open(ctx, func(cfg *mapae.Config) error {
		for i, method := range cfg.Methods {
			if method.Name() == mapae.MethodPasskey {
				cfg.Methods[i] = passkey
			}
		}
		if _, ok := cfg.Mailer.(*mail.Mailer); ok {
			cfg.Mailer = loggedMailer{cfg.Mailer, log}
		}
		return m.attach(cfg)
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once

	m.serve(operator)
	face.Logger, face.Observe, face.Limits = log, m.observe(), m.limits
	site := web.New(in.auth, face)
	srv := site.Server(ln.Addr().String(), nil)
	srv.Handler = withOutbox(srv.Handler, in.auth.Config().Mailer)
	srv.TLSConfig = cert.config()
	c.greet(std, ln.Addr(), in)
	err = c.run(ctx, log, srv, ln, c.beside(log, in, reload, cert, metadata))
	return errors.Join(err, m.close(), in.store.Close())
}

// attested returns the method that the settings of attestation stand for, and
// its metadata, read for the first time; nil: there is none. Without metadata
// that it was told to heed the server does not start.
func (c *serveCommand) attested(ctx context.Context) (mapae.Passkey, *mds.Service, error) {
	passkey, metadata, err := c.passkey(c.Data)
	if err != nil || metadata == nil {
		return passkey, nil, err
	}
	if metadata.URL != "" {
		if err := os.MkdirAll(c.Data, 0o700); err != nil {
			return passkey, nil, fmt.Errorf("data directory: %w", err)
		}
	}
	if err := metadata.Refresh(ctx); metadata.Blob() == nil {
		return passkey, nil, fmt.Errorf("metadata: %w", err)
	}
	return passkey, metadata, nil
}

// beside are what runs while the server serves, each until its context ends.
func (c *serveCommand) beside(log *slog.Logger, in *installation, reload <-chan os.Signal, cert *siteCertificate, metadata *mds.Service) []func(context.Context) {
	all := []func(context.Context){
		func(context.Context) { forgetStart() },
		func(ctx context.Context) { sweepForever(ctx, log, in.auth.Sweep) },
		func(ctx context.Context) {
			reloadForever(ctx, reload, func() { renewKeys(ctx, log, c.KeyFile, in.auth.Rotate) }, func() { renewCertificate(log, cert) })
		},
	}
	if in.auth.Config().Mailer != nil {
		all = append(all, func(ctx context.Context) { deliverForever(ctx, log, in.auth.Deliver) })
	}
	if metadata != nil {
		all = append(all, func(ctx context.Context) { refreshForever(ctx, log, metadata) })
	}
	return all
}

// forgetStart gives back the memory that only the start needed: what templates
// and sentences were read with and, by the second round, what migrations left in
// pools.
func forgetStart() {
	runtime.GC()
	debug.FreeOSMemory()
}

// run serves until ctx ends, and runs what is beside that; it finishes all of
// them.
func (c *serveCommand) run(ctx context.Context, log *slog.Logger, srv *http.Server, ln net.Listener, beside []func(context.Context)) error {
	var running sync.WaitGroup
	besideCtx, end := context.WithCancel(context.WithoutCancel(ctx))
	for _, f := range beside {
		running.Go(func() { f(besideCtx) })
	}
	err := serve(ctx, log, srv, ln, c.ShutdownGrace)
	end()
	running.Wait()
	return err
}

// listen opens the address and says in words why it can't.
func listen(ctx context.Context, address string) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("another program listens on %s already: stop it, or choose another port (--origin http://localhost:8081 on your own machine, --listen behind a proxy)", address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s: choose a port from 1024 up with --listen, or give the program the right to bind lower ones", address)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return ln, nil
}

// serve answers requests on ln until ctx ends, and then finishes those that are
// under way, for as long as grace.
func serve(ctx context.Context, log *slog.Logger, srv *http.Server, ln net.Listener, grace time.Duration) error {
	failed := make(chan error, 1)
	go func() {
		if srv.TLSConfig != nil {
			failed <- srv.ServeTLS(ln, "", "")
		} else {
			failed <- srv.Serve(ln)
		}
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping: finishing the requests that are under way", "at_most", grace)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := srv.Shutdown(end); err != nil {
		return errors.Join(fmt.Errorf("requests were cut off after %v: %w", grace, err), srv.Close())
	}
	log.Info("stopped")
	return nil
}

// greet tells a person where everything is and what to do next.
func (c *serveCommand) greet(std streams, at net.Addr, in *installation) {
	key := c.KeyFile
	if in.newKey {
		key += "  (new: keep a copy, the database is of no use without it)"
	}
	fmt.Fprintf(std.out, "Mapae serves %s\n\n", strings.Join(c.Origin, " and "))
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{{"listens on", at.String()}, {"data directory", absolute(c.Data)}, {"key file", key}, {"database", c.database()},
		{"sign-up", c.signUpLine()}, {"mail", c.mailLine()}, {"methods", strings.Join(c.Methods, ", ")}, {"providers", providersLine(in.auth.Providers())}} {
		if row[1] != "" {
			fmt.Fprintf(table, "  %s\t%s\n", row[0], row[1])
		}
	}
	if c.MetricsListen != "" {
		fmt.Fprintf(table, "  metrics\thttp://%s/metrics, for the operator only\n", c.MetricsListen)
	}
	table.Flush()
	fmt.Fprintf(std.out, "\n%s\n", c.next(at))
}

// signUpLine says who may make an account.
func (c *serveCommand) signUpLine() string {
	if len(c.SignUpDomain) > 0 {
		return c.SignUp + " to addresses at " + strings.Join(c.SignUpDomain, ", ")
	}
	return c.SignUp
}

// providersLine names the other providers that people can sign in with; empty:
// there is none.
func providersLine(list mapae.Federated) string {
	var names []string
	for _, p := range list {
		names = append(names, fmt.Sprintf("%s (%s)", p.Name(), p.Issuer()))
	}
	return strings.Join(names, ", ")
}

// next is what to do now that the server listens at at.
func (c *serveCommand) next(at net.Addr) string {
	open := "Open " + c.Origin[0] + " in a browser. Press Ctrl-C to stop."
	if port := portOf(at); c.development() && port != or(c.first().Port(), "80") {
		open = "Only a proxy makes " + c.Origin[0] + " lead to port " + port + ": without one, start with --origin http://" + c.host() + ":" + port + " in the place of --listen.\n" + open
	}
	if c.SignUp == "invited" {
		return "Make an invitation:  mapae invite --data " + absolute(c.Data) + "\n" + open
	}
	if !c.development() && c.TLSCert == "" {
		address := c.address(&c.siteSettings)
		to := "http://" + address
		if host, _, _ := net.SplitHostPort(address); host == "" || net.ParseIP(host).IsUnspecified() {
			to = "port " + portOf(at) + " of this machine, by http"
		}
		return "Point the reverse proxy of " + c.Origin[0] + " at " + to + ". Press Ctrl-C to stop."
	}
	return open
}

// portOf is the port of an address; empty: it has none.
func portOf(at net.Addr) string {
	_, port, _ := net.SplitHostPort(at.String())
	return port
}

// absolute is path from the root, or as it is where that can't be told.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
