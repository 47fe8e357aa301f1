// Package mapae is sign-in, passkeys first: accounts, sessions, and the flows
// by which people sign up, sign in and manage how they do.
//
// # The model
//
// A [User] has credentials, which people see as passkeys ([Credential]), and
// sessions ([Session]). A flow is a pair of calls: Begin… answers options for
// the browser's or phone's own dialogue, Finish… verifies what came back.
//
//	BeginSignUp      FinishSignUp       an account and its first passkey
//	BeginSignIn      FinishSignIn       by autofill or button, with or without a name
//	BeginReauth      FinishReauth       step-up: the same session, authenticated now
//	BeginAddPasskey  FinishAddPasskey   a further passkey, in a fresh session
//
// Beside passkeys there are passwords, authenticator apps and recovery codes
// ([Password], [TOTP], [Auth.NewRecoveryCodes]). A sign-in by one factor of a
// user who has a second goes on with a [SecondFactorStep], and who has lost a
// device comes back by [Auth.BeginRecovery].
//
// Where [Config.Mailer] is set, addresses are proven: sign-up begins with a code
// ([Auth.ProveSignUp]), and there are [EmailCode] and [Auth.ForgotPassword]. What
// has to be mailed is written to the outbox, and [Auth.Deliver] sends it.
//
// Beginning a ceremony writes nothing. The challenge that it hands out is sealed under a
// root key and carries all the state of the ceremony; finishing opens it,
// verifies with no lock held, and then does one transaction that spends the
// challenge and writes the effect. So a challenge is free to issue, works
// once, and several tabs do not disturb each other.
//
// Every way in ends in the same private function, the only place where a
// session is born. A session records which methods were used and when
// ([Use]); assurance level, resistance to phishing and freshness are computed
// from that ([Session.AAL], [Session.Meets]), never stored.
//
// An application that has users, passwords and sessions of its own says whom it
// has authenticated ([External], [Auth.SignInExternal]), and adds passkeys to
// what it has.
//
// # What is around it
//
// This package does no HTTP and knows no database. Package web is its HTTP
// face, packages memory, sqlite and postgres keep its records behind [Store], package
// webauthn verifies, and package client is the other end of the JSON API.
//
// Errors are [Error] values with a [Code]. Whether an account exists is never
// told: the same code for every cause, and the true reason in the [Event] that
// every outcome leaves.
package mapae
