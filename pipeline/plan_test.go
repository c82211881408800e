package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"alta/pipeline"
)

// mailed is the history of a user who got the mails at the times given, each
// with a link that expires at the last time.
func mailed(expires string, at ...string) pipeline.History {
	h := pipeline.History{Mails: len(at), InvitedAt: moment(at[0]), LastAt: moment(at[len(at)-1])}
	if expires != "" {
		h.LinkExpiresAt = moment(expires)
	}
	return h
}

func TestPlanNext(t *testing.T) {
	anyHour := func(p *pipeline.Plan) { p.Hours = pipeline.Hours{} }
	noReissue := func(p *pipeline.Plan) { p.ReissueOnExpiry = false }
	for _, c := range []struct {
		name    string
		change  func(*pipeline.Plan) // from the usual plan
		zone    string               // Mexico City when empty
		history pipeline.History
		now     string
		step    pipeline.Step // "" when nothing is owed
		at      string
	}{
		{name: "A new user is invited at once.",
			now: "2026-03-02T10:00:00-06:00", step: pipeline.Invite, at: "2026-03-02T10:00:00-06:00"},
		{name: "A new user of the night is invited when the hours open.",
			now: "2026-03-02T22:30:00-06:00", step: pipeline.Invite, at: "2026-03-03T09:00:00-06:00"},
		{name: "A new user of the small hours is invited the same day.",
			now: "2026-03-02T05:00:00-06:00", step: pipeline.Invite, at: "2026-03-02T09:00:00-06:00"},
		{name: "Without sending hours a new user is invited at any time.",
			change: anyHour, now: "2026-03-02T03:00:00-06:00", step: pipeline.Invite, at: "2026-03-02T03:00:00-06:00"},
		{name: "The hours are the user's: it is half past nine in Santo Domingo.", zone: "America/Santo_Domingo",
			now: "2026-03-02T07:30:00-06:00", step: pipeline.Invite, at: "2026-03-02T09:30:00-04:00"},
		{name: "The hours are the user's: it is half past seven in Mexico City.",
			now: "2026-03-02T07:30:00-06:00", step: pipeline.Invite, at: "2026-03-02T09:00:00-06:00"},

		{name: "The first reminder follows after its delay.", change: noReissue,
			history: mailed("2026-03-03T10:00:00-06:00", "2026-03-02T10:00:00-06:00"),
			now:     "2026-03-02T10:00:00-06:00", step: pipeline.Reminder, at: "2026-03-03T10:00:00-06:00"},
		{name: "The second reminder counts from the invite, not from the first reminder.", change: noReissue,
			history: mailed("2026-03-04T16:00:00-06:00", "2026-03-02T10:00:00-06:00", "2026-03-03T16:00:00-06:00"),
			now:     "2026-03-03T16:00:00-06:00", step: pipeline.Reminder, at: "2026-03-05T10:00:00-06:00"},
		{name: "After the last reminder nothing follows when links are not issued again.", change: noReissue,
			history: mailed("2026-03-10T10:00:00-06:00", "2026-03-02T10:00:00-06:00", "2026-03-09T10:00:00-06:00"),
			now:     "2026-03-09T10:00:00-06:00"},
		{name: "Without reminders and re-issue the invite is all.",
			change:  func(p *pipeline.Plan) { p.Reminders, p.ReissueOnExpiry = nil, false },
			history: mailed("2026-03-03T10:00:00-06:00", "2026-03-02T10:00:00-06:00"), now: "2026-03-02T10:00:00-06:00"},
		{name: "A reminder whose delay ends at night waits for the morning.",
			change:  func(p *pipeline.Plan) { p.Reminders, p.ReissueOnExpiry = []time.Duration{36 * time.Hour}, false },
			history: mailed("", "2026-03-02T10:00:00-06:00"),
			now:     "2026-03-02T10:00:00-06:00", step: pipeline.Reminder, at: "2026-03-04T09:00:00-06:00"},
		{name: "A delay is time that passes, so over a change of the clock it ends at another hour.", change: noReissue, zone: "America/Tijuana",
			history: mailed("", "2026-03-07T10:00:00-08:00"),
			now:     "2026-03-07T10:00:00-08:00", step: pipeline.Reminder, at: "2026-03-08T11:00:00-07:00"},
		{name: "In autumn it ends an hour earlier on the clock.", change: noReissue, zone: "America/Tijuana",
			history: mailed("", "2026-10-31T10:00:00-07:00"),
			now:     "2026-10-31T10:00:00-07:00", step: pipeline.Reminder, at: "2026-11-01T09:00:00-08:00"},

		{name: "A link that expires before the next reminder is issued again.",
			history: mailed("2026-03-04T10:00:00-06:00", "2026-03-02T10:00:00-06:00", "2026-03-03T10:00:00-06:00"),
			now:     "2026-03-03T10:00:00-06:00", step: pipeline.Reissue, at: "2026-03-04T10:00:00-06:00"},
		{name: "A link that outlives the next reminder waits for it.",
			history: mailed("2026-03-20T10:00:00-06:00", "2026-03-02T10:00:00-06:00"),
			now:     "2026-03-02T10:00:00-06:00", step: pipeline.Reminder, at: "2026-03-03T10:00:00-06:00"},
		{name: "When the reminders are over, expired links are still issued again.",
			history: mailed("2026-03-10T10:00:00-06:00", "2026-03-02T10:00:00-06:00", "2026-03-09T10:00:00-06:00"),
			now:     "2026-03-09T10:00:00-06:00", step: pipeline.Reissue, at: "2026-03-10T10:00:00-06:00"},
		{name: "A link whose end is unknown is never issued again.", change: func(p *pipeline.Plan) { p.Reminders = nil },
			history: mailed("", "2026-03-02T10:00:00-06:00"), now: "2026-03-02T10:00:00-06:00"},

		{name: "Due together, the reminder is the one.",
			history: mailed("2026-03-03T10:00:00-06:00", "2026-03-02T10:00:00-06:00"),
			now:     "2026-03-02T10:00:00-06:00", step: pipeline.Reminder, at: "2026-03-03T10:00:00-06:00"},
		{name: "A link that was minted a moment before its mail went out is due together with the reminder.",
			history: mailed("2026-03-03T09:59:57-06:00", "2026-03-02T10:00:00-06:00"),
			now:     "2026-03-02T10:00:00-06:00", step: pipeline.Reminder, at: "2026-03-03T10:00:00-06:00"},
		{name: "Ten minutes apart is together.",
			history: mailed("2026-03-03T09:50:00-06:00", "2026-03-02T10:00:00-06:00"),
			now:     "2026-03-02T10:00:00-06:00", step: pipeline.Reminder, at: "2026-03-03T10:00:00-06:00"},
		{name: "More than ten minutes apart is not.",
			history: mailed("2026-03-03T09:49:59-06:00", "2026-03-02T10:00:00-06:00"),
			now:     "2026-03-02T10:00:00-06:00", step: pipeline.Reissue, at: "2026-03-03T09:49:59-06:00"},
		{name: "Both wait for the morning, so they are due together.",
			change:  func(p *pipeline.Plan) { p.Reminders = []time.Duration{40 * time.Hour} },
			history: mailed("2026-03-03T21:00:00-06:00", "2026-03-02T10:00:00-06:00"),
			now:     "2026-03-02T10:00:00-06:00", step: pipeline.Reminder, at: "2026-03-04T09:00:00-06:00"},
		{name: "In a plan of seconds, together is no longer than the gap.",
			change: func(p *pipeline.Plan) {
				p.Reminders, p.MinGap = []time.Duration{4 * time.Second}, time.Second
			},
			history: mailed("2026-03-02T10:00:02-06:00", "2026-03-02T10:00:00-06:00"),
			now:     "2026-03-02T10:00:00-06:00", step: pipeline.Reissue, at: "2026-03-02T10:00:02-06:00"},

		{name: "A link of an hour is not issued again before the gap is over.", change: anyHour,
			history: mailed("2026-03-02T11:00:00-06:00", "2026-03-02T10:00:00-06:00"),
			now:     "2026-03-02T10:00:00-06:00", step: pipeline.Reissue, at: "2026-03-03T06:00:00-06:00"},
		{name: "When the gap ends at night, the mail waits for the morning.",
			history: mailed("2026-03-02T11:00:00-06:00", "2026-03-02T10:00:00-06:00"),
			now:     "2026-03-02T10:00:00-06:00", step: pipeline.Reissue, at: "2026-03-03T09:00:00-06:00"},
		{name: "A reminder that would come too close to a late mail keeps the gap.", change: func(p *pipeline.Plan) { anyHour(p); noReissue(p) },
			history: mailed("", "2026-03-02T10:00:00-06:00", "2026-03-05T09:00:00-06:00"),
			now:     "2026-03-05T09:00:00-06:00", step: pipeline.Reminder, at: "2026-03-06T05:00:00-06:00"},

		{name: "A user who had the most mails gets nothing more.",
			change:  func(p *pipeline.Plan) { p.MaxMails = 2 },
			history: mailed("2026-03-04T10:00:00-06:00", "2026-03-02T10:00:00-06:00", "2026-03-03T10:00:00-06:00"),
			now:     "2026-03-03T10:00:00-06:00"},
		{name: "A user who had more than the most, by an operator's hand, neither.",
			change:  func(p *pipeline.Plan) { p.MaxMails = 1 },
			history: mailed("2026-03-04T10:00:00-06:00", "2026-03-02T10:00:00-06:00", "2026-03-03T10:00:00-06:00"),
			now:     "2026-03-03T10:00:00-06:00"},
		{name: "A user with one mail left gets it.",
			change:  func(p *pipeline.Plan) { p.MaxMails = 3 },
			history: mailed("2026-03-04T10:00:00-06:00", "2026-03-02T10:00:00-06:00", "2026-03-03T10:00:00-06:00"),
			now:     "2026-03-03T10:00:00-06:00", step: pipeline.Reissue, at: "2026-03-04T10:00:00-06:00"},

		{name: "After a long stop the one mail that is owed is due at once.", change: noReissue,
			history: mailed("2026-03-03T10:00:00-06:00", "2026-03-02T10:00:00-06:00"),
			now:     "2026-03-30T10:00:00-06:00", step: pipeline.Reminder, at: "2026-03-30T10:00:00-06:00"},
		{name: "After a long stop that ends at night it waits for the morning.", change: noReissue,
			history: mailed("2026-03-03T10:00:00-06:00", "2026-03-02T10:00:00-06:00"),
			now:     "2026-03-30T23:00:00-06:00", step: pipeline.Reminder, at: "2026-03-31T09:00:00-06:00"},
		{name: "The reminders that a late mail overtook are left out.", change: noReissue,
			history: mailed("2026-03-31T10:00:00-06:00", "2026-03-02T10:00:00-06:00", "2026-03-30T10:00:00-06:00"),
			now:     "2026-03-30T10:00:00-06:00"},
		{name: "Only those that it overtook: the last one is still ahead.", change: noReissue,
			history: mailed("2026-03-07T10:00:00-06:00", "2026-03-02T10:00:00-06:00", "2026-03-06T10:00:00-06:00"),
			now:     "2026-03-06T10:00:00-06:00", step: pipeline.Reminder, at: "2026-03-09T10:00:00-06:00"},
		{name: "After the late mail its own link counts.",
			history: mailed("2026-03-31T10:00:00-06:00", "2026-03-02T10:00:00-06:00", "2026-03-30T10:00:00-06:00"),
			now:     "2026-03-30T10:00:00-06:00", step: pipeline.Reissue, at: "2026-03-31T10:00:00-06:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := usual(t)
			if c.change != nil {
				c.change(&p)
			}
			u := maria("America/Mexico_City")
			if c.zone != "" {
				u.TimeZone = c.zone
			}
			got, owed := p.Next(u, c.history, moment(c.now))
			if owed != (c.step != "") {
				t.Fatalf("owed = %v (%v), want step %q", owed, got, c.step)
			}
			if owed && (got.Step != c.step || !got.DueAt.Equal(moment(c.at))) {
				t.Errorf("Next = %s at %s, want %s at %s", got.Step, got.DueAt.In(u.Location()).Format(time.RFC3339Nano), c.step, c.at)
			}
		})
	}
}

