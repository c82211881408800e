package web

import "net/http"

// withHeaders puts what browsers must know on every answer of the operator's page. A
// handler may put its own in their place.
func (g *Guard) withHeaders(next http.Handler) http.Handler {
	headers := map[string]string{
		// No script stands in a page, and none comes from elsewhere.
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
			"connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
		"X-Robots-Tag":                 "noindex, nofollow",
		"Cache-Control":                "no-store", // what is shown is personal
	}
	if g.secure() {
		headers["Strict-Transport-Security"] = "max-age=31536000" // a year
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		next.ServeHTTP(w, r)
	})
}
