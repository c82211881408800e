package web

import (
	"embed"
	"fmt"
	"html/template"
)

//go:embed operator/*.tmpl
var screenFiles embed.FS

// The entries of the navigation.
const (
	SectionOverview  Section = "overview"
	SectionUsers     Section = "users"
	SectionForecast  Section = "forecast"
	SectionAttention Section = "attention"
	SectionMails     Section = "mails"
	SectionAudit     Section = "audit"
	SectionNone      Section = "" // of pages that stand beside all of them
)

// Section is an entry of the navigation.
type Section string

// Screen is one page of the operator's.
type Screen struct {
	Name    string  // operator/NAME.tmpl holds its template "content"
	Section Section // the entry of the navigation that it belongs to
	// Title is that of the browser's tab; the view is the one that is shown.
	Title func(w *Words, view any) string
	// Samples are views with which the screen is written at start; together they
	// should go through every branch of the template.
	Samples func() []any
}

// parsedScreen is a screen within the layout.
type parsedScreen struct {
	Screen
	template *template.Template
}

// screens lists every page.
func screens() []Screen {
	return []Screen{
		errorScreen(), loginScreen(), overviewScreen(), forecastScreen(), attentionScreen(), groupScreen(), resultScreen(), mailsScreen(),
	}
}

func parseScreens(functions template.FuncMap) (map[string]parsedScreen, error) {
	layout, err := template.New("shell").Funcs(functions).Option("missingkey=error").
		ParseFS(screenFiles, "operator/layout.tmpl", "operator/parts.tmpl")
	if err != nil {
		return nil, err
	}
	parsed := map[string]parsedScreen{}
	for _, s := range screens() {
		t, err := layout.Clone()
		if err == nil {
			t, err = t.ParseFS(screenFiles, "operator/"+s.Name+".tmpl")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		if t.Lookup("content") == nil {
			return nil, fmt.Errorf(`%s: no template "content"`, s.Name)
		}
		parsed[s.Name] = parsedScreen{s, t}
	}
	return parsed, nil
}
