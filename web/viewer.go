package web

import (
	"net/http"
	"net/url"

	"github.com/mapae/mapae"
)

// Viewer is what a page of the program shows about who looks at it, for its
// templates. All links are paths of this origin.
type Viewer struct {
	User     mapae.User // zero: nobody is signed in
	SignedIn bool

	SignIn  string // the sign-in page, which comes back to this page
	SignUp  string // the sign-up page, which does as well
	Account string // where people manage how they sign in
	SignOut string // where a form is posted to, without fields
	Module  string // mapae.js
}

// Viewer returns what the page that r asks for shows about who asks. It finds
// the user as [Site.User] does.
func (s *Site) Viewer(r *http.Request) Viewer {
	v := Viewer{SignIn: s.url("/sign-in"), SignUp: s.url("/sign-up"), Account: s.url("/account"), SignOut: s.url("/account/sign-out"), Module: s.url("/mapae.js")}
	v.User, v.SignedIn = s.User(r)
	if next := asked(r); next != "" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		query := "?" + url.Values{"next": {next}}.Encode()
		v.SignIn += query
		v.SignUp += query
	}
	return v
}
