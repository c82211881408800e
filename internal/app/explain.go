package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"alta/pipeline"
	"alta/store"
)

// explanation is everything that is known about one user's mails.
type explanation struct {
	user       store.UserRecord
	deliveries []store.DeliveryRecord
	pauses     []pipeline.Pause
	audit      []store.AuditEntry
	visits     []store.VisitRecord
	sessions   []store.SessionRecord
	news       []store.NewsRecord
	idle       bool // no process runs the pipeline
}

// outlook says in plain words what comes next, or why nothing does. It is
// pure, so that every answer can be tested.
func (x explanation) outlook(plan pipeline.Plan, now time.Time) string {
	if open, ok := x.open(); ok {
		return x.openOutlook(open, plan, now)
	}
	return x.nothingOutlook(plan)
}

func (x explanation) open() (store.DeliveryRecord, bool) {
	for _, d := range x.deliveries {
		switch d.State {
		case pipeline.Due, pipeline.Claimed, pipeline.Sending, pipeline.Held, pipeline.InDoubt:
			return d, true
		}
	}
	return store.DeliveryRecord{}, false
}

func (x explanation) openOutlook(d store.DeliveryRecord, plan pipeline.Plan, now time.Time) string {
	mail := mailName(d.Step, d.Round)
	switch d.State {
	case pipeline.Claimed, pipeline.Sending:
		if x.idle {
			return mail + " was on its way when alta ended; the next run settles it."
		}
		return mail + " is on its way this moment."
	case pipeline.Held:
		return fmt.Sprintf("%s is held: %s. Once that is mended: alta resend --user %s --reason …", mail, d.Reason, x.user.User.ID)
	case pipeline.InDoubt:
		return fmt.Sprintf("It is in doubt whether the user got %s: %s. Look into the mail server's log; this sends the very same message again: alta resend --user %s --reason …",
			strings.ToLower(mail[:1])+mail[1:], d.Reason, x.user.User.ID)
	}
	text := mail + " " + x.when(d, plan, now)
	paused := x.pausedFor(now)
	if d.Reason != "" && paused == "" {
		text += " It was put off: " + d.Reason + "."
	}
	return text + paused
}

// pausedFor says why sending waits for the user's country or for everybody; ""
// when it does not.
func (x explanation) pausedFor(now time.Time) string {
	for _, p := range x.pauses {
		if !p.IsOutage() && (p.Country != x.user.User.Country || p.Type != x.user.User.Type) {
			continue
		}
		who, probe := pausedUsers(p), "The next run tries one mail"
		if !p.Ripe(now) {
			probe = "After " + minute(p.ProbeAt) + " UTC one mail is tried"
		}
		return fmt.Sprintf(" But sending is paused for %s since %s UTC: %s. %s; when it goes through, so do the rest.",
			who, minute(p.Since), p.Reason, probe)
	}
	return ""
}

// pausedUsers says in words whom a pause is for.
func pausedUsers(p pipeline.Pause) string {
	switch {
	case p.IsOutage():
		return "everybody"
	case p.Type == pipeline.Business:
		return "businesses in " + string(p.Country)
	}
	return "persons in " + string(p.Country)
}

func (x explanation) when(d store.DeliveryRecord, plan pipeline.Plan, now time.Time) string {
	probe := pipeline.Delivery{User: x.user.User, History: x.user.History, Step: d.Step, Operator: d.Operator}
	if d.DueAt.After(now) {
		return "is due at " + x.local(d.DueAt) + "."
	}
	until, night := plan.Defer(&probe, now)
	switch v, wait := plan.Admit(&probe, now); {
	case night && v.State == pipeline.Due:
		return "is due, and waits for the sending hours where the user lives, until " + x.local(until) + "."
	case wait && v.State == pipeline.Due:
		return "was planned for now; the plan as it is now owes it at " + x.local(v.DueAt) + "."
	case wait:
		return "is due, and will be cancelled: " + v.Reason + "."
	}
	return "is due now: the next run sends it."
}

