package web

import (
	"context"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pageNow is when the pages of the tests are looked at.
func pageNow() time.Time { return time.Date(2026, 11, 24, 18, 5, 9, 0, time.UTC) }

// signedIn lets everybody in as the name; a viewer unless it operates.
func signedIn(name string, operates bool) func(context.Context) (SignedIn, bool) {
	return func(context.Context) (SignedIn, bool) { return SignedIn{name, operates}, true }
}

// operatorPages are the pages as an operator sees them, or a viewer.
func operatorPages(t testing.TB, operates bool) *Pages {
	t.Helper()
	return operatorPagesFor(t, signedIn("ana", operates))
}

func operatorPagesFor(t testing.TB, who func(context.Context) (SignedIn, bool)) *Pages {
	t.Helper()
	zone, err := time.LoadLocation("America/Mexico_City")
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPages(PagesOptions{
		Zone: zone, Version: "1.2.3", Who: who, Now: pageNow, Log: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// browse asks over HTTP as a browser does that does not follow redirects.
func browse(t testing.TB, h http.Handler, method, path string, language Language, form string) (*http.Response, string) {
	t.Helper()
	s := serve(t, h)
	defer closeServer(t, s)
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	request.Header.Set("Accept-Language", string(language))
	if form != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response, bodyOf(t, response)
}

// goldenPage compares a page with the file of that name. The hash of the assets is left
// out: it says nothing of the page.
func goldenPage(t testing.TB, p *Pages, name, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, p.assets.hash, "HASH")
	file := filepath.Join("testdata", "operator", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); read it, then write it anew with -update:\n%s", name, diff)
	}
}

// Every word is there in every language, and takes the same values.
func TestNoWordIsMissing(t *testing.T) {
	var compare func(path string, a, b reflect.Value)
	compare = func(path string, a, b reflect.Value) {
		switch a.Kind() {
		case reflect.Struct:
			for i := range a.NumField() {
				compare(path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
			}
		case reflect.Map:
			if a.Len() == 0 || a.Len() != b.Len() {
				t.Errorf("%s: %d words in English, %d in Spanish", path, a.Len(), b.Len())
			}
			for _, key := range a.MapKeys() {
				if !b.MapIndex(key).IsValid() {
					t.Errorf("%s: no %v in Spanish", path, key)
					continue
				}
				compare(path+"."+key.String(), a.MapIndex(key), b.MapIndex(key))
			}
		case reflect.String:
			x, y := a.String(), b.String()
			if strings.TrimSpace(x) == "" || strings.TrimSpace(y) == "" {
				t.Errorf("%s: %q in English, %q in Spanish", path, x, y)
			}
			if verbs(x) != verbs(y) {
				t.Errorf("%s: %q and %q take different values", path, x, y)
			}
		default:
			t.Errorf("%s is a %s: nothing compares those", path, a.Kind())
		}
	}
	compare("Words", reflect.ValueOf(*englishWords()), reflect.ValueOf(*spanishWords()))
}

// verbs lists what a text takes, in order.
func verbs(text string) string {
	var found strings.Builder
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '%' {
			found.WriteByte(text[i+1])
			i++
		}
	}
	return found.String()
}

func TestErrorPages(t *testing.T) {
	p := operatorPages(t, true)
	for _, l := range Languages() {
		for _, status := range []int{400, 403, 404, 405, 429, 500} {
			response, page := browse(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				p.Error(w, r, status)
			}), "GET", "/somewhere", l, "")
			page = html.UnescapeString(page)
			text := wordsOf(l).Errors.of(status)
			if response.StatusCode != status || !strings.Contains(page, text.Title) || !strings.Contains(page, text.Next) {
				t.Errorf("%s: status %d shows\n%s", l, response.StatusCode, page)
			}
			if got := response.Header.Get("Content-Language"); got != string(l) {
				t.Errorf("Content-Language %q, want %s", got, l)
			}
		}
	}
}

// A page that can't be written whole is not written by half.
func TestPageIsWholeOrNotThere(t *testing.T) {
	p := operatorPages(t, true)
	response, page := browse(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.Show(w, r, http.StatusOK, "nowhere", nil)
	}), "GET", "/", English, "")
	if response.StatusCode != http.StatusInternalServerError || strings.Contains(page, "<html") {
		t.Errorf("status %d, page %q", response.StatusCode, page)
	}
}

func TestLanguageIsChosen(t *testing.T) {
	for _, tt := range []struct {
		sentence, cookie, header string
		want                     Language
	}{
		{"nobody says anything", "", "", English},
		{"the browser likes Spanish", "", "es-MX,es;q=0.9,en;q=0.8", Spanish},
		{"the browser likes English more", "", "es;q=0.5, en-GB;q=0.9", English},
		{"a language that alta does not speak is passed over", "", "fr, es;q=0.3", Spanish},
		{"a weight of nought is a no", "", "es;q=0", English},
		{"a weight that is none counts for nothing", "", "es;q=NaN", English},
		{"a weight above one counts for nothing", "", "es;q=9", English},
		{"the operator's choice is above the browser's", "es", "en", Spanish},
		{"a choice that is none is passed over", "xx", "es", Spanish},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept-Language", tt.header)
			if tt.cookie != "" {
				r.AddCookie(&http.Cookie{Name: languageCookie, Value: tt.cookie})
			}
			if got := languageOf(r); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestLanguageIsSwitched(t *testing.T) {
	p := operatorPages(t, true)
	for _, tt := range []struct{ sentence, form, location, cookie string }{
		{"back to the page", "language=es&back=/users%3Fq%3Dana", "/users?q=ana", "es"},
		{"never to another server", "language=es&back=https://evil.example/", "/", "es"},
		{"nor by two slashes", "language=es&back=//evil.example/", "/", "es"},
		{"nor by a backslash", "language=es&back=/%5Cevil.example", "/", "es"},
		{"nor by a tab", "language=es&back=/%09/evil.example", "/", "es"},
		{"a language that alta does not speak is not kept", "language=xx&back=/", "/", ""},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			response, _ := browse(t, http.HandlerFunc(p.SetLanguage), "POST", "/language", English, tt.form)
			if got := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || got != tt.location {
				t.Errorf("status %d to %q, want 303 to %q", response.StatusCode, got, tt.location)
			}
			got := ""
			for _, c := range response.Cookies() {
				got = c.Value
			}
			if got != tt.cookie {
				t.Errorf("the cookie is %q, want %q", got, tt.cookie)
			}
		})
	}
}

func TestFlashIsShownOnce(t *testing.T) {
	p := operatorPages(t, true)
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			p.SetFlash(w, Flash{ToneDone, "<b>two</b> mails " + strings.Repeat("ñ", 2*mostFlash)})
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		p.Error(w, r, http.StatusNotFound)
	}))
	defer closeServer(t, s)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	for i, want := range []bool{true, false} {
		method := []string{"POST", "GET"}[i]
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		page := bodyOf(t, response)
		if got := strings.Contains(page, "&lt;b&gt;two&lt;/b&gt; mails"); got != want {
			t.Errorf("page %d shows it: %v, want %v", i, got, want)
		}
	}
}
