package web

import (
	"net/http"

	"github.com/mapae/mapae"
)

// answerOffer remembers that somebody does not want a passkey now, or at all.
func (s *Site) answerOffer(w http.ResponseWriter, r *http.Request) error {
	var said string
	if err := readJSON(r, member{name: "answer", text: &said}); err != nil {
		return err
	}
	if err := s.auth.AnswerOffer(r.Context(), *on(r).current, mapae.OfferAnswer(said)); err != nil {
		return err
	}
	return answer(w, done{Success: true})
}