func (x explanation) nothingOutlook(plan pipeline.Plan) string {
	u, h := x.user.User, x.user.History
	switch {
	case u.Status != pipeline.Pending:
		return fmt.Sprintf("Nothing: the user is %s, and only pending users get mail.", u.Status)
	case x.user.Withdrawn:
		return "Nothing: the source query no longer returns the user."
	case x.user.AddressBad:
		return "Nothing: the mail server refused the address for good. Import a better one, and the mail follows by itself."
	}
	if n := len(x.deliveries); n > 0 && x.deliveries[n-1].State == pipeline.Failed {
		last := x.deliveries[n-1]
		return fmt.Sprintf("Nothing: %s failed: %s. Once that is mended: alta resend --user %s --reason …",
			strings.ToLower(mailName(last.Step, last.Round)), last.Reason, u.ID)
	}
	if n := len(x.deliveries); n > 0 && x.deliveries[n-1].Code == "plan_changed" {
		return fmt.Sprintf("Nothing: when the next mail fell due, the plan of that time no longer owed it. To send one all the same: alta resend --user %s --reason …", u.ID)
	}
	if h.Mails >= plan.MaxMails {
		return fmt.Sprintf("Nothing: the user got %d mails, the most that plan.max_mails allows.", h.Mails)
	}
	return "Nothing: the user got every mail of the plan."
}

// local is a time on the user's own clock, and in UTC.
func (x explanation) local(t time.Time) string {
	return fmt.Sprintf("%s their time (%s UTC)", t.In(x.user.User.Location()).Format("Mon 2006-01-02 15:04"), t.UTC().Format("15:04"))
}

// outcomeWords say what became of a mail.
func outcomeWords() map[pipeline.Outcome]string {
	return map[pipeline.Outcome]string{
		pipeline.OutcomeSent: "was sent", pipeline.OutcomeRetry: "was put off", pipeline.OutcomeFailed: "failed",
		pipeline.OutcomeHeld: "is held", pipeline.OutcomeDoubt: "is in doubt", pipeline.OutcomeCancelled: "was cancelled",
	}
}

func mailName(step pipeline.Step, round int) string {
	name := map[pipeline.Step]string{
		pipeline.Invite: "The invite", pipeline.Reminder: "Reminder", pipeline.Reissue: "Fresh link",
	}[step]
	if step == pipeline.Invite && round == 1 {
		return name
	}
	return fmt.Sprintf("%s %d", name, round)
}

// event is one thing that happened.
type event struct {
	at   time.Time
	text string
}

// story lists what happened, a line each.
func (x explanation) story() []string {
	events := []event{{x.user.CreatedAt, "came in"}}
	for _, d := range x.deliveries {
		name := strings.ToLower(mailName(d.Step, d.Round))
		for _, t := range d.Attempts {
			text := name + " " + outcomeWords()[t.Outcome]
			switch {
			case t.Outcome == pipeline.OutcomeSent:
				text += fmt.Sprintf("; %s; the server said: %s", x.linkOf(d), t.Reply)
			case t.Reason != "":
				text += ": " + t.Reason
			}
			events = append(events, event{t.At, text})
		}
		if n := len(d.Attempts); d.State == pipeline.Cancelled && (n == 0 || d.Attempts[n-1].Outcome != pipeline.OutcomeCancelled) {
			events = append(events, event{d.UpdatedAt, name + " was cancelled: " + d.Reason})
		}
	}
	for _, e := range x.audit {
		text := e.Actor + ": " + e.Action
		if e.Detail != "" {
			text += ", " + e.Detail
		}
		events = append(events, event{e.At, text})
	}
	events = slices.Concat(events, x.visited(), x.verifications(), x.told())
	byTime(events)
	lines := make([]string, len(events))
	for i, e := range events {
		lines[i] = x.clock(e.at) + "  " + e.text
	}
	return lines
}

// linkOf says until when the link of a mail is good.
func (x explanation) linkOf(d store.DeliveryRecord) string {
	if d.Link.ExpiresAt.IsZero() {
		return "lasting link"
	}
	return "link until " + x.local(d.Link.ExpiresAt)
}
