package capa

import (
	"io"
	"net/http"
	"testing"

	"alta/pipeline"
)

// TestRequests compares what is put together once with what net/http makes of
// the whole address.
func TestRequests(t *testing.T) {
	bases := []string{
		"https://capa.example", "https://capa.example:8443", "http://127.0.0.1:9", "http://[::1]:9",
		"https://capa.example/v0", "https://capa.example/a%2Fb", "https://capa.example/a%20b/c",
	}
	ids := map[string]string{ // id -> as it stands in the path
		"c0ffee00-0000-4000-8000-000000000001": "c0ffee00-0000-4000-8000-000000000001",
		"a:b@c&d=e+f$g":                        "a:b@c&d=e+f$g",
		"a/b":                                  "a%2Fb",
		"../x/%2e?a=b#c ñ":                     "..%2Fx%2F%252e%3Fa=b%23c%20%C3%B1",
		"a;b,c":                                "a%3Bb%2Cc",
		"*":                                    "%2A",
		"x'(y)!":                               "x%27%28y%29%21",
	}
	for _, base := range bases {
		r, err := newRequests(Config{BaseURL: base, APIKey: pipeline.NewSecret("k"), RedirectURI: "myapp://x"})
		if err != nil {
			t.Fatal(err)
		}
		for id, escaped := range ids {
			for kind, of := range map[string]pipeline.UserType{"kyc": pipeline.Individual, "kyb": pipeline.Business} {
				got := r.link(pipeline.User{ID: id, Type: of, Country: pipeline.DO})
				want, err := http.NewRequest(http.MethodPost, base+"/api/partner/v2/users/"+escaped+"/"+kind+"/verification-link", nil)
				if err != nil {
					t.Fatal(err)
				}
				if got.URL.RequestURI() != want.URL.RequestURI() || got.Host != want.Host || got.URL.Host != want.URL.Host || got.URL.Scheme != want.URL.Scheme {
					t.Errorf("%s and %q: %s of %s, want %s of %s", base, id, got.URL.RequestURI(), got.Host, want.URL.RequestURI(), want.Host)
				}
				for range 2 { // the second is for a connection that turned out to be closed
					body, err := io.ReadAll(got.Body)
					if string(body) != `{"country":"DO","partnerRedirectUri":"myapp://x"}` || err != nil || int(got.ContentLength) != len(body) {
						t.Errorf("body %q of %d bytes, error %v", body, got.ContentLength, err)
					}
					if got.Body, err = got.GetBody(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
