package web

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"golang.org/x/text/language"
)

//go:embed operator/login.html
var operatorFiles embed.FS

// What is wrong with an attempt to sign in.
const (
	nothingWrong mishap = iota
	wrongToken
	tooOften
	badForm
	noLedger
)

type mishap int

// loginWords are what the page to sign in says.
type loginWords struct {
	Lang, Title, Label, Hint, Button string
	mishaps                          map[mishap]string
}

func english() loginWords {
	return loginWords{
		Lang: "en", Title: "Sign in to alta", Label: "Your token", Button: "Sign in",
		Hint: "It begins with alta_. Whoever runs alta makes one for you.",
		mishaps: map[mishap]string{
			wrongToken: "Nobody has this token. It may have been revoked; look whether you copied all of it.",
			tooOften:   "That was tried too often. Wait a minute, then try again.",
			badForm:    "The form could not be read. Try again.",
			noLedger:   "The ledger can't be reached just now, so nobody can sign in. Try again in a minute.",
		},
	}
}

func spanish() loginWords {
	return loginWords{
		Lang: "es", Title: "Entrar en alta", Label: "Tu token", Button: "Entrar",
		Hint: "Empieza por alta_. Quien opera alta te da uno.",
		mishaps: map[mishap]string{
			wrongToken: "Nadie tiene este token. Puede que se haya revocado; mira si lo copiaste entero.",
			tooOften:   "Demasiados intentos. Espera un minuto y vuelve a probar.",
			badForm:    "No se pudo leer el formulario. Vuelve a probar.",
			noLedger:   "No se puede acceder a los datos en este momento, así que nadie puede entrar. Vuelve a probar en un minuto.",
		},
	}
}

// loginPage is the page to sign in. It needs no script.
type loginPage struct {
	template *template.Template
	matcher  language.Matcher
	words    []loginWords // in the order of the matcher
}

func newLoginPage() (*loginPage, error) {
	t, err := template.ParseFS(operatorFiles, "operator/login.html")
	if err != nil {
		return nil, err
	}
	return &loginPage{
		template: t,
		matcher:  language.NewMatcher([]language.Tag{language.English, language.Spanish}),
		words:    []loginWords{english(), spanish()},
	}, nil
}

// show writes the page in the language that the browser asks for. Whoever signs in is
// sent to next.
func (p *loginPage) show(w http.ResponseWriter, r *http.Request, status int, wrong mishap, next string) {
	_, i := language.MatchStrings(p.matcher, r.Header.Get("Accept-Language"))
	words := p.words[i]
	var page bytes.Buffer
	if err := p.template.Execute(&page, struct {
		loginWords
		Wrong, Next string
	}{words, words.mishaps[wrong], localPath(next)}); err != nil {
		plain(w, http.StatusInternalServerError, "The page can't be shown, which is a bug of alta; please report it.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", words.Lang)
	w.Header().Add("Vary", "Accept-Language")
	w.WriteHeader(status)
	// A client that went away is nobody's concern.
	_, _ = w.Write(page.Bytes())
}
