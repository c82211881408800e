package web

import (
	"net/http"
	"strings"
	"testing"
)

func TestAssets(t *testing.T) {
	a, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, a)
	defer closeServer(t, s)
	for _, tt := range []struct {
		sentence, path string
		status         int
		contentType    string
	}{
		{"the style sheet", "/assets/" + a.hash + "/alta.css", http.StatusOK, "text/css; charset=utf-8"},
		{"a script", "/assets/" + a.hash + "/htmx-2.0.11.min.js", http.StatusOK, "text/javascript; charset=utf-8"},
		{"a picture", "/assets/" + a.hash + "/icon.svg", http.StatusOK, "image/svg+xml"},
		{"a licence", "/assets/" + a.hash + "/htmx-LICENSE.txt", http.StatusOK, "text/plain; charset=utf-8"},
		{"the file of another version", "/assets/0123456789abcdef/alta.css", http.StatusNotFound, ""},
		{"no such file", "/assets/" + a.hash + "/none.css", http.StatusNotFound, ""},
		{"not the folder", "/assets/" + a.hash + "/", http.StatusNotFound, ""},
		{"nothing above", "/assets/" + a.hash + "/%2e%2e/page.go", http.StatusNotFound, ""},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			status, header, _ := ask(t, "GET", "http://"+s.Addr()+tt.path)
			if status != tt.status {
				t.Fatalf("status %d, want %d", status, tt.status)
			}
			if tt.status != http.StatusOK {
				return
			}
			if got := header.Get("Content-Type"); got != tt.contentType {
				t.Errorf("Content-Type %q", got)
			}
			if got := header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
				t.Errorf("Cache-Control %q", got)
			}
		})
	}
	if _, err := a.url("none.css"); err == nil {
		t.Error("an asset that is not there has a URL")
	}
}

// The policy of the pages forbids scripts and styles in the HTML itself.
func TestNothingInline(t *testing.T) {
	for _, s := range screens() {
		for _, name := range []string{"layout", "parts", s.Name} {
			data, err := screenFiles.ReadFile("operator/" + name + ".tmpl")
			if err != nil {
				t.Fatal(err)
			}
			for _, forbidden := range []string{"style=", "<style", "<script>", " onclick=", " onload=", " onsubmit=", "hx-on", "javascript:"} {
				if strings.Contains(string(data), forbidden) {
					t.Errorf("%s.tmpl holds %s", name, forbidden)
				}
			}
		}
	}
}
