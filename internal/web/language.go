package web

import (
	"net/http"
	"strconv"
	"strings"
)

// Language is one that the operator's pages are written in, as BCP 47 names it.
type Language string

// The languages of the pages. The first is for whoever asks for another one.
const (
	English Language = "en"
	Spanish Language = "es"
)

// Languages returns every language of the pages.
func Languages() []Language { return []Language{English, Spanish} }

const (
	languageCookie = "lang"
	languagePath   = "/language"
	languageAge    = 365 * 24 * 60 * 60 // seconds
)

// languageOf is the language that the operator chose, or else the one that the
// browser likes best.
func languageOf(r *http.Request) Language {
	if c, err := r.Cookie(languageCookie); err == nil {
		if l, ok := languageNamed(c.Value); ok {
			return l
		}
	}
	return preferred(r.Header.Get("Accept-Language"))
}

func languageNamed(name string) (Language, bool) {
	for _, l := range Languages() {
		if string(l) == name {
			return l, true
		}
	}
	return "", false
}

// preferred reads a header Accept-Language of RFC 9110, section 12.5.4. What it
// can't read counts for nothing.
func preferred(header string) Language {
	best, most := English, 0.0
	for entry := range strings.SplitSeq(header, ",") {
		tag, parameters, _ := strings.Cut(entry, ";")
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		l, ok := languageNamed(primary)
		if !ok {
			continue
		}
		weight := 1.0
		if q, has := strings.CutPrefix(strings.TrimSpace(parameters), "q="); has {
			parsed, err := strconv.ParseFloat(q, 64)
			if err != nil || parsed > 1 {
				continue
			}
			weight = parsed
		}
		if weight > most {
			best, most = l, weight
		}
	}
	return best
}

// SetLanguage keeps the language that the form names, and goes back to the page
// that the form was on.
func (p *Pages) SetLanguage(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.Error(w, r, http.StatusBadRequest)
		return
	}
	if l, ok := languageNamed(r.PostForm.Get("language")); ok {
		http.SetCookie(w, &http.Cookie{
			Name: languageCookie, Value: string(l), Path: "/", MaxAge: languageAge,
			HttpOnly: true, Secure: p.options.Secure, SameSite: http.SameSiteStrictMode,
		})
	}
	http.Redirect(w, r, localPath(r.PostForm.Get("back")), http.StatusSeeOther)
}
