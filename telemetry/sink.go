package telemetry

import (
	"context"
	"log/slog"

	"github.com/mapae/mapae"
)

// Sink is told of an event after it was committed, on the request's goroutine.
type Sink = func(context.Context, mapae.Event)

// Each is a sink that tells each of sinks, in their order.
func Each(sinks ...Sink) Sink {
	return func(ctx context.Context, e mapae.Event) {
		for _, sink := range sinks {
			sink(ctx, e)
		}
	}
}

// Log is a sink that writes one line an event, at level info. It has what the
// event has but the User-Agent, which the client wrote.
func Log(log *slog.Logger) Sink {
	return func(ctx context.Context, e mapae.Event) {
		attrs := []slog.Attr{slog.String("type", string(e.Type)), slog.String("method", string(e.Method))}
		for _, a := range []struct{ name, value string }{
			{"reason", e.Reason}, {"user", e.UserID.String()}, {"session", e.SessionID.String()},
			{"request_id", e.RequestID}, {"address", e.Address},
		} {
			if a.value != "" {
				attrs = append(attrs, slog.String(a.name, a.value))
			}
		}
		log.LogAttrs(ctx, slog.LevelInfo, "event", attrs...)
	}
}
