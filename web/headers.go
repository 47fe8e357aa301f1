package web

import "net/http"

// securityHeaders stand on every answer of the site: name and value.
var securityHeaders = [...][2]string{
	{"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "same-origin"}, // with no-referrer a form's Origin is null
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self)"},
	{"Cache-Control", "no-store"}, // assets replace it
}

// hsts lasts two years. Subdomains and preload are the operator's to decide.
const hsts = "max-age=63072000"

// setHeaders sets the security headers and the request ID.
func (ex *exchange) setHeaders(h http.Header) {
	values := make([]string, 0, len(securityHeaders)+2) // one allocation for all
	set := func(name, value string) {
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	for _, header := range securityHeaders {
		set(header[0], header[1])
	}
	if ex.origin != nil && ex.origin.secure {
		set("Strict-Transport-Security", hsts)
	}
	set("X-Request-Id", ex.id)
}
