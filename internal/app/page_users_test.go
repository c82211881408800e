package app

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var madeToken = regexp.MustCompile(`alta_[A-Za-z0-9_-]{43}`)

// token makes a token by the command line.
func (w *world) token(name, role string) string {
	w.t.Helper()
	out := w.exec(0, "token", "add", name, "--role", role)
	token := madeToken.FindString(out)
	if token == "" {
		w.t.Fatalf("no token in %q", out)
	}
	return token
}

// An operator signs in with a token that the command line made, finds a user, reads
// what happened, and acts; a viewer only looks.
func TestOperatorActsOnAUser(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		w := newWorld(t, time.Now, always, `plan.min_gap = "20h"`)
		people := w.importPeople(3)
		ana, bob := people[0], people[1]
		d := w.serve()
		olga, vera := d.browser(w.token("olga", "operator")), d.browser(w.token("vera", "viewer"))
		w.lastMail(ana.email, 1)
		page := "/users/" + ana.id
		w.eventually("the mail to be written down", func() bool {
			_, text := vera.get(page)
			return strings.Contains(text, "Invite was sent")
		})

		vera.shows("/users?q="+ana.email, page, ana.email)
		vera.shows("/users?q="+ana.id, page)
		vera.shows(page, "250 ", "Came into the ledger", "Reminder 1 is planned")
		if _, text := vera.get(page); strings.Contains(text, "/resend") {
			t.Error("a viewer is shown the acts")
		}
		if status, _ := vera.post(page+"/resend", "reason", "I may not"); status != http.StatusForbidden {
			t.Errorf("a viewer's resend is answered %d", status)
		}

		// The gap is kept unless the box is ticked.
		olga.does(page+"/resend", "the plan leaves the user in peace", "reason", "asked by phone")
		olga.does(page+"/resend", "goes out within seconds", "reason", "asked by phone", "force", "1")
		w.lastMail(ana.email, 2)
		olga.shows("/audit?user="+ana.id, "Sent again by hand", "reissue: asked by phone", "olga")

		olga.does("/users/"+bob.id+"/hold", "The mail is held", "reason", "waits for a paper")
		olga.shows("/users/"+bob.id, "is held by an operator", "waits for a paper")
		olga.does("/users/"+bob.id+"/hold", "held already", "reason", "again")
		olga.does("/users/"+bob.id+"/release", "is released", "reason", "the paper came")
		olga.does("/users/"+bob.id+"/mark", "The status is now: Verified", "reason", "in the branch", "status", "verified")
		olga.does("/users/"+bob.id+"/resend", "The status is “Verified”", "reason", "x", "force", "1")
		olga.does("/users/"+people[2].id+"/optout", "The user is opted out", "reason", "by letter")
		olga.does("/users/"+bob.id+"/erase", "personal data is removed", "reason", "by law", "typed", bob.id)
		olga.does("/users/"+bob.id+"/mark", "which is final", "reason", "x", "status", "pending")
		if status, text := olga.get("/users?q=" + bob.email); status != http.StatusOK || strings.Contains(text, bob.id) {
			t.Errorf("an erased user is found: %d %s", status, text)
		}
		if status, _ := olga.get("/users/" + ana.email); status != http.StatusNotFound {
			t.Errorf("an address leads to a page: %d", status)
		}
		olga.does(page+"/hold", "The mail is held", "reason", "=1+1")
		olga.shows("/audit?verify=now", "The chain holds")
		vera.wantsAuditCSV(bob.id)
		d.signal(syscall.SIGTERM)
		if status := d.wait(); status != 0 {
			t.Errorf("exit status %d", status)
		}
	})
}

// does sends the form of an act, and wants the message about what it came to.
func (b pageBrowser) does(path, says string, fields ...string) {
	b.t.Helper()
	if status, text := b.post(path, fields...); status != http.StatusOK || !strings.Contains(text, says) {
		b.t.Errorf("%s is answered %d, without %q:\n%s", path, status, says, text)
	}
}

// wantsAuditCSV reads the export, in which no cell is a formula.
func (b pageBrowser) wantsAuditCSV(erased string) {
	b.t.Helper()
	status, text := b.get("/audit.csv")
	if status != http.StatusOK {
		b.t.Fatalf("the export is answered %d: %s", status, text)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	check(b.t, err)
	found := false
	for _, row := range rows {
		found = found || row[3] == "erase" && row[4] == erased && row[2] == "token:olga" && row[5] == "by law"
		for _, cell := range row {
			if strings.IndexAny(cell, "=+-@\t\r") == 0 {
				b.t.Errorf("a cell begins as a formula: %q", cell)
			}
		}
	}
	if !found {
		b.t.Errorf("no line of the erasure in %s", text)
	}
}

// No route of the page that changes something can be reached without a token, with a
// viewer's, or from another site: the test walks the table, so that none is forgotten.
func TestEveryRouteThatChangesSomethingIsGuarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, yearly)
	people := w.importPeople(1)
	d := w.serve()
	olga, vera := w.token("olga", "operator"), w.token("vera", "viewer")
	signedOlga, signedVera := d.browser(olga), d.browser(vera)
	base, stranger := signedOlga.base, &http.Client{Transport: signedOlga.client.Transport}
	send := func(c *http.Client, method, path, token, origin string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader("reason=ok&typed="+people[0].id))
		check(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		response, err := c.Do(r)
		check(t, err)
		check(t, response.Body.Close())
		return response.StatusCode
	}
	p, err := w.publicEngine().page()
	check(t, err)
	t.Cleanup(p.end)
	acts := 0
	for _, route := range p.routes {
		path := strings.Replace(strings.TrimSuffix(route.Path, "{$}"), "{id}", people[0].id, 1)
		switch {
		case route.Method == http.MethodGet:
			continue
		case route.Own:
			if status := send(signedOlga.client, route.Method, path, olga, "https://mal.example"); status != http.StatusForbidden {
				t.Errorf("%s %s from another site is answered %d", route.Method, path, status)
			}
			continue
		}
		acts++
		viewers, operators, origin := "with a viewer's token 401", "with an operator's token 401", "" // no page takes one
		if strings.HasPrefix(path, "/api/") {
			viewers, operators, origin = "with a viewer's token 403", "with an operator's token, from another site 403", "https://mal.example"
		}
		for it, got := range map[string]int{
			"without a token 401":       send(stranger, route.Method, path, "", ""),
			"with a wrong token 401":    send(stranger, route.Method, path, "alta_nobodys", ""),
			viewers:                     send(stranger, route.Method, path, vera, ""),
			"with a viewer's login 403": send(signedVera.client, route.Method, path, "", ""),
			operators:                   send(stranger, route.Method, path, olga, origin),
			"from another site 403":     send(signedOlga.client, route.Method, path, olga, "https://mal.example"),
		} {
			if !strings.HasSuffix(it, fmt.Sprint(got)) {
				t.Errorf("%s %s %s is answered %d", route.Method, path, it, got)
			}
		}
	}
	if acts < 10 {
		t.Errorf("only %d routes change something", acts)
	}
	if audit := w.exec(0, "audit", "list", "--user", people[0].id); strings.Contains(audit, "token:") {
		t.Errorf("something was done: %s", audit)
	}
}
