// Package webauthntest owns a browser and an authenticator made of software,
// to test a relying party without either. It takes the options that a server
// sends to parseCreationOptionsFromJSON and parseRequestOptionsFromJSON, and
// gives what credential.toJSON() would:
//
//	key := webauthntest.New("https://example.com")
//	response, err := key.Create(creationOptions) // POST it to the server
//	response, err = key.Get(requestOptions)      // and sign in with it
//
// [New] is a platform authenticator with synced passkeys and a user who is
// there and verified. Other devices are [NewPlatformBound], [NewPhone],
// [NewSecurityKey], [NewSecurityKeyWithPIN], [NewU2FKey], [NewFlipping], and with
// [Authenticator.Clone] somebody's copy of one. Each field of [Authenticator]
// makes it yet another: a counter that grows, an app, a page in a frame.
//
// A [CA] lets it attest its model in any format of the specification; a server
// that trusts the CA's root can check it:
//
//	key.CA, err = webauthntest.NewCA("a seed")
//	key.Attestation = webauthntest.AttestationTPM
//
// [Forge] makes it a broken or a hostile one: it is for the tests that a server
// must refuse.
//
// With a seeded Rand everything that comes out is the same in every run. An
// Authenticator may be used by several goroutines at once, as long as nobody
// changes its fields meanwhile.
//
// It does not refuse options that it can't satisfy (user verification or a
// discoverable credential that is required): a server must not rely on that.
// It never talks to a network, never checks what a server has to check, and
// shares no code with package webauthn, so that the two can't share a mistake.
package webauthntest
