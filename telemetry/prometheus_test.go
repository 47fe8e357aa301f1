package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/storetest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// scrape returns what a Prometheus server reads from p, by HTTP.
func scrape(t *testing.T, p *Prometheus) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(p)
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v: %s", res.StatusCode, err, text)
	}
	return string(text)
}

func wantLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestEventsAreCountedByWhatTheyEnd(t *testing.T) {
	t.Parallel()
	p := NewPrometheus()
	for _, e := range []mapae.Event{
		{Type: mapae.EventSignUp, Method: mapae.MethodPasskey, App: true},
		{Type: mapae.EventPasskeyAddFailed, Method: mapae.MethodPasskey, Reason: "origin"},
		{Type: mapae.EventSignIn, Method: mapae.MethodPasskey}, {Type: mapae.EventSignIn, Method: mapae.MethodPasskey},
		{Type: mapae.EventSignInFailed, Method: mapae.MethodPasskey, Reason: "signature"},
		{Type: mapae.EventFirstStep, Method: mapae.MethodPassword},
		{Type: mapae.EventFirstStep, Method: mapae.MethodPasskey},
		{Type: mapae.EventSignIn, Method: mapae.MethodTOTP},
		{Type: mapae.EventRecovered, Method: mapae.MethodPasskey, SessionID: "s"},
		{Type: mapae.EventRecovered, Method: mapae.MethodPassword},
		{Type: mapae.EventSignOut, Method: mapae.MethodPasskey},
		{Type: mapae.EventMailSent, Reason: "notice"}, {Type: mapae.EventMailSent, Reason: "notice"}, {Type: mapae.EventMailFailed, Reason: "reset:expired"},
	} {
		p.Notify(t.Context(), e)
	}
	text := scrape(t, p)
	wantLines(t, text,
		`mapae_mails_total{kind="notice",outcome="sent"} 2`, `mapae_mails_total{kind="reset",outcome="failed"} 1`,
		`mapae_ceremonies_total{ceremony="registration",outcome="success",reason=""} 2`,
		`mapae_ceremonies_total{ceremony="registration",outcome="failed",reason="origin"} 1`,
		`mapae_ceremonies_total{ceremony="verify",outcome="success",reason=""} 3`,
		`mapae_ceremonies_total{ceremony="verify",outcome="failed",reason="signature"} 1`,
		`mapae_signins_total{method="passkey",outcome="success"} 2`,
		`mapae_signins_total{method="passkey",outcome="failed"} 1`,
		`mapae_signins_total{method="passkey",outcome="second_step_due"} 1`,
		`mapae_signins_total{method="password",outcome="second_step_due"} 1`,
		`mapae_signins_total{method="totp",outcome="success"} 1`,
		`mapae_events_total{type="signout"} 1`,
		`mapae_sessions_begun_total{client="app"} 1`,
		`mapae_sessions_begun_total{client="browser"} 4`,
		`mapae_sessions_ended_total{cause="signout"} 1`,
	)
}

func TestRequestsAreTimedByRoute(t *testing.T) {
	t.Parallel()
	p := NewPrometheus()
	p.Observe("GET", "/api/webauthn/{id}", 200, 2*time.Millisecond)
	p.Observe("BREW", "", 405, time.Second)
	p.Observe("GET", "/", 0, time.Second) // the client was gone
	wantLines(t, scrape(t, p),
		`mapae_request_duration_seconds_count{method="GET",route="/api/webauthn/{id}",status="200"} 1`,
		`mapae_request_duration_seconds_bucket{method="GET",route="/api/webauthn/{id}",status="200",le="0.001"} 0`,
		`mapae_request_duration_seconds_bucket{method="GET",route="/api/webauthn/{id}",status="200",le="0.0025"} 1`,
		`mapae_request_duration_seconds_count{method="other",route="",status="405"} 1`,
		`mapae_request_duration_seconds_count{method="GET",route="/",status="other"} 1`,
	)
}

