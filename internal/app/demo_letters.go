package app

import (
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"alta/internal/sandbox"
)

// letters are the mails of the demo, each in files of its folder.
type letters struct {
	dir string

	mu     sync.Mutex // guards what follows
	kept   []letter
	failed error // why a mail could not be written to the folder
}

// letter is one mail of the demo.
type letter struct {
	File    string // without ending
	To      string
	Subject string
}

// keep writes a mail to the folder, as it came and as a page to look at.
func (k *letters) keep(m sandbox.Mail) {
	k.mu.Lock()
	defer k.mu.Unlock()
	subject, err := m.Subject()
	page, pageErr := m.HTML()
	l := letter{To: strings.Join(m.To, ", "), Subject: subject}
	name, _, _ := strings.Cut(l.To, "@")
	l.File = fmt.Sprintf("%03d-%s", len(k.kept)+1, filepath.Base(name))
	path := filepath.Join(k.dir, l.File)
	k.failed = errors.Join(k.failed, err, pageErr,
		os.WriteFile(path+".eml", m.Raw, 0o600), os.WriteFile(path+".html", []byte(page), 0o600))
	k.kept = append(k.kept, l)
}

// all returns the mails kept so far.
func (k *letters) all() ([]letter, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]letter(nil), k.kept...), k.failed
}

// writeIndex writes a page with a link to each mail.
func (k *letters) writeIndex() (err error) {
	all, err := k.all()
	if err != nil {
		return err
	}
	page, err := template.New("index").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>The demo's mails</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}li{margin:.4rem 0}small{opacity:.7}</style>
<h1>{{len .}} mails</h1><ol>{{range .}}<li><a href="{{.File}}.html">{{.Subject}}</a><br><small>to {{.To}} · <a href="{{.File}}.eml">source</a></small></li>{{end}}</ol>
`)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(k.dir, "index.html"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the list of mails: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return page.Execute(f, all)
}
