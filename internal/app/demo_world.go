package app

import (
	"errors"
	"fmt"
	"html/template"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// demoWorld is what lies outside alta: a partner API, a mail server, and the
// folder that keeps the mails.
type demoWorld struct {
	dir  string
	api  *sandbox.API
	smtp *sandbox.SMTP

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

// startDemoWorld starts both servers and makes the users known to the API,
// each with the trouble that is planned for it.
func startDemoWorld(dir string, people []demoUser, now pipeline.Clock) (*demoWorld, error) {
	w := &demoWorld{dir: dir}
	if err := os.Mkdir(filepath.Join(dir, "mails"), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for the mails: %w", err)
	}
	var err error
	w.api, err = sandbox.StartAPI(sandbox.APIOptions{Now: now, Latency: 20 * time.Millisecond})
	if err != nil {
		return nil, err
	}
	w.smtp, err = sandbox.StartSMTP(sandbox.SMTPOptions{Now: now, OnMail: w.keep})
	if err != nil {
		return nil, errors.Join(err, w.api.Close())
	}
	var faults []sandbox.APIFault
	var refusals []sandbox.SMTPFault
	for _, p := range people {
		switch p.trouble {
		case unknownAtAPI:
			continue
		case wrongTypeAtAPI:
			w.api.AddUsers(sandbox.APIUser{ID: p.id, Type: pipeline.Business})
			continue
		case brokenAtAPI:
			faults = append(faults, sandbox.APIFault{User: p.id, Answer: sandbox.ServerError()})
		case refusedBySMTP:
			refusals = append(refusals, sandbox.SMTPFault{
				Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Recipient: p.email,
				Code: 550, Enhanced: "5.1.1", Text: "No such user here",
			})
		}
		w.api.AddUsers(sandbox.APIUser{ID: p.id, Type: p.kind})
	}
	w.api.SetFaults(faults...)
	w.smtp.SetFaults(refusals...)
	return w, nil
}

func (w *demoWorld) smtpAddress() string {
	host, port := w.smtp.Addr()
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// close ends both servers.
func (w *demoWorld) close() error { return errors.Join(w.smtp.Close(), w.api.Close()) }

// keep writes a mail to the folder, as it came and as a page to look at.
func (w *demoWorld) keep(m sandbox.Mail) {
	w.mu.Lock()
	defer w.mu.Unlock()
	subject, err := m.Subject()
	page, pageErr := m.HTML()
	l := letter{To: strings.Join(m.To, ", "), Subject: subject}
	name, _, _ := strings.Cut(l.To, "@")
	l.File = fmt.Sprintf("%03d-%s", len(w.kept)+1, filepath.Base(name))
	path := filepath.Join(w.dir, "mails", l.File)
	w.failed = errors.Join(w.failed, err, pageErr,
		os.WriteFile(path+".eml", m.Raw, 0o600), os.WriteFile(path+".html", []byte(page), 0o600))
	w.kept = append(w.kept, l)
}

// letters returns the mails kept so far.
func (w *demoWorld) letters() ([]letter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]letter(nil), w.kept...), w.failed
}

// writeIndex writes a page with a link to each mail.
func (w *demoWorld) writeIndex() (err error) {
	letters, err := w.letters()
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
	f, err := os.OpenFile(filepath.Join(w.dir, "mails", "index.html"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the list of mails: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return page.Execute(f, letters)
}
