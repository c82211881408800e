package sandbox

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MailboxOptions describe a mailbox. Mails is required.
type MailboxOptions struct {
	// Addr is where to listen; "" is a free port of 127.0.0.1.
	Addr string

	// Mails returns the mails so far, oldest first, such as [SMTP.Mails]. A mail
	// keeps its place.
	Mails func() []Mail
}

// mailsPerPage is how many mails a page of the mailbox lists.
const mailsPerPage = 50

// Mailbox shows mails to people: everybody's, as the catcher keeps them.
type Mailbox struct {
	*site
	mails func() []Mail
	pages pages
}

// OpenMailbox serves until [Mailbox.Close].
func OpenMailbox(opts MailboxOptions) (*Mailbox, error) {
	if opts.Mails == nil {
		return nil, errors.New("open the mailbox: MailboxOptions.Mails is missing")
	}
	pages, err := readPages("mails", "mail", "nomail")
	if err != nil {
		return nil, err
	}
	m := &Mailbox{mails: opts.Mails, pages: pages}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", m.list)
	mux.HandleFunc("GET /mails/{n}", m.show)
	mux.HandleFunc("GET /mails/{n}/html", m.frame)
	mux.HandleFunc("GET /mails/{n}/eml", m.source)
	mux.HandleFunc("GET /style.css", showStyle)
	if m.site, err = openSite(opts.Addr, mux); err != nil {
		return nil, fmt.Errorf("open the mailbox: %w", err)
	}
	return m, nil
}

// mailRow is one line of the list.
type mailRow struct {
	N       int // its place, counted from 1
	To      string
	Subject string
	At      time.Time
}

// mailList is one page of the mailbox, newest first.
type mailList struct {
	Search string
	Total  int // of the mails that the search finds
	Rows   []mailRow
	Older  int // the page behind this one, 0 for none
}

func (m *Mailbox) list(w http.ResponseWriter, r *http.Request) {
	page, err := strconv.Atoi(r.FormValue("page"))
	if err != nil || page < 0 || page > 1e6 {
		page = 0
	}
	m.pages.show(w, http.StatusOK, "mails", listMails(m.mails(), strings.TrimSpace(r.FormValue("q")), page))
}

// listMails returns a page of the mails to whoever's address holds the search.
func listMails(mails []Mail, search string, page int) mailList {
	l := mailList{Search: search}
	skip := page * mailsPerPage
	for i, mail := range slices.Backward(mails) {
		to := strings.Join(mail.To, ", ")
		if !strings.Contains(strings.ToLower(to), strings.ToLower(search)) {
			continue
		}
		if l.Total++; l.Total > skip && len(l.Rows) < mailsPerPage {
			l.Rows = append(l.Rows, mailRow{i + 1, to, orWhyNot(mail.Subject()), mail.At.UTC()})
		}
	}
	if l.Total > skip+mailsPerPage {
		l.Older = page + 1
	}
	return l
}

// orWhyNot is a part of a mail, or why it can't be read.
func orWhyNot(part string, err error) string {
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return part
}

// mailView is one mail as its page shows it.
type mailView struct {
	mailRow
	From   string
	Text   string
	Links  []string
	Header string // as it came
	Size   int    // bytes
}

// find returns the mail that the path names, or answers that there is none.
func (m *Mailbox) find(w http.ResponseWriter, r *http.Request) (mail Mail, n int, ok bool) {
	mails := m.mails()
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 1 || n > len(mails) {
		m.pages.show(w, http.StatusNotFound, "nomail", len(mails))
		return Mail{}, 0, false
	}
	return mails[n-1], n, true
}

func (m *Mailbox) show(w http.ResponseWriter, r *http.Request) {
	mail, n, ok := m.find(w, r)
	if !ok {
		return
	}
	header, _, _ := strings.Cut(strings.ReplaceAll(string(mail.Raw), "\r\n", "\n"), "\n\n")
	text, err := mail.Text()
	links, _ := mail.Links() // the text says why there are none
	m.pages.show(w, http.StatusOK, "mail", mailView{
		mailRow: mailRow{n, strings.Join(mail.To, ", "), orWhyNot(mail.Subject()), mail.At.UTC()},
		From:    orWhyNot(mail.Header("From")), Text: orWhyNot(text, err), Links: links, Header: header, Size: len(mail.Raw),
	})
}

// frame answers with the HTML part alone, for a frame: no script of it runs, it
// loads nothing, and its links open pages of their own.
func (m *Mailbox) frame(w http.ResponseWriter, r *http.Request) {
	mail, _, ok := m.find(w, r)
	if !ok {
		return
	}
	page, err := mail.HTML()
	if err != nil {
		page = "<p>" + template.HTMLEscapeString(err.Error()) + "</p>"
	}
	w.Header().Set("Content-Security-Policy", "sandbox allow-popups allow-popups-to-escape-sandbox; "+
		"default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(withBase(page))) // a client that went away is nobody's concern
}

// withBase lets the links of a page open pages of their own.
func withBase(page string) string {
	const base = `<base target="_blank">`
	at := strings.Index(page, "<head>")
	if at < 0 {
		return base + page
	}
	at += len("<head>")
	return page[:at] + base + page[at:]
}

func (m *Mailbox) source(w http.ResponseWriter, r *http.Request) {
	mail, n, ok := m.find(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "message/rfc822")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%03d.eml"`, n))
	_, _ = w.Write(mail.Raw) // a client that went away is nobody's concern
}
