package sandbox

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
)

//go:embed pages
var pageFiles embed.FS

// pages are the pages of one site, by name.
type pages map[string]*template.Template

// readPages parses each page into the layout that all of them share.
func readPages(names ...string) (pages, error) {
	layout, err := template.New("layout.html.tmpl").Option("missingkey=error").ParseFS(pageFiles, "pages/layout.html.tmpl")
	if err != nil {
		return nil, fmt.Errorf("read the pages of the sandbox: %w", err)
	}
	all := pages{}
	for _, name := range names {
		page, err := layout.Clone()
		if err == nil {
			page, err = page.ParseFS(pageFiles, "pages/"+name+".html.tmpl")
		}
		if err != nil {
			return nil, fmt.Errorf("read the pages of the sandbox: %w", err)
		}
		all[name] = page
	}
	return all, nil
}

// show answers with a page.
func (p pages) show(w http.ResponseWriter, status int, name string, data any) {
	var text bytes.Buffer
	if err := p[name].Execute(&text, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(text.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // a client that went away is nobody's concern
}

// showStyle answers with the style sheet.
func showStyle(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, pageFiles, "pages/style.css")
}
