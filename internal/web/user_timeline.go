package web

import (
	"fmt"
	"strings"
	"time"

	"alta/pipeline"
)

// told is a moment, or what comes next, in the operator's language.
type told struct {
	At     time.Time // zero for what has no time of its own
	Tone   string    // a state, as badges have them
	Title  string
	Text   string // what it means, and what to do; "" for none
	Reason string // as it was stored, in English; "" for none
	Reply  string // the mail server's own words
	By     string // who did it, for an act by hand
	Late   bool   // At lies ahead
}

// tell puts a moment into words.
func (k *look) tell(m Moment) told {
	w := k.words.User.Timeline
	t := told{At: m.At, Tone: "plain"}
	switch m.Kind {
	case MomentAdded:
		t.Title, t.Tone = w.Added, "info"
	case MomentUpdated:
		t.Title = w.Updated
	case MomentVerified:
		t.Title, t.Tone = w.Verified, "verified"
	case MomentAttempt:
		k.tellAttempt(&t, m)
	case MomentCancelled:
		t.Title = fmt.Sprintf(w.Outcomes[string(pipeline.OutcomeCancelled)], k.mail(m.Step, m.Round))
		k.because(&t, m.Code, m.Reason)
	case MomentLink:
		t.Title = w.Link
		t.Text = k.until(m.Until)
	case MomentVisits:
		t.Title = fmt.Sprintf(named(w.Visits, string(m.Visit)), k.mail(m.Step, m.Round))
		t.Tone = map[pipeline.VisitKind]string{pipeline.Opened: "info", pipeline.Turned: "warning"}[m.Visit]
		t.Text = k.often(m)
	case MomentSession:
		k.tellSession(&t, m)
	case MomentNews:
		k.tellNews(&t, m)
	case MomentAct:
		t.Title, t.Tone = named(w.Actions, m.Action), "act"
		t.Reason, t.By = m.Detail, strings.TrimPrefix(m.Actor, actorPrefix)
	default:
		t.Title = string(m.Kind)
	}
	return t
}

func (k *look) tellAttempt(t *told, m Moment) {
	w := k.words.User.Timeline
	t.Title = fmt.Sprintf(named(w.Outcomes, string(m.Outcome)), k.mail(m.Step, m.Round))
	t.Tone = string(m.Outcome)
	t.Reply = m.Reply
	if m.Outcome != pipeline.OutcomeSent {
		k.because(t, m.Code, m.Reason)
	}
}

func (k *look) tellSession(t *told, m Moment) {
	w := k.words.User.Timeline
	t.Title = named(w.Sessions, m.Session)
	t.Text = named(w.AskedBy, m.AskedBy)
	switch m.Session {
	case "open":
		t.Tone, t.Text = "info", t.Text+" "+k.until(m.Until)
	case "failed":
		t.Tone = "warning"
	}
}

func (k *look) tellNews(t *told, m Moment) {
	w := k.words.User.Timeline
	t.Title, t.Tone = fmt.Sprintf(w.News, m.Event), "info"
	if m.Event == askedEvent {
		t.Title = w.Asked
	}
	t.Text = named(w.Effects, string(m.Effect)) + " " + k.often(m)
}

// askedEvent is the event of what the partner API answered when it was asked.
const askedEvent = "kyc_details"

// because adds why: the cause in plain words, and what was stored unless the mail
// server's own words say the same.
func (k *look) because(t *told, code, reason string) {
	t.Reason = reason
	if cause, known := k.words.Causes[causeKey(code)]; known {
		t.Text = cause.Title + "."
		if t.Reply != "" {
			t.Reason = ""
		}
	}
}

// often tells how often, and when last.
func (k *look) often(m Moment) string {
	if m.N < 2 {
		return ""
	}
	return fmt.Sprintf(k.words.User.Timeline.Often, k.format.number(m.N), k.format.moment(m.LastAt))
}

// until tells how long a link can be used.
func (k *look) until(t time.Time) string {
	if t.IsZero() {
		return k.words.User.Timeline.Lasts
	}
	return fmt.Sprintf(k.words.User.Timeline.Until, k.format.moment(t))
}

// mail names one mail among those of a user.
func (k *look) mail(step pipeline.Step, round int) string {
	name := named(k.words.Domain.Steps, string(step))
	if round > 1 || step == pipeline.Reminder {
		name = fmt.Sprintf("%s %d", name, round)
	}
	return name
}

// tellNext puts into words what comes next, or why nothing does.
func (k *look) tellNext(p Prospect) told {
	w := k.words.User.Outlooks[string(p.Kind)]
	t := told{Tone: p.Kind.tone(), Title: w.Title, Text: w.Text}
	mail := k.mail(p.Step, p.Round)
	switch p.Kind {
	case NextLater, NextHours, NextPlan:
		t.At, t.Late = p.At, true
		t.Title = fmt.Sprintf(t.Title, mail)
	case NoneStatus:
		t.Title = fmt.Sprintf(t.Title, named(k.words.Domain.Statuses, string(p.Status)))
	case NoneMost:
		t.Title = fmt.Sprintf(t.Title, k.format.count(p.Mails, k.words.Domain.Mails))
	case NoneWithdrawn, NoneAddress, NonePlanChanged, NoneOver:
	default:
		t.Title = fmt.Sprintf(t.Title, mail)
	}
	if p.Reason != "" && p.Kind != NextUnderway && p.Kind != NextInterrupted {
		t.Reason = p.Reason
		if cause, known := k.words.Causes[causeKey(p.Code)]; known && p.Kind != NextHeldByHand && p.Kind != NextDoubt {
			t.Text = cause.Title + ". " + cause.Next
		}
	}
	return t
}