func TestPlanOwesMailToPendingUsersOnly(t *testing.T) {
	p := usual(t)
	for _, status := range pipeline.Statuses() {
		for _, h := range []pipeline.History{{}, mailed("2026-03-03T10:00:00-06:00", "2026-03-02T10:00:00-06:00")} {
			t.Run(fmt.Sprintf("A user who is %s and had %d mails.", status, h.Mails), func(t *testing.T) {
				u := maria("America/Mexico_City")
				u.Status = status
				if next, owed := p.Next(u, h, ten); owed != (status == pipeline.Pending) {
					t.Errorf("Next = %v, %v", next, owed)
				}
			})
		}
	}
}

// TestUsualLife follows a user who never clicks through the default plan, with
// a link that is minted three seconds before each mail is accepted.
func TestUsualLife(t *testing.T) {
	p, u := usual(t), maria("America/Mexico_City")
	want := []string{
		"invite 2026-03-02T10:00:00-06:00",
		"reminder 2026-03-03T10:00:00-06:00",
		"reissue 2026-03-04T09:59:57-06:00",
		"reminder 2026-03-05T10:00:00-06:00",
		"reissue 2026-03-06T09:59:57-06:00",
		"reissue 2026-03-07T09:59:54-06:00",
	}
	var got []string
	var h pipeline.History
	now := ten
	for {
		next, owed := p.Next(u, h, now)
		if !owed {
			break
		}
		now = next.DueAt
		got = append(got, string(next.Step)+" "+now.In(u.Location()).Format(time.RFC3339))
		h = h.After(&pipeline.Delivery{Link: link("https://kyc.example/1", now.Add(-3*time.Second))}, now)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestPlanDefer(t *testing.T) {
	for _, c := range []struct {
		name, hours, zone, now string
		operator               bool
		until                  string // "" when it may go at once
	}{
		{name: "Inside the hours a mail goes at once.", hours: "09:00-20:00", zone: "America/Mexico_City", now: "2026-03-02T19:59:59-06:00"},
		{name: "A mail that is late in the evening waits for the morning.", hours: "09:00-20:00", zone: "America/Mexico_City",
			now: "2026-03-02T20:00:00-06:00", until: "2026-03-03T09:00:00-06:00"},
		{name: "What an operator asked for goes at night.", hours: "09:00-20:00", zone: "America/Mexico_City",
			now: "2026-03-02T23:00:00-06:00", operator: true},
		{name: "Without sending hours a mail goes at night.", hours: "", zone: "America/Mexico_City", now: "2026-03-02T23:00:00-06:00"},
		{name: "A zone that nobody knows is the country's own.", hours: "09:00-20:00", zone: "Mars/Olympus_Mons",
			now: "2026-03-02T08:00:00-06:00", until: "2026-03-02T09:00:00-06:00"},
		{name: "Spring in Tijuana: the night is an hour shorter.", hours: "09:00-20:00", zone: "America/Tijuana",
			now: "2026-03-08T01:59:59-08:00", until: "2026-03-08T09:00:00-07:00"},
		{name: "Spring in Tijuana: hours that open inside the gap are open right after it.", hours: "02:30-05:00", zone: "America/Tijuana",
			now: "2026-03-08T03:00:00-07:00"},
		{name: "Autumn in Tijuana: a minute before the second opening a mail still waits.", hours: "01:30-05:00", zone: "America/Tijuana",
			now: "2026-11-01T01:29:00-08:00", until: "2026-11-01T01:30:00-08:00"},
		{name: "Autumn in Mexico City: nothing changes.", hours: "09:00-20:00", zone: "America/Mexico_City",
			now: "2026-11-01T01:29:00-06:00", until: "2026-11-01T09:00:00-06:00"},
		{name: "Autumn in Santo Domingo: nothing changes.", hours: "09:00-20:00", zone: "America/Santo_Domingo",
			now: "2026-11-01T01:29:00-04:00", until: "2026-11-01T09:00:00-04:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := usual(t)
			p.Hours = hours(t, c.hours)
			until, wait := p.Defer(&pipeline.Delivery{User: maria(c.zone), Operator: c.operator}, moment(c.now))
			if wait != (c.until != "") {
				t.Fatalf("wait = %v until %v, want %q", wait, until, c.until)
			}
			if wait && !until.Equal(moment(c.until)) {
				t.Errorf("until %v, want %s", until, c.until)
			}
		})
	}
}

func TestResendStep(t *testing.T) {
	for _, c := range []struct {
		name    string
		history pipeline.History
		want    pipeline.Step
	}{
		{"A user without a mail gets the invite.", pipeline.History{}, pipeline.Invite},
		{"A user with a mail gets a fresh link.", pipeline.History{Mails: 1}, pipeline.Reissue},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pipeline.ResendStep(c.history); got != c.want {
				t.Errorf("ResendStep = %s, want %s", got, c.want)
			}
		})
	}
}

