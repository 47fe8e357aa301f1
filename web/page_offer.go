package web

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/mapae/mapae"
)

// offerData is what the page "offer" shows: the offer of a passkey to who has
// just signed in.
type offerData struct {
	Next    string // where to go afterwards: a path on this origin
	Local   bool   // they came with the passkey of another device
	Second  bool   // they came with their only one, which is on one device alone
	Upgrade bool   // they came with a password: the browser may make the passkey by itself
}

// welcome hands over the session of who has signed in. Those whose browser says
// in its form that it can make a passkey are offered one on the way. Who comes
// back from another site could not say: the page of the offer looks, and goes on
// where the browser can't.
func (s *Site) welcome(w http.ResponseWriter, r *http.Request, a mapae.Admitted, next string) error {
	s.handOver(w, r, a)
	cannot := r.Method == http.MethodPost && r.PostForm.Get("can") == ""
	if cannot || !slices.Contains(a.Suggest, mapae.SuggestPasskey) {
		return s.goOn(w, r, next)
	}
	return s.seeOther(w, r, "/offer?"+url.Values{"next": {next}}.Encode())
}

// offerPage offers a passkey. Who has said not to be asked goes on.
func (s *Site) offerPage(w http.ResponseWriter, r *http.Request) error {
	query, cur := r.URL.Query(), *on(r).current
	next := localPath(query.Get("next"))
	if !s.offers(mapae.MethodPasskey) || s.now().Before(cur.User.OfferAfter) {
		return s.goOn(w, r, next)
	}
	within := mapae.Within(s.auth.Config().FreshFor)
	if !cur.Session.Meets(s.now(), within) {
		return s.goOn(w, r, next)
	}
	s.pages.render(w, r, http.StatusOK, "offer", offerData{
		Next: or(next, s.url("/account")), Local: query.Get("local") != "", Second: query.Get("second") != "",
		Upgrade: slices.ContainsFunc(cur.Session.Uses, func(u mapae.Use) bool { return u.Method == mapae.MethodPassword }),
	})
	return nil
}

// offerForm takes a no to the offer.
func (s *Site) offerForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	if err := s.auth.AnswerOffer(r.Context(), *on(r).current, mapae.OfferAnswer(r.PostForm.Get("answer"))); err != nil {
		return err
	}
	return s.goOn(w, r, localPath(r.PostForm.Get("next")))
}
