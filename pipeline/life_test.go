package pipeline_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"alta/pipeline"
)

// zones change their clocks in every way that the users' countries know, and
// one at midnight.
var zones = rapid.SampledFrom([]string{
	"America/Mexico_City", "America/Santo_Domingo", "America/Tijuana", "America/Hermosillo", "America/New_York", "America/Santiago", "UTC",
})

func seconds(least, most time.Duration) *rapid.Generator[time.Duration] {
	return rapid.Map(rapid.Int64Range(int64(least/time.Second), int64(most/time.Second)),
		func(n int64) time.Duration { return time.Duration(n) * time.Second })
}

// drawHours draws sending hours of at least half an hour, and their text.
func drawHours(t *rapid.T) (pipeline.Hours, string) {
	if rapid.Bool().Draw(t, "any hour") {
		return pipeline.Hours{}, ""
	}
	from := rapid.IntRange(0, 23*60).Draw(t, "from")
	until := rapid.IntRange(from+30, 24*60).Draw(t, "until")
	text := fmt.Sprintf("%02d:%02d-%02d:%02d", from/60, from%60, until/60, until%60)
	h, err := pipeline.ParseHours(text)
	if err != nil {
		t.Fatal(err)
	}
	return h, text
}

func drawPlan(t *rapid.T) (pipeline.Plan, string) {
	reminders := rapid.SliceOfNDistinct(seconds(time.Second, 14*24*time.Hour), 0, 5, rapid.ID).Draw(t, "reminders")
	slices.Sort(reminders)
	h, text := drawHours(t)
	return pipeline.Plan{
		Reminders:       reminders,
		ReissueOnExpiry: rapid.Bool().Draw(t, "reissue"),
		MinGap:          seconds(0, 72*time.Hour).Draw(t, "gap"),
		MaxMails:        rapid.IntRange(1, 8).Draw(t, "most"),
		Hours:           h,
		ResendDoubt:     rapid.Bool().Draw(t, "resend doubt"),
		Tries:           rapid.IntRange(1, 10).Draw(t, "tries"),
	}, text
}

// TestEveryLifeKeepsThePlan lets users live for weeks under random plans, with
// runs that come late by anything from nothing to days.
func TestEveryLifeKeepsThePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan, hours := drawPlan(t)
		user := maria(zones.Draw(t, "zone"))
		now := moment("2026-01-01T00:00:00Z").Add(seconds(0, 365*24*time.Hour).Draw(t, "start"))
		ttl := seconds(time.Minute, 72*time.Hour).Draw(t, "ttl")
		late := rapid.OneOf(rapid.Just(time.Duration(0)), seconds(0, 5*time.Minute), seconds(0, 5*24*time.Hour))

		var h pipeline.History
		for {
			next, owed := plan.Next(user, h, now)
			if !owed {
				break
			}
			checkNext(t, plan, h, next, now)
			now = next.DueAt.Add(late.Draw(t, "late"))
			d := &pipeline.Delivery{User: user, Step: next.Step}
			if until, wait := plan.Defer(d, now); wait {
				if !until.After(now) {
					t.Fatalf("deferred from %v to %v, which is not later", now, until)
				}
				now = until
			}
			if !inside(hours, now.In(user.Location())) {
				t.Fatalf("a mail at %v is outside %s", now.In(user.Location()), hours)
			}
			if gap := now.Sub(h.LastAt); h.Mails > 0 && gap < plan.MinGap {
				t.Fatalf("a mail %s after the one before, the gap is %s", gap, plan.MinGap)
			}
			d.Link = pipeline.Link{ExpiresAt: now.Add(ttl - min(ttl, seconds(0, time.Minute).Draw(t, "mint")))}
			h = h.After(d, now)
			if h.Mails > plan.MaxMails {
				t.Fatalf("mail %d, the most is %d", h.Mails, plan.MaxMails)
			}
		}
		if h.Mails == 0 {
			t.Fatal("a pending user was never invited")
		}
		if plan.ReissueOnExpiry && h.Mails != plan.MaxMails {
			t.Fatalf("expired links were issued again for %d mails, the most is %d", h.Mails, plan.MaxMails)
		}
		if most := 1 + len(plan.Reminders); !plan.ReissueOnExpiry && h.Mails > most {
			t.Fatalf("%d mails for one invite and %d reminders", h.Mails, most-1)
		}
	})
}

func checkNext(t *rapid.T, plan pipeline.Plan, h pipeline.History, next pipeline.Next, now time.Time) {
	if next.DueAt.Before(now) {
		t.Fatalf("%s is due at %v, before %v", next.Step, next.DueAt, now)
	}
	if (next.Step == pipeline.Invite) != (h.Mails == 0) {
		t.Fatalf("%s after %d mails", next.Step, h.Mails)
	}
	switch next.Step {
	case pipeline.Reissue:
		if !plan.ReissueOnExpiry || next.DueAt.Before(h.LinkExpiresAt) {
			t.Fatalf("re-issue at %v of a link that expires at %v", next.DueAt, h.LinkExpiresAt)
		}
	case pipeline.Reminder:
		if !slices.ContainsFunc(plan.Reminders, func(delay time.Duration) bool {
			at := h.InvitedAt.Add(delay)
			return at.After(h.LastAt) && !at.After(next.DueAt)
		}) {
			t.Fatalf("reminder at %v, but none of %v came up since %v", next.DueAt, plan.Reminders, h.LastAt)
		}
	}
}
