// Package extension owns the extensions of Web Authentication that have a
// meaning for a relying party: typed inputs for the options, typed outputs from
// a verified response. It never fails: an output that is missing, of the wrong
// type or was not asked for is a value, and unknown ones are kept (§7.1 step 28,
// §7.2 step 23). It decides nothing.
//
//	options.Extensions = extension.Inputs{CredProps: true, MinPinLength: true}.Map()
//	…
//	outputs := extension.Read(result.ClientExtensions, result.AuthenticatorExtensions)
//
// What a client reports is not signed; what an authenticator reports is. The
// appid extension is verified by package webauthn: AssertionWant.AppID.
package extension
