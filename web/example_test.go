package web_test

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/web"
)

// Routes of one's own are guarded where they are registered.
func ExampleSite_Require() {
	auth, err := mapae.New(mapae.Config{
		Store:   memory.New(),
		Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      mapae.RelyingParty{ID: "example.com", Origins: []string{"https://example.com"}},
		Methods: []mapae.Method{mapae.Passkey{}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	site := web.New(auth, web.Config{Base: "/auth"})
	account := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := site.User(r)
		fmt.Fprintln(w, "Hello,", user.Name)
	})
	transfer := account

	mux := http.NewServeMux()
	mux.Handle("/auth/", site)
	mux.Handle("GET /account", site.Require(account))
	mux.Handle("POST /transfer", site.Require(transfer, mapae.PhishingResistant(), mapae.Within(5*time.Minute)))
}

// newAuth is that of the examples below.
func newAuth(origins ...string) *mapae.Auth {
	auth, err := mapae.New(mapae.Config{
		Store:   memory.New(),
		Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      mapae.RelyingParty{ID: "example.com", Name: "Example", Origins: append([]string{"https://example.com"}, origins...)},
		Methods: []mapae.Method{mapae.Passkey{}},
	})
	if err != nil {
		panic(err)
	}
	return auth
}

// get is what a browser that is not signed in is answered.
func get(h http.Handler, url string) string {
	r, answer := httptest.NewRequest("GET", url, nil), httptest.NewRecorder()
	r.Header.Set("Accept", "text/html")
	h.ServeHTTP(answer, r)
	if to := answer.Header().Get("Location"); to != "" {
		return fmt.Sprint(answer.Code, " ", to)
	}
	return fmt.Sprint(answer.Code, " ", answer.Body)
}

// What is not named is closed: nobody forgets to guard a route.
func ExampleSite_Protect() {
	site := web.New(newAuth(), web.Config{Base: "/auth"})
	mux := http.NewServeMux()
	mux.Handle("/auth/", site)
	mux.HandleFunc("GET /about", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "About us") })
	mux.HandleFunc("GET /reports", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Figures") })

	closed := site.Protect(mux, web.Public("/", "/about", "/static/*"))
	fmt.Println(get(closed, "https://example.com/about"))
	fmt.Println(get(closed, "https://example.com/reports?year=2026"))
	// Output:
	// 200 About us
	// 303 /auth/sign-in?next=%2Freports%3Fyear%3D2026
}

// A page for everybody greets those who are signed in.
func ExampleSite_User() {
	site := web.New(newAuth(), web.Config{Base: "/auth"})
	front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, ok := site.User(r); ok {
			fmt.Fprintln(w, "Hello,", user.Name)
			return
		}
		fmt.Fprintln(w, "Hello, stranger")
	})
	fmt.Print(get(front, "https://example.com/"))
	// Output: 200 Hello, stranger
}

// Behind Require the session is in the context: what was used to sign in, and
// how strong that was.
func ExampleSessionFrom() {
	site := web.New(newAuth(), web.Config{Base: "/auth"})
	report := site.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, _ := web.SessionFrom(r.Context())
		fmt.Fprintln(w, in.User.Name, in.Session.AAL(), in.Session.PhishingResistant(), in.Session.CreatedAt)
	}))
	fmt.Println(get(report, "https://example.com/report"))
	// Output: 303 /auth/sign-in?next=%2Freport
}

// Templates of the program get all they need about who looks at the page.
func ExampleSite_Viewer() {
	page := template.Must(template.New("page").Parse(`{{with .Viewer -}}
{{if .SignedIn}}<form method="post" action="{{.SignOut}}">{{.User.Name}} <button>Sign out</button></form>
{{else}}<a href="{{.SignIn}}">Sign in</a>
{{end}}{{end}}`))
	site := web.New(newAuth(), web.Config{Base: "/auth"})
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = page.Execute(w, map[string]any{"Viewer": site.Viewer(r)})
	})
	fmt.Print(get(shop, "https://example.com/shop?page=2"))
	// Output: 200 <a href="/auth/sign-in?next=%2Fshop%3Fpage%3D2">Sign in</a>
}

