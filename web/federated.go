package web

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/mapae/mapae"
)

// tripMark stands in the name of the cookie that ties a trip to a provider to
// the browser. It is Lax: the way back begins on another site.
const tripMark = "-f-"

// federatedRoutes are how people come by a provider, and what they have linked.
func (s *Site) federatedRoutes() []row {
	return []row{
		{get, "/api/auth/federated/{provider}/start", visit, anyone, stale, nothing, none, s.startFederated},
		{get, "/api/auth/federated/{provider}/callback", visit, anyone, stale, failures, none, s.finishFederated},
		{post, "/api/auth/federated/{provider}/callback", visit, anyone, stale, nothing, small, s.passOn},
		{get, "/api/account/identities", api, signedIn, stale, nothing, none, s.identities},
		{post, "/api/account/identities", api, signedIn, fresh, nothing, small, s.beginLink},
		{del, "/api/account/identities/{id}", api, signedIn, fresh, nothing, small, s.unlink},

		{post, "/federated", form, anyone, stale, failures, small, s.federatedForm},
		{post, "/account/identities", form, signedIn, stale, nothing, small, s.freshForm("/account", s.linkForm)},
		{post, "/account/identities/remove", form, signedIn, stale, nothing, small, s.freshForm("/account", s.unlinkForm)},
		{post, "/step-up/federated", form, signedIn, stale, nothing, small, s.stepUpFederatedForm},
		{post, "/recover/federated", form, anyone, stale, failures, small, s.recoverFederatedForm},
	}
}

// provider returns the provider of that name.
func (s *Site) provider(name string) (mapae.Provider, error) {
	list := s.auth.Providers()
	if i := slices.IndexFunc(list, func(p mapae.Provider) bool { return p.Name() == name }); i >= 0 {
		return list[i], nil
	}
	return nil, mapae.ErrMissing
}

// callback is the path that the provider sends people back to.
func (s *Site) callback(p mapae.Provider) string {
	return s.url("/api/auth/federated/" + p.Name() + "/callback")
}

// tripTo is a request for a trip to p. Where it comes back to is an origin that
// is configured, whatever the request says.
func (s *Site) tripTo(r *http.Request, p mapae.Provider, next string) mapae.FederatedRequest {
	return mapae.FederatedRequest{Provider: p.Name(), RedirectURI: on(r).origin.url + s.callback(p), Next: localPath(next), Locale: s.pages.locales.reader(r).Lang}
}

// bindTrip returns the client for a trip that begins now; what is bound to the
// browser's own ceremonies stays readable.
func (s *Site) bindTrip(w http.ResponseWriter, r *http.Request) mapae.Client {
	c := on(r).client
	if c.App {
		return c
	}
	c.Bindings = append([][32]byte{on(r).mark(w, tripMark, http.SameSiteLaxMode)}, c.Bindings...)
	return c
}

