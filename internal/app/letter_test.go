package app

import (
	"html"
	"net/mail"
	"regexp"
	"strings"
	"testing"

	"alta/internal/sandbox"
)

// read is a mail as its reader sees it.
type read struct {
	to, toName, from, subject, id string
	text, html                    string
	links                         []string // of both parts, all of them
}

var (
	kycLink  = regexp.MustCompile(`(?m)^https://kyc\S+`)
	kycHref  = regexp.MustCompile(`href="(https://kyc[^"]+)"`)
	pageLang = regexp.MustCompile(`<html[^>]* lang="([^"]+)"`)
)

func readMail(t testing.TB, m sandbox.Mail) read {
	t.Helper()
	header := func(name string) string {
		value, err := m.Header(name)
		check(t, err)
		return value
	}
	var r read
	to, err := mail.ParseAddress(header("To"))
	check(t, err)
	r.to, r.toName, r.from = to.Address, to.Name, header("From")
	r.subject, r.id = header("Subject"), header("Message-Id")
	if len(m.To) != 1 || m.To[0] != r.to {
		t.Errorf("the envelope says %q, the header %q", m.To, r.to)
	}
	r.text, err = m.Text()
	check(t, err)
	r.text = strings.ReplaceAll(r.text, "\r\n", "\n")
	r.html, err = m.HTML()
	check(t, err)
	r.links = kycLink.FindAllString(r.text, -1)
	hrefs := kycHref.FindAllStringSubmatch(r.html, -1)
	if len(r.links) == 0 || len(hrefs) == 0 {
		t.Errorf("mail to %s: %d links in the text part, %d in the HTML part", r.to, len(r.links), len(hrefs))
	}
	for _, href := range hrefs {
		r.links = append(r.links, html.UnescapeString(href[1]))
	}
	return r
}

// wantLink wants every link of the mail to be the one that was minted.
func (r read) wantLink(t testing.TB, m sandbox.Mint) {
	t.Helper()
	for _, link := range r.links {
		if link != m.Link.Reveal() {
			t.Errorf("mail to %s links to %q; minted for user %s was %q", r.to, link, m.User, m.Link.Reveal())
		}
	}
}

func (r read) lang() string {
	if m := pageLang.FindStringSubmatch(r.html); m != nil {
		return m[1]
	}
	return ""
}
