package client_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

// acme is a provider that knows one person.
type acme struct{}

func (acme) Name() string   { return "acme" }
func (acme) Label() string  { return "Acme" }
func (acme) Issuer() string { return "https://acme.example" }

func (acme) Start(_ context.Context, trip mapae.ProviderTrip) (string, error) {
	return "https://acme.example/authorize?" + url.Values{"state": {trip.State}, "redirect_uri": {trip.RedirectURI}}.Encode(), nil
}

func (acme) Finish(context.Context, mapae.ProviderTrip, mapae.ProviderAnswer) (mapae.Profile, error) {
	return mapae.Profile{Subject: "1", Email: "kim@example.org", EmailVerified: true, Name: "Kim"}, nil
}

// comeBack follows the provider's redirect to the site, as a browser does.
func comeBack(t *testing.T, c *client.Client, to string) {
	t.Helper()
	u, err := url.Parse(to)
	must(t, err)
	if u.Host != "acme.example" {
		t.Fatalf("people are sent to %s", to)
	}
	back := u.Query().Get("redirect_uri") + "?" + url.Values{"code": {"x"}, "state": {u.Query().Get("state")}}.Encode()
	answer, err := c.HTTP.Get(back)
	must(t, err)
	must(t, answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the site answers %d", answer.StatusCode)
	}
}

func TestAccountsOfProvidersAreLinkedListedAndLetGo(t *testing.T) {
	t.Parallel()
	origin := serveAt(t, time.Now, mapae.Federated{acme{}})
	ctx, c := t.Context(), client.New(origin+"/auth", webauthntest.New(origin))
	to, err := c.BeginFederated(ctx, "acme", "/auth/account")
	must(t, err)
	comeBack(t, c, to)
	in, err := c.Session(ctx)
	must(t, err)
	if in.User.Email != "kim@example.org" || in.Session.Methods[0].Method != "federated" {
		t.Errorf("signed in as %+v", in)
	}
	own, err := c.Identities(ctx)
	must(t, err)
	if len(own) != 1 || own[0].Provider != "acme" || own[0].Issuer != "https://acme.example" || own[0].Email != "kim@example.org" || own[0].LastUsedAt == nil || own[0].CreatedAt.IsZero() {
		t.Fatalf("linked are %+v", own)
	}
	wantError(t, c.Unlink(ctx, own[0].ID), 400, "last_factor")
	_, err = c.SetPassword(ctx, password)
	must(t, err)
	must(t, c.Unlink(ctx, own[0].ID))
	wantError(t, c.Unlink(ctx, own[0].ID), 404, "not_found")
	to, err = c.BeginLink(ctx, "acme")
	must(t, err)
	comeBack(t, c, to)
	if own, err = c.Identities(ctx); err != nil || len(own) != 1 {
		t.Errorf("linked are %+v, %v", own, err)
	}
	_, err = c.BeginLink(ctx, "none")
	if e := wantError(t, err, 400, "bad_request"); e.Field != "provider" {
		t.Errorf("the field is %q", e.Field)
	}
	_, err = c.BeginFederated(ctx, "none", "")
	wantError(t, err, 404, "not_found")
}

func TestAnAppIsSentToNoProvider(t *testing.T) {
	t.Parallel()
	origin := serveAt(t, time.Now, mapae.Federated{acme{}})
	ctx, c := t.Context(), client.New(origin+"/auth", webauthntest.New(origin))
	c.App = true
	_, err := c.SignUp(ctx, "kim@example.com", "Kim")
	must(t, err)
	_, err = c.BeginLink(ctx, "acme")
	wantError(t, err, 403, "forbidden")
	_, err = c.BeginFederated(ctx, "acme", "")
	wantError(t, err, 403, "forbidden")
	if own, err := c.Identities(ctx); err != nil || len(own) != 0 {
		t.Errorf("linked are %+v, %v", own, err)
	}
}