func TestTheHandlerAlsoTellsOfTheProcess(t *testing.T) {
	t.Parallel()
	p := NewPrometheus()
	p.Notify(t.Context(), mapae.Event{Type: mapae.EventSignOut})
	answer := httptest.NewRecorder()
	p.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	for _, name := range []string{"mapae_events_total", "go_goroutines", "process_open_fds"} {
		if !strings.Contains(answer.Body.String(), "\n"+name) {
			t.Errorf("no %s in\n%s", name, answer.Body)
		}
	}
}

// However many values callers come up with, the number of time series stays
// below one that is known.
func TestTheNumberOfTimeSeriesIsBounded(t *testing.T) {
	t.Parallel()
	p := NewPrometheus()
	for i := range 5000 {
		any := fmt.Sprint("x", i)
		p.Notify(t.Context(), mapae.Event{Type: mapae.EventSignInFailed, Method: mapae.MethodName(any), Reason: any})
		p.Notify(t.Context(), mapae.Event{Type: mapae.EventReauthFailed, Method: mapae.MethodPasskey, Reason: any})
		p.Notify(t.Context(), mapae.Event{Type: mapae.EventType(any)})
		p.Observe(any, any, 200, 0)
		p.Observe("GET", "/", 1000+i, 0)
	}
	text := scrape(t, p)
	for name, most := range map[string]int{
		"mapae_ceremonies_total": maxValues + 1, "mapae_signins_total": maxValues + 1, "mapae_events_total": maxValues + 1,
		"mapae_request_duration_seconds_count": maxValues + 2,
	} {
		if got := strings.Count(text, "\n"+name+"{"); got == 0 || got > most {
			t.Errorf("%s has %d time series, want at most %d", name, got, most)
		}
	}
	wantLines(t, text, fmt.Sprintf(`mapae_signins_total{method="other",outcome="failed"} %d`, 5000-maxValues))
}

func TestATimedStoreIsAStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) mapae.Store { return NewPrometheus().Store(memory.New()) })
}

var errBroken = errors.New("broken")

// broken is a store that fails at every call.
type broken struct{ mapae.Store }

func (broken) Ping(context.Context) error { return errBroken }

func TestCallsOfTheStoreAreTimedByHowTheyEnd(t *testing.T) {
	t.Parallel()
	p, ctx := NewPrometheus(), t.Context()
	s := p.Store(memory.New())
	if err := s.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.User(ctx, "nobody"); !errors.Is(err, mapae.ErrNotFound) {
		t.Fatal(err)
	}
	if err := s.Update(ctx, func(mapae.Tx) error { return fmt.Errorf("wrapped: %w", mapae.ErrLastFactor) }); !errors.Is(err, mapae.ErrLastFactor) {
		t.Fatal(err)
	}
	if err := p.Store(broken{}).Ping(ctx); err != errBroken {
		t.Fatal(err)
	}
	wantLines(t, scrape(t, p),
		`mapae_store_duration_seconds_count{call="ping",outcome="ok"} 1`,
		`mapae_store_duration_seconds_count{call="ping",outcome="failed"} 1`,
		`mapae_store_duration_seconds_count{call="user",outcome="refused"} 1`,
		`mapae_store_duration_seconds_count{call="update",outcome="refused"} 1`,
	)
}

func TestEventsAreLoggedALineEachWithoutWhatClientsWrote(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	drop := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	sink := Log(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: drop})))
	Each(sink, sink)(t.Context(), mapae.Event{Type: mapae.EventSignInFailed, Method: mapae.MethodPasskey, Reason: "signature",
		UserID: "u", RequestID: "r", Address: "192.0.2.1", UserAgent: "secret"})
	line := "level=INFO msg=event type=signin_failed method=passkey reason=signature user=dQ request_id=r address=192.0.2.1\n"
	if got := out.String(); got != line+line {
		t.Errorf("logged\n%s", got)
	}
}
