package web

import (
	"html/template"
	"net/http"
	"net/url"
	"testing"

	"github.com/mapae/mapae"
)

func TestAPageOfTheProgramShowsWhoLooksAtIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *mapae.Config, c *Config) { c.Base = "/auth" })
	page := template.Must(template.New("").Parse(
		`{{if .SignedIn}}{{.User.Name}} <form method="post" action="{{.SignOut}}"></form> <a href="{{.Account}}"></a>{{else}}<a href="{{.SignIn}}"></a> <a href="{{.SignUp}}"></a>{{end}} <script type="module" src="{{.Module}}"></script>`))
	mux := http.NewServeMux()
	mux.Handle("/auth/", w.site)
	mux.HandleFunc("/auth/own/", func(rw http.ResponseWriter, r *http.Request) {
		if err := page.Execute(rw, w.site.Viewer(r)); err != nil {
			t.Error(err)
		}
	})
	w.h = mux
	p := w.person()
	for _, path := range []string{"/own/", "/own/shop?a=1&b=%22", "/own/%2f/evil.com"} {
		q := url.Values{"next": {"/auth" + path}}.Encode()
		p.page(path).says(t, path, 200, `<a href="/auth/sign-in?`+q+`"></a> <a href="/auth/sign-up?`+q+`"></a> <script type="module" src="/auth/mapae.js">`)
	}
	p.send("POST", "/own/shop", "{}").says(t, "a form", 200, `<a href="/auth/sign-in"></a>`)

	in := w.member(alice)
	in.page("/own/shop").says(t, "who is signed in", 200, `Somebody <form method="post" action="/auth/account/sign-out"></form> <a href="/auth/account"></a>`)
	seeOther(t, in.send("POST", "/account/sign-out", "", asHTML, asForm), "/auth/sign-in?did=signed-out")
	in.page("/own/shop").says(t, "who has signed out", 200, `<a href="/auth/sign-in?next=%2Fauth%2Fown%2Fshop">`)
}
