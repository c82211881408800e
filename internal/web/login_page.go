package web

import "net/http"

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
	Title, Label, Hint, Button string
	mishaps                    map[mishap]string
}

func english() loginWords {
	return loginWords{
		Title: "Sign in to alta", Label: "Your token", Button: "Sign in",
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
		Title: "Entrar en alta", Label: "Tu token", Button: "Entrar",
		Hint: "Empieza por alta_. Quien opera alta te da uno.",
		mishaps: map[mishap]string{
			wrongToken: "Nadie tiene este token. Puede que se haya revocado; mira si lo copiaste entero.",
			tooOften:   "Demasiados intentos. Espera un minuto y vuelve a probar.",
			badForm:    "No se pudo leer el formulario. Vuelve a probar.",
			noLedger:   "No se puede acceder a los datos en este momento, así que nadie puede entrar. Vuelve a probar en un minuto.",
		},
	}
}

// loginView is what the page to sign in shows. It needs no script.
type loginView struct {
	loginWords
	Wrong, Next string
}

func loginScreen() Screen {
	return Screen{
		Name: "login", Section: SectionNone,
		Title: func(_ *Words, view any) string { return view.(loginView).Title },
		Samples: func() []any {
			return []any{loginView{english(), "", "/"}, loginView{spanish(), "sample", "/users"}}
		},
	}
}

// showLogin writes the page to sign in. Whoever signs in is sent to next.
func (g *Guard) showLogin(w http.ResponseWriter, r *http.Request, status int, wrong mishap, next string) {
	words := english()
	if languageOf(r) == Spanish {
		words = spanish()
	}
	g.Pages.Show(w, r, status, "login", loginView{words, words.mishaps[wrong], localPath(next)})
}