func TestGapLeft(t *testing.T) {
	h := mailed("", "2026-03-02T10:00:00-06:00")
	for _, c := range []struct {
		name    string
		history pipeline.History
		now     string
		want    time.Duration
	}{
		{"Nobody waits before the first mail.", pipeline.History{}, "2026-03-02T10:00:00-06:00", 0},
		{"Right after a mail it is the whole gap.", h, "2026-03-02T10:00:00-06:00", 20 * time.Hour},
		{"It shrinks.", h, "2026-03-02T22:30:00-06:00", 7*time.Hour + 30*time.Minute},
		{"It ends.", h, "2026-03-03T06:00:00-06:00", 0},
		{"After it there is none.", h, "2026-03-03T07:00:00-06:00", -time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := usual(t).GapLeft(c.history, moment(c.now)); got != c.want {
				t.Errorf("GapLeft = %s, want %s", got, c.want)
			}
		})
	}
}

// BenchmarkNext decides on the first mail of users at home and abroad.
func BenchmarkNext(b *testing.B) {
	hours, err := pipeline.ParseHours("09:00-20:00")
	if err != nil {
		b.Fatal(err)
	}
	plan := pipeline.Plan{Hours: hours, MaxMails: 6}
	now := time.Date(2026, time.March, 2, 3, 0, 0, 0, time.UTC)
	for _, zone := range []string{"America/Mexico_City", "Europe/Madrid"} {
		b.Run(zone, func(b *testing.B) {
			b.ReportAllocs()
			u := pipeline.User{Country: pipeline.MX, TimeZone: zone, Status: pipeline.Pending}
			for b.Loop() {
				if _, owed := plan.Next(u, pipeline.History{}, now); !owed {
					b.Fatal("no invite")
				}
			}
		})
	}
}
