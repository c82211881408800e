package web

import (
	"strings"
	"testing"
)

func TestLocate(t *testing.T) {
	token := tokenOf(7)
	for _, tt := range []struct {
		sentence, path string
		where          place
		token          string
	}{
		{"the page that a mail leads to", "/k/" + token, landing, token},
		{"a mail later", "/k/" + token + "/later", later, token},
		{"opting out", "/u/" + token, leaving, token},
		{"the partner's webhook", "/hooks/capa", hook, ""},
		{"what crawlers may see", "/robots.txt", robots, ""},
		{"no token is none", "/k/", landing, ""},
		{"later without a token has none", "/k//later", later, ""},
		{"a short token is none", "/k/" + token[:21], landing, ""},
		{"a long token is none", "/u/" + token + "A", leaving, ""},
		{"a token of other characters is none", "/k/" + token[:21] + "+", landing, ""},
		{"a second spelling of a token is none", "/k/" + token[:21] + "x", landing, ""},
		{"padding is no token", "/k/" + token[:20] + "==", landing, ""},
		{"a line break is no token", "/k/" + token[:21] + "\n", landing, ""},
		{"the home page is nowhere", "/", nowhere, ""},
		{"a folder is nowhere", "/k", nowhere, ""},
		{"below a token is nowhere", "/k/" + token + "/", nowhere, ""},
		{"below the opting out is nowhere", "/u/" + token + "/later", nowhere, ""},
		{"the operator's page is nowhere", "/metrics", nowhere, ""},
		{"a path that begins twice is nowhere", "//k/" + token, nowhere, ""},
		{"other webhooks are nowhere", "/hooks/", nowhere, ""},
	} {
		if where, got := locate(tt.path); where != tt.where || got != tt.token {
			t.Errorf("%s: %q is %d with %q, want %d with %q", tt.sentence, tt.path, where, got, tt.where, tt.token)
		}
	}
}

// Whatever the path, a token that comes out of it stands in it, is one, and can be
// part of a relative address.
func FuzzLocate(f *testing.F) {
	for _, path := range []string{"/k/" + tokenOf(1), "/k/" + tokenOf(255) + "/later", "/u/" + tokenOf(0), "/k/../u/" + tokenOf(1), "/k/\x00", "//", ""} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		where, token := locate(path)
		if token == "" {
			return
		}
		if len(token) != 22 || strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("%q is no token", token)
		}
		want := map[place]string{landing: "/k/" + token, later: "/k/" + token + "/later", leaving: "/u/" + token}[where]
		if path != want {
			t.Errorf("%q was read as %q", path, want)
		}
	})
}
