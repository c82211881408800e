package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"alta/pipeline"
)

const (
	auditPath    = "/audit"
	auditPerPage = 50
	mostFilter   = 200 // characters
	verifyField  = "verify"
	csvWrite     = 30 * time.Second // for each piece of the export
)

// AuditPage shows what was done by hand, and holds it against the chain. It is safe
// for concurrent use.
type AuditPage struct {
	Pages *Pages
	From  AuditReader
	now   pipeline.Clock // the machine's own: deadlines of connections go by it

	proving sync.Mutex // held by the one check at a time: it reads the whole log

	mu     sync.Mutex
	latest *provenView // of this process
}

// NewAuditPage returns a page that has not verified anything yet.
func NewAuditPage(pages *Pages, from AuditReader, now pipeline.Clock) *AuditPage {
	return &AuditPage{Pages: pages, From: from, now: now}
}

// provenView is a check of the chain, and when it was made.
type provenView struct {
	AuditProof
	At time.Time
}

// auditView is what the page Audit shows.
type auditView struct {
	AuditQuery
	SinceDay    string // as a field of a form has it
	Lines       []AuditLine
	Next, First string // links; "" is none
	CSV, Verify string
	Proven      *provenView
	Busy        bool // somebody verifies just now
}

// Filtered tells whether anything was looked for.
func (v auditView) Filtered() bool { return v.User != "" || v.Actor != "" || !v.Since.IsZero() }

// Show answers GET /audit.
func (a *AuditPage) Show(w http.ResponseWriter, r *http.Request) {
	q, ok := a.query(w, r)
	if !ok {
		return
	}
	v := auditView{AuditQuery: q, CSV: auditLink(auditPath+".csv", a.day(q), q, 0), Verify: auditLink(auditPath, a.day(q), q, q.Before, verifyField)}
	v.SinceDay = a.day(q)
	if r.URL.Query().Has(verifyField) {
		busy, err := a.verify(r)
		if err != nil {
			a.Pages.Fail(w, r, "verify the audit log", err)
			return
		}
		v.Busy = busy
	}
	q.Limit = auditPerPage + 1
	lines, err := a.From.AuditLines(r.Context(), q)
	if err != nil {
		a.Pages.Fail(w, r, "read the audit log", err)
		return
	}
	v.Lines, v.Proven = lines, a.proven()
	if len(lines) > auditPerPage {
		v.Lines = lines[:auditPerPage]
		v.Next = auditLink(auditPath, v.SinceDay, q, v.Lines[auditPerPage-1].ID)
	}
	if q.Before != 0 {
		v.First = auditLink(auditPath, v.SinceDay, q, 0)
	}
	a.Pages.Show(w, r, http.StatusOK, "audit", v)
}

// Export answers GET /audit.csv, piece by piece, however long the log is.
func (a *AuditPage) Export(w http.ResponseWriter, r *http.Request) {
	q, ok := a.query(w, r)
	if !ok {
		return
	}
	q.Before = 0
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="alta-audit-`+a.Pages.options.Now().In(a.Pages.options.Zone).Format(time.DateOnly)+`.csv"`)
	out := &patientWriter{w: w, control: http.NewResponseController(w), now: a.now}
	if err := a.From.WriteAudit(r.Context(), q, out); err != nil {
		if r.Context().Err() == nil && !out.gone {
			a.Pages.options.Log.Error("the audit log could not be exported whole", "error", err)
		}
		panic(http.ErrAbortHandler) // so that nobody takes a part for the whole
	}
}

// verify holds the log against the chain, unless somebody does so just now.
func (a *AuditPage) verify(r *http.Request) (busy bool, err error) {
	if !a.proving.TryLock() {
		return true, nil
	}
	defer a.proving.Unlock()
	proof, err := a.From.ProveAudit(r.Context())
	if err != nil {
		return false, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.latest = &provenView{proof, a.Pages.options.Now()}
	return false, nil
}

func (a *AuditPage) proven() *provenView {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.latest
}

// query reads what is looked for. Where it returns false it has answered.
func (a *AuditPage) query(w http.ResponseWriter, r *http.Request) (q AuditQuery, ok bool) {
	values := r.URL.Query()
	q = AuditQuery{User: strings.TrimSpace(values.Get("user")), Actor: strings.TrimSpace(values.Get("actor"))}
	var err error
	if day := values.Get("since"); day != "" {
		q.Since, err = time.ParseInLocation(time.DateOnly, day, a.Pages.options.Zone)
	}
	if before := values.Get("before"); before != "" && err == nil {
		q.Before, err = strconv.ParseInt(before, 10, 64)
	}
	for _, text := range []string{q.User, q.Actor} {
		if err == nil && (!isLine(text) || utf8.RuneCountInString(text) > mostFilter) {
			err = fmt.Errorf("%q is no line to look for", text)
		}
	}
	if err != nil || q.Before < 0 {
		a.Pages.Refuse(w, r, a.Pages.Words(r).Audit.BadQuery)
		return q, false
	}
	return q, true
}

// day is the day since when lines are shown, as a field of a form has it.
func (a *AuditPage) day(q AuditQuery) string {
	if q.Since.IsZero() {
		return ""
	}
	return q.Since.In(a.Pages.options.Zone).Format(time.DateOnly)
}

// auditLink leads to the lines that match; with the fields besides.
func auditLink(path, day string, q AuditQuery, before int64, fields ...string) string {
	values := url.Values{}
	for name, value := range map[string]string{"user": q.User, "actor": q.Actor, "since": day} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if before != 0 {
		values.Set("before", strconv.FormatInt(before, 10))
	}
	for _, field := range fields {
		values.Set(field, "now")
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// patientWriter lifts the server's limit for a whole answer: each piece of it has a
// limit of its own, so that a client that takes nothing more is let go.
type patientWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	now     pipeline.Clock
	gone    bool // the client
}

// Write implements [io.Writer].
func (p *patientWriter) Write(piece []byte) (n int, err error) {
	if err := p.control.SetWriteDeadline(p.now().Add(csvWrite)); err != nil {
		return 0, fmt.Errorf("lift the limit of an export: %w", err)
	}
	if n, err = p.w.Write(piece); err != nil {
		p.gone = true
	}
	return n, err
}
