package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"alta/pipeline"
)

//go:embed public
var publicFiles embed.FS

// Brand is who speaks to the users of one country. Only Name is required; what is
// empty leaves no trace on a page.
type Brand struct {
	Name         string // the trade name
	URL          string // the home page
	SupportEmail string // an addr-spec of RFC 5322
	LegalName    string // the company behind the trade name
	Address      string // its postal address
	PrivacyURL   string // the privacy notice
}

// visible is a page as a handler asks for it.
type visible struct {
	status int
	kind   pageKind
	user   pipeline.User // without a locale for nobody knows whom
	token  string        // where a form of the page needs it
	below  bool          // it stands at /k/TOKEN/later, and not at /k/TOKEN
	noMail bool          // so that none is offered
	when   time.Time     // when the user may try again
}

// stranger is a page for nobody knows whom.
func stranger(status int, kind pageKind) visible { return visible{status: status, kind: kind} }

// pages writes what the public side shows. It is safe for concurrent use.
type pages struct {
	templates map[pipeline.Locale]map[pageKind]*template.Template
	brands    map[pipeline.Country]Brand
	speech    Speech
	style     template.HTML
	styleHash string // as a Content-Security-Policy names it, without quotes
	log       *slog.Logger
}

func newPages(brands map[pipeline.Country]Brand, speech Speech, log *slog.Logger) (*pages, error) {
	sheet, err := publicFiles.ReadFile("public/style.css")
	if err != nil {
		return nil, err
	}
	css := strings.TrimSpace(string(sheet))
	digest := sha256.Sum256([]byte(css))
	p := &pages{
		templates: map[pipeline.Locale]map[pageKind]*template.Template{}, brands: brands, speech: speech, log: log,
		style: template.HTML("<style>" + css + "</style>"), styleHash: "sha256-" + base64.StdEncoding.EncodeToString(digest[:]),
	}
	for _, country := range []pipeline.Country{pipeline.MX, pipeline.DO} {
		if brands[country].Name == "" {
			return nil, fmt.Errorf("the brand of country %s has no name", country)
		}
		locale := pipeline.DefaultLocale(country)
		if p.templates[locale], err = parsePages(locale); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// parsePages sets the words of each kind into the layout.
func parsePages(locale pipeline.Locale) (map[pageKind]*template.Template, error) {
	shared, err := template.New("layout.html.tmpl").Option("missingkey=error").
		ParseFS(publicFiles, "public/layout.html.tmpl", "public/"+string(locale)+".words.tmpl")
	if err != nil {
		return nil, err
	}
	all := map[pageKind]*template.Template{}
	for _, kind := range pageKinds() {
		page, err := shared.Clone()
		if err != nil {
			return nil, err
		}
		for _, part := range []string{"title", "body", "after"} {
			words := page.Lookup(string(kind) + "-" + part)
			switch {
			case words != nil:
				_, err = page.AddParseTree(part, words.Tree)
			case part == "after":
				_, err = page.New(part).Parse("")
			default:
				err = fmt.Errorf("%s: the page %q has no %s", locale, kind, part)
			}
			if err != nil {
				return nil, err
			}
		}
		all[kind] = page
	}
	return all, nil
}

// show answers with the page.
func (p *pages) show(w http.ResponseWriter, v visible) {
	words := p.words(v)
	text, err := p.render(words)
	if err != nil {
		p.log.Error("a page for a user could not be written", "page", v.kind, "error", err)
		plain(w, http.StatusInternalServerError, "Algo falló de nuestro lado. Intente de nuevo en unos minutos.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", words.Lang)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(v.status)
	// A client that went away is nobody's concern.
	_, _ = w.Write(text)
}

func (p *pages) render(w *words) ([]byte, error) {
	page := p.templates[w.locale][w.kind]
	if page == nil {
		return nil, fmt.Errorf("there is no page %q", w.kind)
	}
	var text bytes.Buffer
	if err := page.Execute(&text, w); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}
