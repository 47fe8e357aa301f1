package e2e

import (
	"net/http"
	"slices"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/federated"
	"github.com/mapae/mapae/internal/idptest"
)

var lea = idptest.Person{Subject: "4711", Email: "lea@example.org", Verified: true, Name: "Lea"}

// idp starts an OpenID provider on 127.0.0.1, which to a page of localhost is
// another site. With formPost it answers as Apple does.
func idp(t *testing.T, formPost bool) (*idptest.OpenID, mapae.Federated) {
	t.Helper()
	client := idptest.Client{ID: "client", Secret: "hush"}
	there := idptest.NewOpenID(t, client, lea)
	p, err := federated.OIDC{Name: "test", Label: "Elsewhere", Issuer: there.URL, ClientID: client.ID, ClientSecret: client.Secret, FormPost: formPost}.Provider()
	if err != nil {
		t.Fatal(err)
	}
	return there, mapae.Federated{p}
}

// statuses demands the answers of a route, in order.
func (s *site) statuses(t *testing.T, request string, want ...int) {
	t.Helper()
	if got := s.answers(request); !slices.Equal(got, want) {
		t.Errorf("%s was answered %v, want %v", request, got, want)
	}
}

func TestSomebodyComesByAnotherProvider(t *testing.T) {
	t.Parallel()
	for name, formPost := range map[string]bool{"query": false, "form_post": true} {
		t.Run(name, func(t *testing.T) {
			_, methods := idp(t, formPost)
			s := newSite(t, methods)
			b := openTab(t)
			b.visit(s.url + "/sign-in")
			b.shoot("sign-in")
			b.click(".providers a")
			b.click("[value=not_now]") // a passkey
			b.at("/account")
			b.want("document.body.innerText.includes('lea@example.org')", "the account is there")
			b.shoot("account")
			signOut(b)
			b.visit(s.url + "/sign-in?next=/account%3Fdid=linked")
			b.click(".providers a")
			b.until("document.querySelector('#notice')?.textContent.includes('is connected')")
			s.statuses(t, "GET /api/auth/federated/test/callback", http.StatusSeeOther, http.StatusSeeOther)
			if formPost {
				s.statuses(t, "POST /api/auth/federated/test/callback", http.StatusSeeOther, http.StatusSeeOther)
			}
		})
	}
}

// The way back from a form_post comes from another site: no Strict cookie is
// with it. The second step is bound to one all the same, which is set then.
func TestTheSecondStepFollowsAFormFromAnotherSite(t *testing.T) {
	t.Parallel()
	there, methods := idp(t, true)
	s := newSite(t, cheapPasswords, mapae.TOTP{}, methods)
	b := openTab(t)
	signUpPassword(b, s, "lea@example.com")
	secret, _ := setUpApp(b, s)
	b.click("form[action$='/account/identities'] button")
	b.until("document.querySelector('#notice')?.textContent.includes('is connected')")
	b.see("[action$='/identities/remove'] button")
	b.shoot("linked")
	signOut(b)
	b.visit(s.url + "/sign-in?next=/account%3Fdid=welcome")
	b.click(".providers a")
	b.see("#code")
	b.want("document.querySelector('h1').textContent === 'One more step'", "the second step")
	b.typeInto("#code", s.code(t, secret))
	b.click("form:has(#code) .primary")
	b.at("/offer") // of a passkey, which is on the way
	b.click("[value=not_now]")
	b.until("document.querySelector('#notice')?.textContent.includes('Welcome')")

	// And who says no there, or is nobody the provider vouches for, is told so.
	there.SignIn(idptest.Person{Subject: "1"})
	signOut(b)
	b.visit(s.url + "/sign-in")
	b.click(".providers a")
	b.until("document.querySelector('.alert')?.textContent.includes('so no account can be made with it')")
	b.shoot("unproven")
}

func TestSomebodyConfirmsByGitHub(t *testing.T) {
	t.Parallel()
	client := idptest.Client{ID: "client", Secret: "hush"}
	there := idptest.NewGitHub(t, client, lea)
	p, err := federated.GitHub{URL: there.URL, ClientID: client.ID, ClientSecret: client.Secret}.Provider()
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, mapae.TOTP{}, mapae.Federated{p})
	b := openTab(t)
	b.visit(s.url + "/sign-in")
	b.click(".providers a")
	b.click("[value=not_now]") // a passkey
	b.at("/account")
	s.pass(11 * 60 * 1e9)
	b.click("a[href$='/account/totp']")
	b.see("form[action$='/step-up/federated'] button")
	b.shoot("step-up")
	b.click("form[action$='/step-up/federated'] button")
	b.at("/account/totp")
}
