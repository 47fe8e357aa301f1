package federated

import (
	"time"

	"github.com/mapae/mapae"
)

// Hurry makes a provider wait no longer than d for a call.
func Hurry(p mapae.Provider, d time.Duration) {
	switch p := p.(type) {
	case *oidcProvider:
		p.client.Timeout = d
	case *oauthProvider:
		p.client.Timeout = d
	}
}
