package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/telemetry"
	"github.com/mapae/mapae/web"
)

// measures are what the process tells of itself: events in the log, and what
// the settings ask for.
type measures struct {
	settings *networkSettings
	log      *slog.Logger
	metrics  *telemetry.Prometheus // nil: nobody scrapes
	statsd   *telemetry.DogStatsD  // nil: there is no agent
	operator *http.Server          // nil: there is no such listener
	limits   web.Limits            // of the site
}

// measures is called before anything is read that the server keeps: samples of
// memory, which main has turned off, are taken from then on where a profile of
// them can be asked for.
func (n *networkSettings) measures(log *slog.Logger) *measures {
	m := &measures{settings: n, log: log}
	if n.Pprof {
		runtime.MemProfileRate = 512 << 10 // bytes, Go's own
	}
	if n.MetricsListen != "" {
		m.metrics = telemetry.NewPrometheus()
	}
	return m
}

// attach lets cfg tell m of events, and times the calls of its store.
func (m *measures) attach(cfg *mapae.Config) error {
	sinks := []telemetry.Sink{telemetry.Log(m.log)}
	if m.metrics != nil {
		cfg.Store = m.metrics.Store(cfg.Store)
		sinks = append(sinks, m.metrics.Notify)
	}
	if m.settings.StatsD != "" {
		var err error
		if m.statsd, err = telemetry.NewDogStatsD(m.settings.StatsD, telemetry.PasskeyProvider(cfg.Store)); err != nil {
			return mistake{err}
		}
		sinks = append(sinks, m.statsd.Notify)
	}
	cfg.Notify = telemetry.Each(sinks...)
	return nil
}

// observe is what web.Config.Observe takes; nil: nobody scrapes.
func (m *measures) observe() func(method, route string, status int, took time.Duration) {
	if m.metrics == nil {
		return nil
	}
	return m.metrics.Observe
}

// listen opens the operator's listener, where one is asked for.
func (m *measures) listen(ctx context.Context) (net.Listener, error) {
	if m.metrics == nil {
		return nil, nil
	}
	return listen(ctx, m.settings.MetricsListen)
}

// serve answers the operator on ln, which may be nil, until close.
func (m *measures) serve(ln net.Listener) {
	if ln == nil {
		return
	}
	m.operator = &http.Server{Handler: m.handler(), ReadHeaderTimeout: 3 * time.Second, ErrorLog: slog.NewLogLogger(m.log.Handler(), slog.LevelWarn)}
	go func() {
		if err := m.operator.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			m.log.Error("the operator's listener ended", "error", err)
		}
	}()
}

// handler is what the operator's listener answers, and the public one never.
func (m *measures) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.metrics.Handler())
	mux.HandleFunc("GET /limits", m.answerLimits)
	if m.settings.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// limit is a limit by client address as the operator's listener tells it.
type limit struct {
	Name    string `json:"name"`
	Most    int    `json:"most"` // zero: there is no limit
	Seconds int    `json:"seconds"`
}

// answerLimits tells the limits in force.
func (m *measures) answerLimits(w http.ResponseWriter, _ *http.Request) {
	var all []limit
	for _, l := range m.limits.InForce() {
		all = append(all, limit{l.Name, l.Most, int(l.Window / time.Second)})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(all) // the operator is gone
}

// close ends the operator's listener and sends what waits for the agent.
func (m *measures) close() error {
	var ended, sent error
	if m.operator != nil {
		ended = m.operator.Close()
	}
	if m.statsd != nil {
		sent = m.statsd.Close()
	}
	return errors.Join(ended, sent)
}
