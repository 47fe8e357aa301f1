package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/web"
)

// TestAPageApplicationAtAnotherOriginSignsUpAndIn: its own server has its page
// and a copy of the module; everything else is asked of the site, with cookies.
func TestAPageApplicationAtAnotherOriginSignsUpAndIn(t *testing.T) {
	listener, rp := localhost(t)
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/mapae.js" {
			w.Header().Set("Content-Type", "text/javascript")
			http.ServeFile(w, r, "../web/sdk/mapae.js")
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><title>app</title><link rel="icon" href="data:,"><script type="module">
import { Passkeys } from "/mapae.js"
window.passkeys = new Passkeys({ base: %q })
</script>`, rp.Origins[0])
	}))
	t.Cleanup(pages.Close)
	app := strings.Replace(pages.URL, "127.0.0.1", "localhost", 1)
	rp.Origins = append(rp.Origins, app)
	s := newSiteAt(t, listener, rp, web.Config{CORS: []string{app}}, func(*mapae.Config) {}, func(face *web.Site) http.Handler { return face })
	b := openTab(t)
	b.attach(phone())
	b.visit(app)
	b.until("window.passkeys")
	if name := eval[string](b, `passkeys.signUp({ email: "grace@example.com", name: "Grace" }).then(r => r.user.name)`); name != "Grace" {
		t.Errorf("signed up as %q", name)
	}
	b.want("passkeys.list().then(all => all.length === 1)", "the session's cookie comes along")
	eval[bool](b, "passkeys.list().then(all => passkeys.rename(all[0].id, 'Mine')).then(() => true)")
	eval[bool](b, "passkeys.signOut().then(() => true)")
	if code := eval[string](b, "passkeys.list().then(() => 'in', e => e.cause.code)"); code != "unauthenticated" {
		t.Errorf("after signing out: %s", code)
	}
	if name := eval[string](b, "passkeys.signIn().then(r => r.user.name)"); name != "Grace" {
		t.Errorf("signed in as %q", name)
	}
	if asked := s.answers("OPTIONS /api/auth/passkey/verify"); !slices.Equal(asked, []int{http.StatusNoContent}) {
		t.Errorf("the browser asked before: %v", asked)
	}

	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!DOCTYPE html><title>stranger</title><link rel="icon" href="data:,">`)
	}))
	t.Cleanup(stranger.Close)
	b.visit(strings.Replace(stranger.URL, "127.0.0.1", "localhost", 1))
	read := fmt.Sprintf(`fetch("%s/api/auth/session", { credentials: "include" }).then(() => "read", () => "blocked")`, s.url)
	if got := eval[string](b, read); got != "blocked" {
		t.Errorf("a page that is not listed has %s the session", got)
	}
	b.forgive("CORS")
}
