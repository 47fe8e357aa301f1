package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
)

// nearby is a phone beside the computer, reached by a QR code.
func nearby() webauthn.VirtualAuthenticatorOptions {
	options := phone()
	options.Transport = webauthn.AuthenticatorTransportHybrid
	return options
}

// once lets the person answer the device while f runs.
func (d *device) once(f func()) {
	d.b.t.Helper()
	d.touches(true)
	f()
	d.touches(false)
}

// signsIn presses the button of the sign-in page, unless its autofill, which is
// armed anew now and then, was answered first.
func (d *device) signsIn() {
	d.b.t.Helper()
	d.b.see("#passkey")
	d.once(func() {
		eval[bool](d.b, "document.querySelector('#passkey')?.click() === undefined")
		d.b.until("location.pathname !== '/sign-in'")
	})
}

func TestAfterASignInWithAPhoneThisDeviceIsOffered(t *testing.T) {
	t.Parallel()
	offerAfterPhone(openTab(t), newSite(t))
}

// offerAfterPhone is offered a passkey of this device, twice.
func offerAfterPhone(b *tab, s *site) {
	b.t.Helper()
	t := b.t
	phone := b.attach(nearby())
	signUp(b, s, "ada@example.com", "Ada Lovelace")
	phone.touches(false)
	signOut(b)
	computer := b.attach(twin())
	b.visit(s.url + "/sign-in?next=/account%3Fdid=ended") // now with a device of its own
	signIn := func() {
		t.Helper()
		phone.signsIn()
	}

	signIn()
	b.at("/offer")
	b.want("document.querySelector('h1').textContent === 'Use this device next time?'", "the offer is of this device")
	b.want(calm, "an offer is no error")
	b.shoot("local")
	b.click("[value=not_now]")
	b.at("/account")
	b.see("#notice") // where they wanted to go
	signOut(b)
	signIn()
	b.at("/account") // not asked again

	s.pass(30*24*time.Hour + time.Minute)
	b.visit(s.url + "/sign-in")
	signIn()
	b.at("/offer")
	computer.once(func() {
		b.click("#create")
		b.at("/account")
	})
	b.until("document.querySelectorAll('.row[data-id]').length === 2")
	if n := computer.passkeys(); n != 1 {
		t.Errorf("this device has %d passkeys, want 1", n)
	}
}

func TestAfterAPasswordAPasskeyIsOfferedAndNeverForcedOnAnybody(t *testing.T) {
	t.Parallel()
	offerAfterPassword(openTab(t), methodSite(t))
}

// offerAfterPassword is offered a passkey, once and for all.
func offerAfterPassword(b *tab, s *site) {
	b.t.Helper()
	t := b.t
	signUpPassword(b, s, "joan@example.com")
	computer := b.attach(twin())
	signOut(b)
	enterPassword(b, s, "joan@example.com", password)
	b.at("/offer")
	b.see("#create")
	b.shoot("offer")
	computer.verifies(false)
	computer.once(func() {
		b.click("#create")
		b.says("nothing has changed")
	})
	b.want(calm, "cancelling is no error")
	b.click("[value=never]")
	b.at("/account")
	s.pass(400 * 24 * time.Hour)
	enterPassword(b, s, "joan@example.com", password)
	b.at("/account")
	if n := computer.passkeys(); n != 0 {
		t.Errorf("this device has %d passkeys, want 0", n)
	}
}

// upgradable makes conditional create, which headless Chromium never settles,
// a plain one of a device that asks nobody.
const upgradable = `{
	PublicKeyCredential.getClientCapabilities = async () => ({conditionalCreate: true})
	const create = CredentialsContainer.prototype.create
	CredentialsContainer.prototype.create = function (options) {
		window.mediation = options.mediation
		const {mediation, ...plain} = options
		return create.call(this, plain)
	}
}`

func TestAPasswordSignInIsUpgradedUnseen(t *testing.T) {
	t.Parallel()
	s := methodSite(t)
	b := openTab(t)
	signUpPassword(b, s, "mary@example.com")
	signOut(b)
	silent := b.attach(phone())
	b.do("nobody is there", call(webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{
		AuthenticatorID: silent.id, IsBadUP: new(true), IsBadUV: new(true)}))
	b.before(upgradable)
	enterPassword(b, s, "mary@example.com", password)
	s.await(t, "POST /api/webauthn/register/complete/", 1)
	b.at("/account")
	b.until("document.querySelectorAll('.row[data-id]').length === 1")
	b.want("!document.querySelector('#codes li')", "recovery codes wait for a passkey that is seen being made")
	b.want(calm, "an upgrade says nothing bad")
	if got := s.answers("POST /api/webauthn/register/complete/"); got[0] != 200 {
		t.Errorf("the upgrade was answered %v", got)
	}
	if n := silent.passkeys(); n != 1 {
		t.Errorf("the device has %d passkeys, want 1", n)
	}
}

