package telemetry

import (
	"context"
	"fmt"

	"github.com/DataDog/datadog-go/v5/statsd"
	"github.com/mapae/mapae"
)

// DogStatsD counts events at a Datadog agent:
//
//	webauthn.registration.success, webauthn.registration.failed
//	webauthn.verify.success, webauthn.verify.failed
//	mapae.signin.success, mapae.signin.failed     by any method
//	mapae.mail.sent, mapae.mail.failed            with the tag kind, and no other
//
// each with the tags method, reason (where there is one) and, where the passkey
// is known, provider. It is safe for concurrent use.
type DogStatsD struct {
	client   *statsd.Client
	provider Provider

	reasons, provided, kinds bound
}

// NewDogStatsD returns a sink that sends to the agent at addr: host:port for
// UDP, or unix:///path. provider may be nil: no event gets that tag. What the
// agent does not take is lost, and nobody waits for it. Close ends what the
// client started.
func NewDogStatsD(addr string, provider Provider) (*DogStatsD, error) {
	client, err := statsd.New(addr, statsd.WithoutTelemetry(), statsd.WithoutOriginDetection())
	if err != nil {
		return nil, fmt.Errorf("telemetry: DogStatsD at %s: %w", addr, err)
	}
	return &DogStatsD{client: client, provider: provider}, nil
}

// Notify counts e. It is a [Sink].
func (d *DogStatsD) Notify(ctx context.Context, e mapae.Event) {
	if kind, result := mailOf(e); result != "" {
		_ = d.client.Incr("mapae.mail."+result, []string{"kind:" + d.kinds.value(kind)}, 1)
		return
	}
	o := outcomeOf(e)
	if o.ceremony == "" && o.signIn == "" {
		return
	}
	tags := []string{"method:" + string(e.Method)}
	if e.Reason != "" {
		tags = append(tags, "reason:"+d.reasons.value(e.Reason))
	}
	if d.provider != nil {
		if name := d.provider(ctx, e); name != "" {
			tags = append(tags, "provider:"+d.provided.value(name))
		}
	}
	if o.ceremony != "" {
		_ = d.client.Incr("webauthn."+o.ceremony+"."+o.result, tags, 1) // only a client that is closed says no
	}
	if o.signIn == succeeded || o.signIn == failed {
		_ = d.client.Incr("mapae.signin."+o.signIn, tags, 1)
	}
}

// Close sends what waits and ends the client.
func (d *DogStatsD) Close() error { return d.client.Close() }