// A front end that was made for Spring Security's passkeys finds its routes at
// the root of the origin.
func ExampleSite_Spring() {
	site := web.New(newAuth(), web.Config{Base: "/auth"})
	mux := http.NewServeMux()
	mux.Handle("/auth/", site)
	for pattern, h := range site.Spring() {
		mux.Handle(pattern, h)
	}
	var patterns []string
	for pattern := range site.Spring() {
		patterns = append(patterns, pattern)
	}
	slices.Sort(patterns)
	fmt.Println(strings.Join(patterns, "\n"))
	// Output:
	// /login/webauthn
	// /webauthn/authenticate
	// /webauthn/authenticate/options
	// /webauthn/register
	// /webauthn/register/options
	// /webauthn/register/{id}
}

// A page application at app.example.com calls the API of example.com, and a
// route of the program, with the session's cookie.
func ExampleSite_Preflight() {
	const app = "https://app.example.com"
	site := web.New(newAuth(app), web.Config{Base: "/auth", CORS: []string{app}})
	mux := http.NewServeMux()
	mux.Handle("/auth/", site)
	mux.Handle("POST /api/orders", site.Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })))
	mux.Handle("OPTIONS /api/", site.Preflight())

	for _, origin := range []string{app, "https://evil.example.com"} {
		r, answer := httptest.NewRequest("OPTIONS", "https://example.com/api/orders", nil), httptest.NewRecorder()
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		mux.ServeHTTP(answer, r)
		fmt.Printf("%d %q\n", answer.Code, answer.Header().Get("Access-Control-Allow-Origin"))
	}
	// Output:
	// 204 "https://app.example.com"
	// 405 ""
}

// Apps of one's own use the same passkeys; the site says which they are.
func ExampleSite_WellKnown() {
	mux := http.NewServeMux()
	mount := func() error {
		auth, err := mapae.New(mapae.Config{
			Store:   memory.New(),
			Secrets: []mapae.RootKey{mapae.NewRootKey()},
			RP: mapae.RelyingParty{ID: "example.com", Origins: []string{
				"https://example.com", // the site, and the app for iOS
				"android:apk-key-hash:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
			}},
			Methods: []mapae.Method{mapae.Passkey{}},
		})
		if err != nil {
			return err
		}
		site := web.New(auth, web.Config{WellKnown: web.WellKnown{
			AppleApps:   []string{"ABCDE12345.com.example.app"},
			AndroidApps: []string{"com.example.app"},
		}})
		for pattern, h := range site.WellKnown() {
			mux.Handle(pattern, h)
		}
		return nil
	}
	if err := mount(); err != nil {
		fmt.Println(err)
		return
	}
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest("GET", "/.well-known/apple-app-site-association", nil))
	fmt.Println(answer.Body)
	// Output: {"webcredentials":{"apps":["ABCDE12345.com.example.app"]}}
}

// The pages take the look of the site that they belong to.
func ExampleBrand() {
	config := web.Config{
		Base: "/auth",
		Brand: web.Brand{
			Name:   "Acme",
			Accent: "#7a1f5c", AccentDark: "#f0b0d8",
			Terms: "https://acme.example/terms", Privacy: "/privacy", Help: "/help",
		},
	}
	fmt.Println(config.Brand.Check())
	config.Brand.Accent = "#ffcc00"
	fmt.Println(config.Brand.Check())
	// Output:
	// <nil>
	// brand: Accent "#ffcc00": its contrast with #ffffff is 1.5, less than 4.5
}

// A template of one's own takes the place of the page of the same name; what it
// does not define is as shipped.
func ExampleConfig_templates() {
	auth, err := mapae.New(mapae.Config{
		Store:   memory.New(),
		Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      mapae.RelyingParty{ID: "example.com", Name: "Acme", Origins: []string{"https://example.com"}},
		Methods: []mapae.Method{mapae.Passkey{}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	site := web.New(auth, web.Config{Base: "/auth", Templates: fstest.MapFS{
		"sign-in.html": {Data: []byte(`{{define "main"}}
<h1>Come in, {{.Site}}</h1>
<form method="post" action="{{.Base}}/sign-in" data-next="{{.Data.Next}}">
{{template "email" .}}
<button class="primary" data-needs="passkeys">{{.T "signin.continue"}}</button>
</form>
{{template "status" .}}
{{end}}`)},
	}})
	answer := httptest.NewRecorder()
	site.ServeHTTP(answer, httptest.NewRequest("GET", "https://example.com/auth/sign-in", nil))
	for _, line := range strings.Split(answer.Body.String(), "\n") {
		if strings.Contains(line, "<h1>") || strings.Contains(line, "<title>") {
			fmt.Println(line)
		}
	}
	// Output:
	// <title>Sign in · Acme</title>
	// <h1>Come in, Acme</h1>
}