// startFederated sends a browser to a provider to sign in.
func (s *Site) startFederated(w http.ResponseWriter, r *http.Request) error {
	p, err := s.provider(r.PathValue("provider"))
	if err != nil {
		return err
	}
	query := r.URL.Query()
	req := s.tripTo(r, p, query.Get("next"))
	req.Invitation = query.Get("invitation")
	s.tripFails(r, p, mapae.FederatedStep{Next: req.Next})
	to, err := s.auth.BeginFederated(r.Context(), s.bindTrip(w, r), req)
	if err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// answerMembers are what a provider's answer may have; the rest is dropped.
var answerMembers = []string{"state", "code", "iss", "error", "user"}

// passOn takes an answer that a provider's page posts (OAuth 2.0 Form Post
// Response Mode), and does nothing but ask for it again by GET: with a POST from
// another site a browser sends neither session nor state.
func (s *Site) passOn(w http.ResponseWriter, r *http.Request) error {
	p, err := s.provider(r.PathValue("provider"))
	if err != nil {
		return err
	}
	if err := readForm(r); err != nil {
		return err
	}
	query := url.Values{}
	for _, name := range answerMembers {
		if values := r.PostForm[name]; len(values) > 0 {
			query[name] = values
		}
	}
	http.Redirect(w, r, s.callback(p)+"?"+query.Encode(), http.StatusSeeOther)
	return nil
}

// finishFederated takes who comes back from a provider on.
func (s *Site) finishFederated(w http.ResponseWriter, r *http.Request) error {
	p, err := s.provider(r.PathValue("provider"))
	if err != nil {
		return err
	}
	var cur *mapae.Current
	if live, ok := s.current(r); ok {
		cur = &live
	}
	c := on(r).client
	if !c.App {
		trips := on(r).marked(tripMark)
		c = s.bind(w, r)
		c.Bindings = slices.Concat(c.Bindings, trips)
	}
	s.tripFails(r, p, mapae.FederatedStep{})
	step, err := s.auth.FinishFederated(r.Context(), c, cur, readAnswer(r, p, on(r).origin.url+s.callback(p)))
	step.Next = localPath(step.Next)
	s.tripFails(r, p, step)
	if err != nil {
		return err
	}
	return s.arrive(w, r, p, step)
}

// readAnswer reads the query of a callback. A member that is there twice is
// none.
func readAnswer(r *http.Request, p mapae.Provider, redirectURI string) mapae.FederatedAnswer {
	query := r.URL.Query()
	one := func(name string) string {
		if len(query[name]) != 1 {
			return ""
		}
		return query[name][0]
	}
	return mapae.FederatedAnswer{Provider: p.Name(), RedirectURI: redirectURI, State: one("state"), Error: one("error"),
		ProviderAnswer: mapae.ProviderAnswer{Code: one("code"), Issuer: one("iss"), User: one("user")}}
}

// arrive shows what a trip led to.
func (s *Site) arrive(w http.ResponseWriter, r *http.Request, p mapae.Provider, step mapae.FederatedStep) error {
	data := federatedData{Provider: p.Name(), Label: p.Label(), Next: step.Next}
	switch {
	case step.Cancelled:
		return s.turnBack(w, r, step)
	case step.Taken != "":
		data.Step, data.Email = "taken", step.Taken
	case step.Unproven != nil:
		data.Step, data.Email, data.Ticket = "email", step.Unproven.Email, step.Unproven.Ticket
	case step.Recovery != nil:
		s.renderRecover(w, r, http.StatusOK, s.afterProof(*step.Recovery))
		return nil
	case step.Second != nil:
		return s.renderSecond(w, r, http.StatusOK, proofData{Ticket: step.Second.Ticket, Next: step.Next, ways: step.Second.Methods})
	case step.Purpose == mapae.FederatedLink:
		return s.seeOther(w, r, "/account?did=linked")
	case step.Purpose == mapae.FederatedSignIn:
		return s.welcome(w, r, step.Admitted, step.Next)
	default:
		return s.afterStepUp(w, r, step.Admitted, step.Action, step.Next)
	}
	s.pages.render(w, r, http.StatusOK, "federated", data)
	return nil
}

// turnBack sends who said no at the provider to where they came from.
func (s *Site) turnBack(w http.ResponseWriter, r *http.Request, step mapae.FederatedStep) error {
	switch step.Purpose {
	case mapae.FederatedLink:
		return s.seeOther(w, r, "/account")
	case mapae.FederatedReauth:
		return s.confirmFor(w, r, step.Action, step.Next)
	case mapae.FederatedRecover:
		return s.seeOther(w, r, "/recover")
	}
	return s.seeOther(w, r, "/sign-in?"+url.Values{"next": {step.Next}}.Encode())
}

// identityJSON is an account elsewhere in answers to the user who linked it.
type identityJSON struct {
	ID         string  `json:"id"`       // base64url
	Provider   string  `json:"provider"` // its name; empty: it is configured no more
	Issuer     string  `json:"issuer"`
	Email      string  `json:"email,omitempty"` // as the provider told it
	CreatedAt  string  `json:"created_at"`
	LastUsedAt *string `json:"last_used_at"` // null: never
}

// identities answers what the user has linked.
func (s *Site) identities(w http.ResponseWriter, r *http.Request) error {
	own, err := s.auth.Identities(r.Context(), *on(r).current)
	if err != nil {
		return err
	}
	list := []identityJSON{}
	for _, i := range own {
		name := ""
		for _, p := range s.auth.Providers() {
			if p.Issuer() == i.Provider {
				name = p.Name()
			}
		}
		list = append(list, identityJSON{encode64(i.ID()), name, i.Provider, i.Email, stamp(i.CreatedAt), optionalStamp(i.LastUsedAt)})
	}
	return answer(w, struct {
		Success    bool           `json:"success"`
		Identities []identityJSON `json:"identities"`
	}{true, list})
}

// beginLink answers where a front end of one's own sends the browser, to link an
// account there. It comes back by the callback, and ends on the account page.
func (s *Site) beginLink(w http.ResponseWriter, r *http.Request) error {
	var name string
	if err := readJSON(r, member{name: "provider", text: &name}); err != nil {
		return err
	}
	p, err := s.provider(name)
	if err != nil {
		return badRequest("provider", "there is none of that name")
	}
	to, err := s.auth.BeginLink(r.Context(), s.bindTrip(w, r), *on(r).current, s.tripTo(r, p, ""))
	if err != nil {
		return err
	}
	return answer(w, struct {
		Success bool   `json:"success"`
		URL     string `json:"url"`
	}{true, to})
}

// unlink takes an identity of the user away.
func (s *Site) unlink(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := s.auth.Unlink(r.Context(), on(r).client, *on(r).current, id); err != nil {
		return err
	}
	return answer(w, done{Success: true})
}
