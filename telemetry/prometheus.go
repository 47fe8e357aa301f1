package telemetry

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/mapae/mapae"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Prometheus counts events, requests and store calls. It is a
// prometheus.Collector with these metrics:
//
//	mapae_ceremonies_total{ceremony,outcome,reason}     passkey ceremonies: registration, verify
//	mapae_signins_total{method,outcome}                 success, failed, second_step_due
//	mapae_events_total{type}                            every event
//	mapae_mails_total{kind,outcome}                     sent, or failed for good
//	mapae_sessions_begun_total{client}                  browser, app
//	mapae_sessions_ended_total{cause}                   acts that ended sessions before their time
//	mapae_request_duration_seconds{method,route,status} histogram
//	mapae_store_duration_seconds{call,outcome}          histogram: ok, refused, failed
//
// It is safe for concurrent use.
type Prometheus struct {
	ceremonies, signIns, events, mails, begun, ended *prometheus.CounterVec
	requests, calls                                  *prometheus.HistogramVec

	reasons, types, methods, kinds, routes bound
}

// NewPrometheus returns a collector for a registry of the caller's.
func NewPrometheus() *Prometheus {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &Prometheus{
		ceremonies: counter("mapae_ceremonies_total", "Passkey ceremonies that came to an end.", "ceremony", "outcome", "reason"),
		signIns:    counter("mapae_signins_total", "Sign-ins by the last method used.", "method", "outcome"),
		events:     counter("mapae_events_total", "Events of every type.", "type"),
		mails:      counter("mapae_mails_total", "Mails that were sent, or given up.", "kind", "outcome"),
		begun:      counter("mapae_sessions_begun_total", "Sessions that began.", "client"),
		ended:      counter("mapae_sessions_ended_total", "Acts that ended one session or several before their time.", "cause"),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "mapae_request_duration_seconds",
			Help: "Time to answer a request.", Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 10)}, []string{"method", "route", "status"}),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "mapae_store_duration_seconds",
			Help: "Time of a call to the store.", Buckets: prometheus.ExponentialBuckets(0.0001, 3, 11)}, []string{"call", "outcome"}),
	}
}

func (p *Prometheus) collectors() []prometheus.Collector {
	return []prometheus.Collector{p.ceremonies, p.signIns, p.events, p.mails, p.begun, p.ended, p.requests, p.calls}
}

// Describe is for a prometheus.Registerer.
func (p *Prometheus) Describe(descriptions chan<- *prometheus.Desc) {
	for _, c := range p.collectors() {
		c.Describe(descriptions)
	}
}

// Collect is for a prometheus.Registerer.
func (p *Prometheus) Collect(metrics chan<- prometheus.Metric) {
	for _, c := range p.collectors() {
		c.Collect(metrics)
	}
}

// Handler answers scrapes with p and with what the Go runtime and the operating
// system say of this process, for who has no registry of their own. It belongs
// on a listener that the public can't reach.
func (p *Prometheus) Handler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(p, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// Notify counts e. It is a [Sink].
func (p *Prometheus) Notify(_ context.Context, e mapae.Event) {
	p.events.WithLabelValues(p.types.value(string(e.Type))).Inc()
	o := outcomeOf(e)
	if o.ceremony != "" {
		p.ceremonies.WithLabelValues(o.ceremony, o.result, p.reasons.value(e.Reason)).Inc()
	}
	if o.signIn != "" {
		p.signIns.WithLabelValues(p.methods.value(string(e.Method)), o.signIn).Inc()
	}
	if kind, result := mailOf(e); result != "" {
		p.mails.WithLabelValues(p.kinds.value(kind), result).Inc()
	}
	switch e.Type {
	case mapae.EventSignIn, mapae.EventSignUp:
		p.beginSession(e)
	case mapae.EventRecovered:
		if e.SessionID != "" { // a recovered password makes none
			p.beginSession(e)
		}
	case mapae.EventSignOut, mapae.EventSessionsEnded, mapae.EventUserDisabled, mapae.EventAccountDeleted:
		p.ended.WithLabelValues(string(e.Type)).Inc()
	}
}

func (p *Prometheus) beginSession(e mapae.Event) {
	client := "browser"
	if e.App {
		client = "app"
	}
	p.begun.WithLabelValues(client).Inc()
}

// Observe counts a request that was answered, by the pattern of its route. It
// is what web.Config.Observe takes.
func (p *Prometheus) Observe(method, route string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete:
	default:
		method = other
	}
	p.requests.WithLabelValues(method, p.routes.value(route), p.status(status)).Observe(took.Seconds())
}

// status is the label of an HTTP status; what is none is other.
func (p *Prometheus) status(status int) string {
	if http.StatusText(status) == "" {
		return other
	}
	return strconv.Itoa(status)
}
