package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"alta/pipeline"
)

// apiLedger is what the ledger's file says after a run.
type apiLedger struct {
	deliveries []apiDelivery
	paused     []apiPause
	paid       int // attempts that count, without those that sent a mail
	doubtful   int
	kept       int // links of mails that were not sent yet
}

type apiDelivery struct {
	state      pipeline.State
	due, wrote time.Time
}

type apiPause struct {
	country, kind, code string
	since, probeAt      time.Time
}

// readAPILedger reads the database itself, so that none of the store's own queries
// stands between. The store is still open.
func (w *world) readAPILedger() (l apiLedger) {
	t := w.t
	t.Helper()
	db := w.rows()
	check(t, db.queryRow(`SELECT
			(SELECT coalesce(sum(attempts), 0) - count(*) FILTER (WHERE state = 'sent') FROM deliveries),
			(SELECT count(*) FROM attempts WHERE doubtful),
			(SELECT count(*) FROM links WHERE superseded_at IS NULL
				AND id NOT IN (SELECT link_id FROM deliveries WHERE state = 'sent' AND link_id IS NOT NULL))`).
		Scan(&l.paid, &l.doubtful, &l.kept))

	rows, err := db.query(`SELECT state, due_at, updated_at FROM deliveries ORDER BY id`)
	check(t, err)
	defer rows.Close()
	for rows.Next() {
		var d apiDelivery
		var due, wrote int64
		check(t, rows.Scan(&d.state, &due, &wrote))
		d.due, d.wrote = time.UnixMilli(due), time.UnixMilli(wrote)
		l.deliveries = append(l.deliveries, d)
	}
	check(t, rows.Err())

	paused, err := db.query(`SELECT country, type, code, since, probe_at FROM pauses ORDER BY country, type`)
	check(t, err)
	defer paused.Close()
	for paused.Next() {
		var p apiPause
		var since, probe int64
		check(t, paused.Scan(&p.country, &p.kind, &p.code, &since, &probe))
		p.since, p.probeAt = time.UnixMilli(since), time.UnixMilli(probe)
		l.paused = append(l.paused, p)
	}
	check(t, paused.Err())
	return l
}

// states counts the deliveries by state; those that are due also by how long
// after the run's verdict they are.
func (l apiLedger) states() string {
	names := []string{
		"sent", "failed", "held", "cancelled", "doubt", "claimed", "sending",
		"due in seconds", "due in 1 to 2 min", "due in 15 min", "due later", "due now",
	}
	counts := map[string]int{}
	for _, d := range l.deliveries {
		counts[d.label()]++
	}
	var parts []string
	for _, name := range names {
		if counts[name] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
		}
	}
	return strings.Join(parts, ", ")
}

func (d apiDelivery) label() string {
	wait := d.due.Sub(d.wrote)
	switch {
	case d.state != pipeline.Due:
		return string(d.state)
	case wait <= 0:
		return "due now"
	case wait < time.Minute:
		return "due in seconds"
	case wait <= 2*time.Minute:
		return "due in 1 to 2 min"
	case wait == 15*time.Minute:
		return "due in 15 min"
	}
	return "due later"
}

// pause describes what is paused, and when it is probed first.
func (l apiLedger) pause() string {
	var parts []string
	for _, p := range l.paused {
		who := "outage"
		if p.country != "" {
			who = p.country + " " + p.kind
		}
		probed := "probed by the next run"
		if wait := p.probeAt.Sub(p.since); wait > 0 {
			probed = "probed after " + wait.Round(time.Second).String()
		}
		parts = append(parts, who+" "+p.code+", "+probed)
	}
	return strings.Join(parts, "; ")
}

// outage tells whether everything is paused, and since when it may be probed.
func (l apiLedger) outage() (probeAt time.Time, is bool) {
	for _, p := range l.paused {
		if p.country == "" {
			return p.probeAt, true
		}
	}
	return time.Time{}, false
}

// settled tells whether nothing is to come by itself any more.
func (l apiLedger) settled() bool {
	return len(l.paused) == 0 && !slices.ContainsFunc(l.deliveries, func(d apiDelivery) bool { return d.state == pipeline.Due })
}

// next is when the next thing comes, at least a second ahead.
func (l apiLedger) next(now time.Time) time.Time {
	next := now.Add(24 * time.Hour)
	consider := func(at time.Time) {
		if soonest := now.Add(time.Second); at.Before(soonest) {
			at = soonest
		}
		if at.Before(next) {
			next = at
		}
	}
	for _, d := range l.deliveries {
		if d.state == pipeline.Due && (len(l.paused) == 0 || d.due.After(now)) {
			consider(d.due)
		}
	}
	for _, p := range l.paused {
		consider(p.probeAt)
	}
	return next
}
