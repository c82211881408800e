package app

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
	"alta/store"
)

// now is Monday noon in Mexico City.
const explainNow = "2026-03-02T18:00:00Z"

func explainUser() store.UserRecord {
	return store.UserRecord{User: pipeline.User{
		ID: "u-ana", Email: "ana@correo.example", Name: "Ana Torres", Country: pipeline.MX,
		TimeZone: "America/Mexico_City", Status: pipeline.Pending,
	}}
}

func TestOutlook(t *testing.T) {
	now := moment(t, explainNow)
	hours, err := pipeline.ParseHours("09:00-20:00")
	if err != nil {
		t.Fatal(err)
	}
	plan := pipeline.Plan{MaxMails: 6, Hours: hours}
	delivery := func(change func(*store.DeliveryRecord)) explanation {
		d := store.DeliveryRecord{Step: pipeline.Invite, Round: 1, State: pipeline.Due, DueAt: now.Add(-time.Minute)}
		change(&d)
		return explanation{user: explainUser(), deliveries: []store.DeliveryRecord{d}}
	}
	user := func(change func(*store.UserRecord)) explanation {
		u := explainUser()
		change(&u)
		return explanation{user: u}
	}
	state := func(s pipeline.State, reason string) explanation {
		return delivery(func(d *store.DeliveryRecord) { d.State, d.Reason = s, reason })
	}
	paused := func(p pipeline.Pause) explanation {
		x := delivery(func(d *store.DeliveryRecord) { d.Reason = "the key is refused" })
		p.Reason, p.Since = "the key is refused", now.Add(-time.Hour)
		x.pauses = []pipeline.Pause{p}
		return x
	}
	for _, test := range []struct {
		name string
		x    explanation
		want string
	}{
		{"what is due now goes out with the next run", delivery(func(*store.DeliveryRecord) {}),
			"The invite is due now: the next run sends it."},
		{"what is due later says when, on the user's clock and in UTC", delivery(func(d *store.DeliveryRecord) {
			d.Step, d.Round, d.DueAt = pipeline.Reminder, 2, now.Add(24*time.Hour)
		}), "Reminder 2 is due at Tue 2026-03-03 12:00 their time (18:00 UTC)."},
		{"what was put off says why", delivery(func(d *store.DeliveryRecord) {
			d.Step, d.DueAt, d.Reason = pipeline.Reissue, now.Add(time.Hour), "the mailbox is full"
		}), "Fresh link 1 is due at Mon 2026-03-02 13:00 their time (19:00 UTC). It was put off: the mailbox is full."},
		{"a second invite has a number", delivery(func(d *store.DeliveryRecord) { d.Round = 2 }),
			"The invite 2 is due now: the next run sends it."},
		{"an open delivery counts, not the settled ones before it", explanation{user: explainUser(), deliveries: []store.DeliveryRecord{
			{Step: pipeline.Invite, Round: 1, State: pipeline.Sent},
			{Step: pipeline.Reminder, Round: 1, State: pipeline.Cancelled},
			{Step: pipeline.Reminder, Round: 2, State: pipeline.Due, DueAt: now},
		}}, "Reminder 2 is due now: the next run sends it."},
		{"a claimed mail is on its way", state(pipeline.Claimed, ""), "The invite is on its way this moment."},
		{"a mail on the wire is on its way", state(pipeline.Sending, ""), "The invite is on its way this moment."},
		{"a held mail says what to do", state(pipeline.Held, "the server refuses it"),
			"The invite is held: the server refuses it. Once that is mended: alta resend --user u-ana --reason …"},
		{"a mail in doubt says what to do", state(pipeline.InDoubt, "the answer got lost"),
			"It is in doubt whether the user got the invite: the answer got lost. Look into the mail server's log; this sends the very same message again: alta resend --user u-ana --reason …"},
		{"an outage concerns everybody", paused(pipeline.Pause{ProbeAt: now}),
			"The invite is due now: the next run sends it. But sending is paused for everybody since 2026-03-02 17:00 UTC: the key is refused. The next run tries one mail; when it goes through, so do the rest."},
		{"a pause says when one mail is tried", paused(pipeline.Pause{Country: pipeline.MX, ProbeAt: now.Add(time.Hour)}),
			"The invite is due now: the next run sends it. But sending is paused for persons in MX since 2026-03-02 17:00 UTC: the key is refused. After 2026-03-02 19:00 UTC one mail is tried; when it goes through, so do the rest."},
		{"another country's pause is not the user's", paused(pipeline.Pause{Country: pipeline.DO, ProbeAt: now}),
			"The invite is due now: the next run sends it. It was put off: the key is refused."},
		{"a verified user gets nothing", user(func(u *store.UserRecord) { u.User.Status = pipeline.Verified }),
			"Nothing: the user is verified, and only pending users get mail."},
		{"who opted out gets nothing", user(func(u *store.UserRecord) { u.User.Status = pipeline.OptedOut }),
			"Nothing: the user is opted_out, and only pending users get mail."},
		{"a withdrawn user gets nothing", user(func(u *store.UserRecord) { u.Withdrawn = true }),
			"Nothing: the source query no longer returns the user."},
		{"a bad address gets nothing", user(func(u *store.UserRecord) { u.AddressBad = true }),
			"Nothing: the mail server refused the address for good. Import a better one, and the mail follows by itself."},
		{"a verified user with a bad address is verified first of all", user(func(u *store.UserRecord) { u.User.Status, u.AddressBad = pipeline.Verified, true }),
			"Nothing: the user is verified, and only pending users get mail."},
		{"a failed mail says why and what to do", state(pipeline.Failed, "the partner API does not know this user"),
			"Nothing: the invite failed: the partner API does not know this user. Once that is mended: alta resend --user u-ana --reason …"},
		{"a failure that was mended since is history", explanation{user: explainUser(), deliveries: []store.DeliveryRecord{
			{Step: pipeline.Invite, Round: 1, State: pipeline.Failed, Reason: "once"},
			{Step: pipeline.Invite, Round: 2, State: pipeline.Sent},
		}}, "Nothing: the user got every mail of the plan."},
		{"the most mails were sent", user(func(u *store.UserRecord) { u.History.Mails = 6 }),
			"Nothing: the user got 6 mails, the most that plan.max_mails allows."},
		{"the plan is over", user(func(u *store.UserRecord) { u.History.Mails = 4 }),
			"Nothing: the user got every mail of the plan."},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.x.outlook(plan, now)); diff != "" {
				t.Errorf("outlook (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOutlookOutsideTheSendingHours(t *testing.T) {
	night := moment(t, "2026-03-03T05:30:00Z") // 23:30 in Mexico City
	hours, err := pipeline.ParseHours("09:00-20:00")
	if err != nil {
		t.Fatal(err)
	}
	plan := pipeline.Plan{MaxMails: 6, Hours: hours}
	d := store.DeliveryRecord{Step: pipeline.Invite, Round: 1, State: pipeline.Due, DueAt: night.Add(-time.Minute)}
	x := explanation{user: explainUser(), deliveries: []store.DeliveryRecord{d}}
	const want = "The invite is due, and waits for the sending hours where the user lives, until Tue 2026-03-03 09:00 their time (15:00 UTC)."
	if got := x.outlook(plan, night); got != want {
		t.Errorf("outlook = %q, want %q", got, want)
	}
	x.deliveries[0].Operator = true
	if got := x.outlook(plan, night); got != "The invite is due now: the next run sends it." {
		t.Errorf("what an operator asked for waits: %q", got)
	}
}

func TestStoryIsInOrderAndOnTheUsersClock(t *testing.T) {
	u := explainUser()
	u.CreatedAt = moment(t, "2026-03-01T15:00:00Z")
	x := explanation{
		user: u,
		deliveries: []store.DeliveryRecord{
			{Step: pipeline.Invite, Round: 1, State: pipeline.Sent,
				Link: store.LinkRecord{ExpiresAt: moment(t, "2026-03-02T16:00:00Z")},
				Attempts: []store.AttemptRecord{
					{At: moment(t, "2026-03-01T15:05:00Z"), Outcome: pipeline.OutcomeRetry, Reason: "the mailbox is full"},
					{At: moment(t, "2026-03-01T16:00:00Z"), Outcome: pipeline.OutcomeSent, Reply: "250 2.0.0 Ok: queued"},
				}},
			{Step: pipeline.Reminder, Round: 1, State: pipeline.Cancelled, Reason: "the user became verified", UpdatedAt: moment(t, "2026-03-03T06:30:00Z")},
		},
		audit: []store.AuditEntry{
			{At: moment(t, "2026-03-02T18:00:00Z"), Actor: "eva", Action: "mark", Detail: "pending -> verified"},
			{At: moment(t, "2026-03-03T18:00:00Z"), Actor: "eva", Action: "erase"},
		},
	}
	want := strings.Join([]string{
		"2026-03-01 09:00  came in",
		"2026-03-01 09:05  the invite was put off: the mailbox is full",
		"2026-03-01 10:00  the invite was sent; link until Mon 2026-03-02 10:00 their time (16:00 UTC); the server said: 250 2.0.0 Ok: queued",
		"2026-03-02 12:00  eva: mark, pending -> verified",
		"2026-03-03 00:30  reminder 1 was cancelled: the user became verified",
		"2026-03-03 12:00  eva: erase",
	}, "\n")
	if diff := cmp.Diff(want, strings.Join(x.story(), "\n")); diff != "" {
		t.Errorf("story (-want +got):\n%s", diff)
	}
}
