package web

import (
	"fmt"
	"slices"
	"time"

	"alta/pipeline"
)

// overviewView is what the page Overview shows.
type overviewView struct {
	Overview
	Total    FunnelPart
	Now      time.Time
	Outage   *pauseView
	Holds    []pauseView // of one country and type
	Live     liveView
	Mails    Picture
	Times    Picture
	Sent     int // mails of the days
	TimeRows []timeRow
	Half     string // how long half of them took at most; "" where nobody was verified
}

// pauseView is a pause in plain words.
type pauseView struct {
	pipeline.Pause
	Cause Cause
	Ripe  bool // the next run tries one mail
}

// timeRow is a bucket of the time until users were verified.
type timeRow struct {
	Name  string
	Users int
}

// stageRow is one stage of the funnel.
type stageRow struct {
	Name         string
	Class        string
	Users, Whole int
}

// Width is the share of all users, in percent of the bar.
func (s stageRow) Width() string {
	if s.Whole == 0 {
		return "0"
	}
	return fmt.Sprintf("%.2f", float64(s.Users)/float64(s.Whole)*100)
}

func newOverviewView(o Overview, live *LiveRun, k *look, now time.Time) (overviewView, error) {
	v := overviewView{Overview: o, Total: total(o.Funnel), Now: now, Live: liveView{Run: live, Now: now}}
	for _, p := range o.Pauses {
		view := pauseView{p, k.words.Causes.of(p.Code, p.Reason), p.Ripe(now)}
		if p.IsOutage() {
			v.Outage = &view
		} else {
			v.Holds = append(v.Holds, view)
		}
	}
	for _, d := range o.Days {
		v.Sent += d.Invites + d.Reminders + d.Reissue
	}
	for i, b := range o.Verified {
		v.TimeRows = append(v.TimeRows, timeRow{k.bucketName(o.Verified, i), b.Users})
	}
	v.Half = half(v.TimeRows)
	var err error
	if len(o.Days) > 0 {
		if v.Mails, err = k.mailsChart(o.Days, v.Sent).draw(); err != nil {
			return v, err
		}
	}
	if v.Half != "" {
		v.Times, err = k.timesChart(v.TimeRows, v.Half).draw()
	}
	return v, err
}

func total(parts []FunnelPart) (t FunnelPart) {
	for _, p := range parts {
		t.Waiting += p.Waiting
		t.Mailed += p.Mailed
		t.Opened += p.Opened
		t.InReview += p.InReview
		t.Verified += p.Verified
		t.Rejected += p.Rejected
		t.OptedOut += p.OptedOut
		t.Erased += p.Erased
		t.Undeliverable += p.Undeliverable
		t.Withdrawn += p.Withdrawn
	}
	return t
}

// stages lists how far the users of a part have come.
func (k *look) stages(f FunnelPart) []stageRow {
	w, all := k.words.Overview, f.Users()
	return []stageRow{
		{w.Waiting, "c4", f.Waiting, all}, {w.Mailed, "c2", f.Mailed, all}, {w.Opened, "c3", f.Opened, all},
		{w.InReview, "c5", f.InReview, all}, {w.Verified, "c1", f.Verified, all},
	}
}

// besides lists those who left the way, or are stuck on it. Only what there is
// counts.
func (k *look) besides(f FunnelPart) []stageRow {
	w, all := k.words.Overview, f.Users()
	rows := []stageRow{
		{w.Rejected, "", f.Rejected, all}, {w.OptedOut, "", f.OptedOut, all}, {w.Erased, "", f.Erased, all},
		{w.Undeliverable, "", f.Undeliverable, all}, {w.Withdrawn, "", f.Withdrawn, all},
	}
	return slices.DeleteFunc(rows, func(r stageRow) bool { return r.Users == 0 })
}

func (k *look) mailsChart(days []MailDay, sent int) barChart {
	w := k.words.Overview
	c := barChart{
		ID: "mails", Title: w.MailsADay,
		Desc: fmt.Sprintf(w.MailsDesc, k.format.number(sent), k.format.day(days[0].Day), k.format.day(days[len(days)-1].Day)),
	}
	steps := k.words.Domain.Steps
	invites, reminders, reissues := barSeries{Name: steps["invite"]}, barSeries{Name: steps["reminder"]}, barSeries{Name: steps["reissue"]}
	for _, d := range days {
		c.Labels = append(c.Labels, k.format.shortDay(d.Day))
		invites.Values = append(invites.Values, float64(d.Invites))
		reminders.Values = append(reminders.Values, float64(d.Reminders))
		reissues.Values = append(reissues.Values, float64(d.Reissue))
	}
	c.Series = []barSeries{invites, reminders, reissues}
	return c
}

// half names the bucket that the middle one of the users is in.
func half(rows []timeRow) string {
	all, seen := 0, 0
	for _, r := range rows {
		all += r.Users
	}
	for _, r := range rows {
		if seen += r.Users; seen > 0 && 2*seen >= all {
			return r.Name
		}
	}
	return ""
}

func (k *look) timesChart(rows []timeRow, half string) barChart {
	w := k.words.Overview
	c := barChart{ID: "times", Title: w.TimeToVerified, Desc: fmt.Sprintf(w.TimesDesc, half)}
	users := barSeries{Name: w.Verified}
	for _, r := range rows {
		c.Labels = append(c.Labels, r.Name)
		users.Values = append(users.Values, float64(r.Users))
	}
	c.Series = []barSeries{users}
	return c
}

// bucketName names a bucket by its ends: "≤ 1 h", "> 7 days".
func (k *look) bucketName(buckets []TimeBucket, i int) string {
	if b := buckets[i]; b.UpTo > 0 {
		return "≤ " + k.format.span(b.UpTo)
	}
	if i == 0 {
		return "≥ 0"
	}
	return "> " + k.format.span(buckets[i-1].UpTo)
}
