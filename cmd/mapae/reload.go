package main

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"github.com/mapae/mapae"
)

// reloadForever reads the key file anew at each signal until ctx ends. Keys that
// can't be taken are logged, and those in use stay.
func reloadForever(ctx context.Context, log *slog.Logger, signals <-chan os.Signal, file string, rotate func(context.Context, []mapae.RootKey) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
		keys, err := mapae.LoadKeys(file)
		if err == nil {
			err = rotate(ctx, keys)
		}
		if err != nil {
			log.Error("the root keys stay as they are", "key_file", file, "error", err)
			continue
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
}
