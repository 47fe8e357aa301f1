package e2e

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/web"
)

// failing is a store that is out of order while down is set.
type failing struct {
	mapae.Store
	down *atomic.Bool
}

func (f failing) Update(ctx context.Context, do func(mapae.Tx) error) error {
	if f.down.Load() {
		return errors.New("the disk is full")
	}
	return f.Store.Update(ctx, do)
}

// post sends a form from the page, as another page of the site would.
func (b *tab) post(path, name, value string) {
	b.t.Helper()
	eval[bool](b, "window.left = true")
	eval[bool](b, `(() => {
		const form = document.body.appendChild(document.createElement("form"))
		form.method = "post"
		form.action = `+quote(path)+`
		const input = form.appendChild(document.createElement("input"))
		input.name = `+quote(name)+`
		input.value = `+quote(value)+`
		form.submit()
		return true
	})()`)
	b.until("document.readyState === 'complete' && !window.left")
}

// TestErrorsAreSaidOnAPageOfTheirOwn: what happened, in a person's words, and
// how the operator finds the request.
func TestErrorsAreSaidOnAPageOfTheirOwn(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	s := newSiteOf(t, func(c *mapae.Config) {
		c.Store = failing{c.Store, &down}
		c.Methods = append(c.Methods, cheapPasswords)
	}, func(face *web.Site) http.Handler { return face })
	b := openTab(t)
	signUpPassword(b, s, "ada@example.com")
	for _, c := range []struct{ code, path, name, value string }{
		{"400", "/recover", "step", "nonsense"},
		{"404", "/account/remove", "id", "AAAA"},
		{"503", "/account/end-others", "all", "1"},
	} {
		b.visit(s.url + "/account")
		down.Store(c.code == "503")
		b.post(c.path, c.name, c.value)
		down.Store(false)
		b.want("document.querySelector('.code')?.textContent === "+quote(c.code), "the status")
		b.want("document.querySelector('.hint code').textContent.length > 8", "the request's ID")
		b.want("!/the disk|nonsense|undefined/.test(document.body.innerText) && document.querySelector('main a')", "no inner matters, and a way on")
		b.shoot(c.code)
	}
}
