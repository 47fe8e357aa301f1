package telemetry

import (
	"context"
	"strings"
	"sync"

	"github.com/mapae/mapae"
)

// Kinds of ceremonies, as metrics name them.
const (
	registration = "registration" // a passkey was made, or was to be
	verification = "verify"       // a passkey answered, or was to
)

// Outcomes, as metrics name them.
const (
	succeeded = "success"
	failed    = "failed"
	secondDue = "second_step_due"
)

// outcome says what an event was the end of. Its empty members don't apply.
type outcome struct {
	ceremony string // of a passkey
	result   string // of that ceremony
	signIn   string // result of a sign-in, by whatever method
}

// outcomeOf reads e.
func outcomeOf(e mapae.Event) outcome {
	var o outcome
	switch e.Type {
	case mapae.EventSignUp, mapae.EventPasskeyAdded, mapae.EventRecovered:
		o = outcome{ceremony: registration, result: succeeded}
	case mapae.EventSignUpFailed, mapae.EventPasskeyAddFailed, mapae.EventRecoveryFailed:
		o = outcome{ceremony: registration, result: failed}
	case mapae.EventSignIn:
		o = outcome{verification, succeeded, succeeded}
	case mapae.EventFirstStep:
		o = outcome{verification, succeeded, secondDue}
	case mapae.EventSignInFailed:
		o = outcome{verification, failed, failed}
	case mapae.EventReauth:
		o = outcome{ceremony: verification, result: succeeded}
	case mapae.EventReauthFailed, mapae.EventCounterRegressed:
		o = outcome{ceremony: verification, result: failed}
	}
	if e.Method != mapae.MethodPasskey {
		o.ceremony, o.result = "", ""
	}
	return o
}

// mailOf returns the kind of the mail that e is about and what became of it:
// "sent", "failed"; empty: it is about none.
func mailOf(e mapae.Event) (kind, result string) {
	switch e.Type {
	case mapae.EventMailSent:
		result = "sent"
	case mapae.EventMailFailed:
		result = failed
	default:
		return "", ""
	}
	kind, _, _ = strings.Cut(e.Reason, ":")
	return kind, result
}

// Provider tells who keeps the passkey that an event is about, such as
// "Apple Passwords"; empty: it can't be told.
type Provider = func(context.Context, mapae.Event) string

// PasskeyProvider looks the passkey up in r and names its provider by the
// AAGUID, which the passkey itself claims: good for statistics and nothing
// else. What has no name here is "other".
func PasskeyProvider(r mapae.Reader) Provider {
	models := mapae.ShippedModels()
	return func(ctx context.Context, e mapae.Event) string {
		if len(e.Credential) == 0 {
			return ""
		}
		c, _, err := r.Credential(ctx, e.Credential)
		if err != nil {
			return "" // not stored, or the store is out of reach: nobody waits for a statistic
		}
		if m, ok := models[c.AAGUID]; ok {
			return m.Name
		}
		return other
	}
}

// other is the value of a label beyond its bound.
const other = "other"

// maxValues is how many values one label can take; all further ones are
// counted as other.
const maxValues = 128

// bound lets through the first maxValues values that it sees.
type bound struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (b *bound) value(v string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.seen[v]:
		return v
	case len(b.seen) >= maxValues:
		return other
	case b.seen == nil:
		b.seen = map[string]bool{}
	}
	b.seen[v] = true
	return v
}
