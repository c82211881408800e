package web

import (
	"strings"
	"testing"
)

func multipartBody(name, value string) string {
	return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n--b--\r\n"
}

func TestWantsOut(t *testing.T) {
	const form, parts = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
	for _, tt := range []struct {
		sentence, contentType, body string
		want                        bool
	}{
		{"one click of RFC 8058 as a form", form, "List-Unsubscribe=One-Click", true},
		{"one click as a multipart form", parts, multipartBody("List-Unsubscribe", "One-Click"), true},
		{"one click in the second part", parts, "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n" + multipartBody("List-Unsubscribe", "One-Click"), true},
		{"one click among other fields", form, "a=1&List-Unsubscribe=One-Click&b=2", true},
		{"one click with a line break behind it", form, "List-Unsubscribe=One-Click\r\n", true},
		{"one click in other letters", form, "list-unsubscribe=one-click", true},
		{"one click of no type", "", "List-Unsubscribe=One-Click", true},
		{"one click of another type", "text/plain", "List-Unsubscribe=One-Click", true},
		{"one click beside a field that is written wrongly", form, "%zz=1&List-Unsubscribe=One-Click", true},
		{"the button of the page", form, "confirm=yes", true},
		{"nothing", form, "", false},
		{"another value", form, "List-Unsubscribe=Two-Clicks", false},
		{"another button", form, "confirm=no", false},
		{"the word in another field", form, "x=List-Unsubscribe%3DOne-Click", false},
		{"a multipart form without a boundary", "multipart/form-data", multipartBody("List-Unsubscribe", "One-Click"), false},
		{"a multipart form that is cut before its value", parts, "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\n", false},
	} {
		if got := wantsOut(tt.contentType, []byte(tt.body)); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.sentence, got, tt.want)
		}
	}
}

// Only a body with one of the two words opts anybody out, whatever else it is.
func FuzzWantsOut(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", []byte("List-Unsubscribe=One-Click"))
	f.Add("multipart/form-data; boundary=b", []byte(multipartBody("List-Unsubscribe", "One-Click")))
	f.Add("multipart/form-data; boundary=\"\"", []byte("confirm=yes"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		if !wantsOut(contentType, body) || strings.Contains(string(body), "%") {
			return
		}
		lower := strings.ToLower(string(body))
		// Quoted-printable parts may break a word; package multipart decodes them.
		if strings.Contains(lower, "quoted-printable") {
			return
		}
		if !strings.Contains(lower, "one-click") && !strings.Contains(lower, "yes") {
			t.Errorf("%q, %q opts out", contentType, body)
		}
	})
}
