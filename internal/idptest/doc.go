// Package idptest owns providers that tests sign in with: an OpenID provider
// that does what the specification says unless it is told to do wrong, and the
// protocols of GitHub, Kakao and Naver, played. It never runs outside of tests,
// and shares no code with package federated, which it tests.
package idptest
