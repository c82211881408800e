package main

import (
	"html"
	"regexp"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"alta/internal/sandbox"
)

// mailsCommand is "mails N": it wants N mails to have come in.
func mailsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: mails N")
	}
	wantNumber(ts, "mails", len(worldOf(ts).smtp.Mails()), args[0])
}

// mailCommand is one of
//
//	mail ADDRESS count N
//	mail ADDRESS subject REGEXP
//	mail ADDRESS text REGEXP
//	mail ADDRESS html REGEXP
//	mail ADDRESS link USER
//	mail ADDRESS repeated
//
// The latest mail to the address counts. link wants the link that was minted
// last for the user, byte for byte in both parts; repeated wants the latest two
// mails to be the very same.
func mailCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mail ADDRESS count|subject|text|html|link|repeated …")
	}
	w := worldOf(ts)
	mails := slices.DeleteFunc(w.smtp.Mails(), func(m sandbox.Mail) bool { return !slices.Contains(m.To, args[0]) })
	if args[1] == "count" {
		wantNumber(ts, "mails to "+args[0], len(mails), args[2])
		return
	}
	if len(mails) == 0 {
		ts.Fatalf("no mail to %s", args[0])
	}
	last := mails[len(mails)-1]
	switch args[1] {
	case "subject":
		wantMatch(ts, args[2], last.Subject)
	case "text":
		wantMatch(ts, args[2], last.Text)
	case "html":
		wantMatch(ts, args[2], last.HTML)
	case "link":
		w.wantLink(ts, last, args[2])
	case "repeated":
		if len(mails) < 2 || string(mails[len(mails)-2].Raw) != string(last.Raw) {
			ts.Fatalf("the latest two mails to %s are not the very same", args[0])
		}
	default:
		ts.Fatalf("mail: unknown question %q", args[1])
	}
}

func wantMatch(ts *testscript.TestScript, pattern string, read func() (string, error)) {
	text, err := read()
	ts.Check(err)
	if !regexp.MustCompile(`(?m)` + pattern).MatchString(text) {
		ts.Fatalf("no match for %s in\n%s", pattern, text)
	}
}

var (
	textLink = regexp.MustCompile(`(?m)^https://kyc\S+`)
	htmlLink = regexp.MustCompile(`href="(https://kyc[^"]+)"`)
)

func (w *world) wantLink(ts *testscript.TestScript, m sandbox.Mail, user string) {
	minted := ""
	for _, mint := range w.api.Mints() {
		if mint.User == user {
			minted = mint.Link.Reveal()
		}
	}
	text, err := m.Text()
	ts.Check(err)
	if got := textLink.FindString(text); minted == "" || got != minted {
		ts.Fatalf("the text part links to %q, minted was %q", got, minted)
	}
	page, err := m.HTML()
	ts.Check(err)
	links := htmlLink.FindAllStringSubmatch(page, -1)
	if len(links) == 0 {
		ts.Fatalf("the HTML part has no link")
	}
	for _, link := range links {
		if got := html.UnescapeString(link[1]); got != minted {
			ts.Fatalf("the HTML part links to %q, minted was %q", got, minted)
		}
	}
}
