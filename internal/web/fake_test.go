package web

import (
	"context"
	"time"

	"alta/pipeline"
)

// fakeLedger is a filled ledger, and remembers what operators did.
type fakeLedger struct {
	overview Overview
	live     *LiveRun
	approves bool
	acts     []string // a word for what was done, the actor and the reason
}

func (f *fakeLedger) Overview(context.Context) (Overview, error) { return f.overview, nil }

func (f *fakeLedger) LiveRun(context.Context) (*LiveRun, error) { return f.live, nil }

func (f *fakeLedger) TryNow(_ context.Context, by Act) error {
	f.acts = append(f.acts, "try "+by.Actor+" "+by.Reason)
	return nil
}

func (f *fakeLedger) Approve(_ context.Context, due int, by Act) (bool, error) {
	f.acts = append(f.acts, "approve "+by.Actor+" "+by.Reason)
	return f.approves && due > 0, nil
}

// hostile is a text that would do harm where it is not escaped.
const hostile = `<img src=x onerror=alert(1)> "quoted" 'and' & مرحبا`

// busyOverview is a partner of some size, on a good day.
func busyOverview(now time.Time) Overview {
	o := Overview{
		Funnel: []FunnelPart{
			{Country: pipeline.MX, Waiting: 1204, Mailed: 18422, Opened: 6120, InReview: 2210, Verified: 41233, Rejected: 811, OptedOut: 402, Erased: 12, Undeliverable: 230, Withdrawn: 41},
			{Country: pipeline.DO, Waiting: 88, Mailed: 3011, Opened: 940, InReview: 301, Verified: 7702, Rejected: 120, OptedOut: 33, Undeliverable: 12},
		},
		Verified: []TimeBucket{
			{15 * time.Minute, 3204}, {time.Hour, 9120}, {6 * time.Hour, 13220}, {24 * time.Hour, 11890}, {3 * 24 * time.Hour, 6720}, {7 * 24 * time.Hour, 3310}, {0, 1471},
		},
		Queue:   QueueFigures{Due: 312, Later: 20144, Retry: 41, Preparing: 8, Sending: 6, Held: 14, Doubt: 3, Failed: 272, OldestDue: now.Add(-4 * time.Minute), NextDue: now.Add(90 * time.Second)},
		NextRun: now.Add(4*time.Minute + 51*time.Second),
	}
	for day := range 30 {
		at := now.AddDate(0, 0, day-29)
		weekend := 1
		if d := at.Weekday(); d == time.Saturday || d == time.Sunday {
			weekend = 3
		}
		o.Days = append(o.Days, MailDay{at, (640 + day*day*3%417) / weekend, (420 + day*37%290) / weekend, (90 + day*11%70) / weekend})
	}
	for i := range 10 {
		start := now.Add(-time.Duration(5*i) * time.Minute)
		r := RunRow{ID: int64(48211 - i), Trigger: "schedule", StartedAt: start, FinishedAt: start.Add(time.Duration(20+i*7) * time.Second), Report: pipeline.Report{Selected: 300 - i*20, Sent: 300 - i*20}}
		switch i {
		case 2:
			r.Sent, r.Retry, r.Failed = r.Sent-9, 6, 3
		case 5:
			r.Trigger, r.Selected, r.Sent = "resend", 1, 1
		case 7:
			r.Outage, r.Sent = "the mail server can't be reached; check smtp.host, smtp.port and the network", 0
		}
		o.Runs = append(o.Runs, r)
	}
	return o
}

// badOverview has all that can go wrong, told in hostile words.
func badOverview(now time.Time) Overview {
	o := sampleOverview(now)
	o.Pauses[0].Reason, o.Pauses[1].Reason = hostile, hostile
	o.Runs[1].Error, o.Runs[1].Outage = hostile, hostile
	o.Fleet.Machines[0].Name, o.Fleet.Machines[0].Version, o.Fleet.Paused[0].Name = hostile, hostile, hostile
	return o
}
