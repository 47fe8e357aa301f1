package main

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"github.com/mapae/mapae"
)

// reloadForever runs each of renew at each signal until ctx ends.
func reloadForever(ctx context.Context, signals <-chan os.Signal, renew ...func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
		for _, f := range renew {
			f()
		}
	}
}

// renewKeys reads the key file anew. Keys that can't be taken are logged, and
// those in use stay.
func renewKeys(ctx context.Context, log *slog.Logger, file string, rotate func(context.Context, []mapae.RootKey) error) {
	keys, err := mapae.LoadKeys(file)
	if err == nil {
		err = rotate(ctx, keys)
	}
	if err != nil {
		log.Error("the root keys stay as they are", "key_file", file, "error", err)
		return
	}
	seals, opens := "", []string{}
	for _, k := range keys {
		if !k.OpenOnly && seals == "" {
			seals = k.ID()
		} else {
			opens = append(opens, k.ID())
		}
	}
	log.Info("the root keys were read anew", "seals", seals, "opens", strings.Join(opens, " "))
}

// renewCertificate reads the certificate anew, where there is one.
func renewCertificate(log *slog.Logger, cert *siteCertificate) {
	if cert == nil {
		return
	}
	if err := cert.reload(); err != nil {
		log.Error("the certificate stays as it is", "error", err)
		return
	}
	log.Info("the certificate was read anew", "tls_cert", cert.certFile, "ends", cert.current.Load().Leaf.NotAfter)
}
