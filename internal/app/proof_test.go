package app

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"alta/pipeline"
)

// soak tells whether the long form of the proofs is asked for, as 'make soak'
// does.
func soak() bool { return os.Getenv("ALTA_SOAK") != "" }

// thorough tells whether the proofs on PostgreSQL are whole, as they are in CI:
// together they take a quarter of an hour.
func thorough() bool { return soak() || os.Getenv("ALTA_REQUIRE_REAL") != "" }

// proof holds a world, in which everything has come to its end, to the promises
// of docs/promises.md.
type proof struct {
	*world
	people []person
	mails  int            // different mails owed to each, at most
	gone   map[string]int // who was verified meanwhile: the id, and the mails that had come by then
	hold   bool           // doubts wait for the operator
}

// counts is what a proof found, for figures.
type counts struct{ mails, copies, doubts, mints, extraMints, doubtfulMints int }

// runUntilDone makes runs, each by a program of its own, until nothing is due.
func (w *world) runUntilDone() {
	w.t.Helper()
	most := 10
	if w.postgres != "" {
		most = 100 // a program that was killed keeps what it had for two leases, of a second each
	}
	for range most {
		if w.number(`SELECT count(*) FROM deliveries WHERE state IN ('claimed', 'sending') OR state = 'due' AND due_at <= ?`, time.Now().UnixMilli()) == 0 {
			return
		}
		var r pipeline.Report
		out := w.exec(anyStatus, "run", "--json")
		check(w.t, json.Unmarshal([]byte(out), &r))
		if sum := r.Sent + r.Retry + r.Failed + r.Held + r.Doubt + r.Cancelled; sum != r.Selected {
			w.t.Fatalf("the report does not add up: %s", out)
		}
	}
	w.t.Fatalf("after %d runs there is still something due", most)
}

// number asks the ledger for one.
func (w *world) number(query string, args ...any) (n int) {
	w.t.Helper()
	check(w.t, w.rows().queryRow(query, args...).Scan(&n))
	return n
}

// check compares what came in with what the ledger says.
func (p proof) check() counts {
	p.t.Helper()
	number := p.number
	if p.postgres == "" {
		var sound string
		check(p.t, p.rows().queryRow(`PRAGMA integrity_check`).Scan(&sound))
		if sound != "ok" {
			p.t.Errorf("the ledger is damaged: %s", sound)
		}
	}
	if n := number(`SELECT count(*) FROM deliveries WHERE state IN ('claimed', 'sending')`); n > 0 {
		p.t.Errorf("%d deliveries still belong to a run", n)
	}
	if n := number(`SELECT count(*) FROM deliveries WHERE state IN ('failed', 'held', 'cancelled') AND reason = ''`); n > 0 {
		p.t.Errorf("%d deliveries ended without a reason", n)
	}
	c := counts{
		doubts:        number(`SELECT count(*) FROM attempts WHERE outcome = 'doubt'`),
		doubtfulMints: number(`SELECT count(*) FROM attempts WHERE doubtful`),
		mints:         len(p.api.Mints()),
	}
	newest := map[string]int{} // the number of each mint, oldest first
	for i, m := range p.api.Mints() {
		newest[m.Link.Reveal()] = i
	}
	mailed := map[string]bool{}
	for _, who := range p.people {
		doubts := number(`SELECT count(*) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id JOIN users u ON u.key = d.user_key
			WHERE u.id = ? AND a.outcome = 'doubt'`, who.id)
		c.add(p.checkUser(who, doubts, newest, mailed))
	}
	kept := number(`SELECT count(*) FROM links`)
	if c.extraMints = c.mints - kept; c.extraMints > c.doubtfulMints {
		p.t.Errorf("%d links were minted and %d kept, with %d doubtful mints counted", c.mints, kept, c.doubtfulMints)
	}
	for link := range mailed {
		if _, minted := newest[link]; !minted {
			p.t.Error("a mail carries a link that nobody minted")
		}
	}
	return c
}

// checkUser looks at the mails of one user.
func (p proof) checkUser(who person, doubts int, newest map[string]int, mailed map[string]bool) counts {
	p.t.Helper()
	mails := p.mailsTo(who.email)
	byID, last := map[string][]byte{}, -1
	for _, m := range mails {
		letter := readMail(p.t, m)
		for _, link := range letter.links {
			mailed[link] = true
			if newest[link] < last {
				p.t.Errorf("%s got a link that an earlier mail had superseded", who.email)
			}
			last = max(last, newest[link])
		}
		if first, again := byID[letter.id]; again && !bytes.Equal(first, m.Raw) {
			p.t.Errorf("%s got two copies of a mail that differ", who.email)
		}
		byID[letter.id] = m.Raw
	}
	copies := len(mails) - len(byID)
	had, left := p.gone[who.id]
	switch {
	case copies > doubts:
		p.t.Errorf("%s got %d copies too many with %d attempts in doubt", who.email, copies, doubts)
	case p.hold && copies > 0:
		p.t.Errorf("%s got a mail twice although doubts are held", who.email)
	case left && len(mails) > had:
		p.t.Errorf("%s got a mail after being verified", who.email)
	case len(byID) > p.mails:
		p.t.Errorf("%s got %d different mails, want %d", who.email, len(byID), p.mails)
	case !left && len(byID) < p.mails && (!p.hold || doubts == 0):
		p.t.Errorf("%s was lost: %d mails, want %d", who.email, len(byID), p.mails)
	}
	return counts{mails: len(mails), copies: copies}
}

func (c *counts) add(more counts) {
	c.mails, c.copies, c.doubts = c.mails+more.mails, c.copies+more.copies, c.doubts+more.doubts
	c.mints, c.extraMints, c.doubtfulMints = c.mints+more.mints, c.extraMints+more.extraMints, c.doubtfulMints+more.doubtfulMints
}

// inFlight returns the users whose deliveries belong to a run.
func (w *world) inFlight(t testing.TB) []string {
	t.Helper()
	rows, err := w.rows().query(`SELECT u.id FROM deliveries d JOIN users u ON u.key = d.user_key WHERE d.state IN ('claimed', 'sending')`)
	check(t, err)
	defer func() { check(t, rows.Close()) }()
	ids := map[string]bool{}
	for rows.Next() {
		var id string
		check(t, rows.Scan(&id))
		ids[id] = true
	}
	check(t, rows.Err())
	return slices.Sorted(maps.Keys(ids))
}
