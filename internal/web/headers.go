package web

import "net/http"

// publicHeaders stand on every answer of the public side. overTLS tells whether
// the world reaches it by https; styleHash is that of the only style sheet, as a
// Content-Security-Policy names it.
//
// form-action allows every https address: Chromium and Safari hold the redirect
// that answers a form against it too (w3c/webappsec-csp, issue 8), and the
// verification provider may redirect to further hosts of its own. Which hosts a
// link may name is checked where it is minted, by capa.link_hosts. Where the pages
// are served by http, on one machine alone, so may the provider's be.
func publicHeaders(overTLS bool, styleHash string) http.Header {
	h := http.Header{}
	formAction := "'self' https:"
	if overTLS {
		// The pages stand in a domain that others share: nothing is said of those below.
		h.Set("Strict-Transport-Security", "max-age=31536000")
	} else {
		formAction += " http:"
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src '"+styleHash+"'; img-src data:; "+
		"form-action "+formAction+"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	return h
}
