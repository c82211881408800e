package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"alta/internal/web"
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
	p := x.prospect(plan, now)
	mail := mailName(p.Step, p.Round)
	resend := "alta resend --user " + x.user.User.ID + " --reason …"
	switch p.Kind {
	case web.NextInterrupted:
		return mail + " was on its way when alta ended; the next run settles it."
	case web.NextUnderway:
		return mail + " is on its way this moment."
	case web.NextHeldByHand:
		return fmt.Sprintf("%s is held: %s. To send it all the same: %s", mail, p.Reason, resend)
	case web.NextHeld:
		return fmt.Sprintf("%s is held: %s. Once that is mended: %s", mail, p.Reason, resend)
	case web.NextDoubt:
		return fmt.Sprintf("It is in doubt whether the user got %s: %s. Look into the mail server's log; this sends the very same message again: %s",
			strings.ToLower(mail[:1])+mail[1:], p.Reason, resend)
	case web.NoneStatus:
		return fmt.Sprintf("Nothing: the user is %s, and only pending users get mail.", p.Status)
	case web.NoneWithdrawn:
		return "Nothing: the source query no longer returns the user."
	case web.NoneAddress:
		return "Nothing: the mail server refused the address for good. Import a better one, and the mail follows by itself."
	case web.NoneFailed:
		return fmt.Sprintf("Nothing: %s failed: %s. Once that is mended: %s", strings.ToLower(mail), p.Reason, resend)
	case web.NonePlanChanged:
		return "Nothing: when the next mail fell due, the plan of that time no longer owed it. To send one all the same: " + resend
	case web.NoneMost:
		return fmt.Sprintf("Nothing: the user got %d mails, the most that plan.max_mails allows.", p.Mails)
	case web.NoneOver:
		return "Nothing: the user got every mail of the plan."
	}
	text := mail + " " + x.when(p)
	switch {
	case p.Pause != nil:
		text += pausedText(p)
	case p.Reason != "" && p.Kind != web.NextCancel:
		text += " It was put off: " + p.Reason + "."
	}
	return text
}

// when says when a mail that is due goes out.
func (x explanation) when(p web.Prospect) string {
	switch p.Kind {
	case web.NextLater:
		return "is due at " + x.local(p.At) + "."
	case web.NextHours:
		return "is due, and waits for the sending hours where the user lives, until " + x.local(p.At) + "."
	case web.NextPlan:
		return "was planned for now; the plan as it is now owes it at " + x.local(p.At) + "."
	case web.NextCancel:
		return "is due, and will be cancelled: " + p.Reason + "."
	}
	return "is due now: the next run sends it."
}

// pausedText says why sending waits for the user's country or for everybody.
func pausedText(p web.Prospect) string {
	probe := "The next run tries one mail"
	if !p.Ripe {
		probe = "After " + minute(p.Pause.ProbeAt) + " UTC one mail is tried"
	}
	return fmt.Sprintf(" But sending is paused for %s since %s UTC: %s. %s; when it goes through, so do the rest.",
		pausedUsers(*p.Pause), minute(p.Pause.Since), p.Pause.Reason, probe)
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
