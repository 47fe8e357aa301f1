package mapae_test

import (
	"testing"
	"time"

	"github.com/mapae/mapae"
)

func TestAnInquiryIsOpenedByTheSameKeysForTenMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := newWorld(t, func(c *mapae.Config) { c.Secrets = []mapae.RootKey{mapae.NewRootKey()} })
	text := must(w.SealInquiry())(t)
	for range 2 {
		if err := w.OpenInquiry(text); err != nil {
			t.Error(err)
		}
	}
	wantCode(t, other.OpenInquiry(text), mapae.CodeCeremonyInvalid)
	wantCode(t, w.OpenInquiry(text[:len(text)-1]), mapae.CodeCeremonyInvalid)
	wantCode(t, w.OpenInquiry(""), mapae.CodeCeremonyInvalid)
	_, err := w.SignInByLink(w.ctx, browser(1), text)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	w.pass(10 * time.Minute)
	wantCode(t, w.OpenInquiry(text), mapae.CodeCeremonyInvalid)
}
