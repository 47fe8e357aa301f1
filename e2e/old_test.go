package e2e

import (
	"testing"
)

// oldBrowser takes away what browsers have learned since they first had
// passkeys: the JSON of options and answers, autofill, capabilities, signals.
const oldBrowser = `{
	for (const name of ["parseCreationOptionsFromJSON", "parseRequestOptionsFromJSON", "isConditionalMediationAvailable", "getClientCapabilities",
		"signalUnknownCredential", "signalAllAcceptedCredentials", "signalCurrentUserDetails"]) delete PublicKeyCredential[name]
	delete PublicKeyCredential.prototype.toJSON
}`

// TestOldBrowsersGoTheSameWay walks as the tests of today's browsers do.
func TestOldBrowsersGoTheSameWay(t *testing.T) {
	t.Parallel()
	for name, walk := range map[string]struct {
		site func(*testing.T) *site
		do   func(*tab, *site)
	}{
		"passkeys are kept":        {plainSite, keepPasskeys},
		"confirmed on the way":     {plainSite, confirmOnTheWay},
		"second step by a passkey": {methodSite, secondStepByPasskey},
		"recovery":                 {methodSite, recoverWithTwoProofs},
		"offer after a phone":      {plainSite, offerAfterPhone},
		"offer after a password":   {methodSite, offerAfterPassword},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b := walk.site(t), openTab(t)
			b.before(oldBrowser)
			walk.do(b, s)
			b.want("!('signalAllAcceptedCredentials' in PublicKeyCredential || 'toJSON' in PublicKeyCredential.prototype)", "the newer calls are gone")
			if armed := s.count("GET /api/auth/passkey/options"); armed != 0 {
				t.Errorf("autofill was armed %d times where there is none", armed)
			}
		})
	}
}

// plainSite offers passkeys only.
func plainSite(t *testing.T) *site { return newSite(t) }

// keepPasskeys signs up, refuses five times, signs in after all, then adds, renames and removes.
func keepPasskeys(b *tab, s *site) {
	b.t.Helper()
	phone := b.attach(phone())
	signUp(b, s, "hedy@example.com", "Hedy Lamarr")
	signOut(b)
	phone.cancels("#passkey")
	phone.once(func() {
		b.typeInto("#email", "hedy@example.com\r")
		b.at("/account")
	})
	manage(b, phone)
}
