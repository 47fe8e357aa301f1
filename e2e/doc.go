// Package e2e owns what is proven in a real browser: Chromium, driven by its
// DevTools protocol, with virtual authenticators, against a server in this
// process. It holds tests only and never stands in for what can be tested
// without a browser.
//
// Each test leaves pictures of its steps in $MAPAE_SCREENSHOTS, where that is
// set, and of what went wrong in any case (default: the folder screenshots
// beside this file).
package e2e