func TestAnUpgradeThatFailsIsNotHeardOf(t *testing.T) {
	t.Parallel()
	s := methodSite(t)
	b := openTab(t)
	signUpPassword(b, s, "rosa@example.com")
	signOut(b)
	b.attach(twin()) // answers nobody
	b.before(`{
		PublicKeyCredential.getClientCapabilities = async () => ({conditionalCreate: true})
		CredentialsContainer.prototype.create = () => Promise.reject(new DOMException("no", "NotAllowedError"))
	}`)
	enterPassword(b, s, "rosa@example.com", password)
	b.at("/offer")
	s.await(t, "GET /api/webauthn/register/options/", 1)
	b.see("#create")
	b.want("document.querySelector('#status').textContent === ''", "nothing is said")
	b.click("[value=not_now]")
	b.at("/account")
}

func TestAfterAnotherProviderAPasskeyIsOffered(t *testing.T) {
	_, methods := idp(t, false)
	s := newSite(t, methods)
	signIn := func(b *tab) {
		t.Helper()
		b.visit(s.url + "/sign-in?next=/account%3Fdid=linked")
		b.click(".providers a")
	}
	for name, unable := range map[string]func(b *tab){
		"no scripts": func(b *tab) { b.do("turn scripts off", noScripts) },
		"no device":  func(b *tab) { b.before(`PublicKeyCredential.getClientCapabilities = async () => ({})`) },
	} {
		b, offers := openTab(t), s.count("GET /offer")
		unable(b)
		signIn(b)
		b.at("/account") // by the page of the offer
		b.see("#notice")
		if n := s.count("GET /offer") - offers; n != 1 {
			t.Errorf("%s: the offer was asked for %d times", name, n)
		}
	}

	b := openTab(t)
	computer := b.attach(twin())
	signIn(b)
	b.at("/offer")
	b.shoot("offer")
	computer.once(func() {
		b.click("#create")
		b.click("#codes-done")
		b.at("/account")
	})
	b.until("document.querySelectorAll('.row[data-id]').length === 1")
	signOut(b)

	signIn(b)
	b.see("[data-prove] .primary")
	b.want("document.querySelector('h1').textContent === 'One more step'", "the passkey is a second factor")
	computer.once(func() {
		b.click("[data-prove] .primary")
		b.at("/account") // who has used one is not offered one
	})
}

func TestAfterAMailedCodeAPasskeyIsOffered(t *testing.T) {
	s, mailed := mailSite(t)
	b := openTab(t)
	signUpByMailWithPassword(b, s, mailed, "ada@example.com")
	b.attach(twin())
	signOut(b)
	b.click("a[href$='/email-code']")
	b.typeInto("#email", "ada@example.com")
	b.click("form .primary")
	b.see("#mail-code")
	b.typeInto("#mail-code", mailed().Code)
	b.click("form .primary")
	b.at("/offer")
	b.click("[value=never]")
	b.at("/account")
}

func TestWhoCouldLoseTheOnlyPasskeyIsOfferedASecond(t *testing.T) {
	s := newSite(t)
	b := openTab(t)
	key := b.attach(securityKey())
	signUp(b, s, "ada@example.com", "Ada Lovelace")
	key.touches(false)
	s.pass(25 * time.Hour)
	signIn := func() {
		t.Helper()
		b.visit(s.url + "/sign-in?next=/account%3Fdid=ended")
		key.signsIn()
	}
	signOut(b)
	signIn()
	b.at("/offer")
	b.want("document.querySelector('h1').textContent === 'Add a second passkey?'", "the offer is of a second one")
	b.shoot("second")
	b.click("[value=not_now]")
	b.at("/account")
	b.see("#notice")
	signOut(b)
	signIn()
	b.at("/account") // not asked again

	s.pass(31 * 24 * time.Hour)
	signIn()
	b.at("/offer")
	computer := b.attach(twin())
	computer.once(func() {
		b.click("#create")
		b.at("/account")
	})
	b.until("document.querySelectorAll('.row[data-id]').length === 2")
	s.pass(48 * time.Hour)
	signOut(b)
	signIn()
	b.at("/account") // there is a second one
}
