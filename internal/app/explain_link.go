package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"alta/pipeline"
	"alta/store"
)

// visited says, a line for each mail, what came to its lasting link.
func (x explanation) visited() []event {
	type mail struct {
		step  pipeline.Step
		round int
	}
	type sum struct {
		n           int
		first, last time.Time
	}
	var order []mail
	sums := map[mail]map[pipeline.VisitKind]sum{}
	for _, v := range x.visits {
		m := mail{v.Step, v.Round}
		if sums[m] == nil {
			sums[m] = map[pipeline.VisitKind]sum{}
			order = append(order, m)
		}
		s := sums[m][v.Kind]
		if s.n == 0 || v.FirstAt.Before(s.first) {
			s.first = v.FirstAt
		}
		if v.LastAt.After(s.last) {
			s.last = v.LastAt
		}
		s.n += v.N
		sums[m][v.Kind] = s
	}
	events := make([]event, 0, len(order))
	for _, m := range order {
		var first time.Time
		var parts []string
		for _, kind := range []pipeline.VisitKind{pipeline.Opened, pipeline.Turned, pipeline.Scanned} {
			s, came := sums[m][kind]
			if !came {
				continue
			}
			if first.IsZero() || s.first.Before(first) {
				first = s.first
			}
			switch kind {
			case pipeline.Opened:
				parts = append(parts, fmt.Sprintf("opened %s, first at %s, last at %s", times(s.n), x.clock(s.first), x.clock(s.last)))
			case pipeline.Turned:
				parts = append(parts, fmt.Sprintf("%s no verification could be opened", times(s.n)))
			case pipeline.Scanned:
				parts = append(parts, fmt.Sprintf("fetched %s by scanners", times(s.n)))
			}
		}
		if len(parts) > 0 { // what was minted or used again stands with the sessions
			events = append(events, event{first, "the link of " + strings.ToLower(mailName(m.step, m.round)) + ": " + strings.Join(parts, "; ")})
		}
	}
	return events
}

// verifications says which sessions were asked for, and what became of them.
func (x explanation) verifications() []event {
	events := make([]event, 0, len(x.sessions))
	for _, s := range x.sessions {
		who := "after a click"
		switch s.AskedBy {
		case store.ByApp:
			who = "for an app, without a click"
		case store.ByProbe:
			who = "without a click, to see whether the partner API is back"
		}
		text := "a verification is being opened " + who
		switch {
		case s.State == store.SessionOpen:
			text = fmt.Sprintf("a verification was opened %s, until %s", who, x.local(s.ExpiresAt))
		case s.Doubtful:
			text = "a verification may have been opened " + who + ", and nobody got its link"
		case s.State == store.SessionFailed:
			text = "no verification could be opened " + who
		}
		events = append(events, event{s.AskedAt, text})
	}
	return events
}

// told says what the partner told of the user.
func (x explanation) told() []event {
	events := make([]event, 0, len(x.news))
	for _, n := range x.news {
		text := "the partner said " + n.Event
		if n.Event == store.EventAsked {
			text = "the partner API was asked, and said where the user stands"
		}
		if n.N > 1 {
			text += fmt.Sprintf(", %s until %s", times(n.N), x.clock(n.LastAt))
		}
		switch n.Effect {
		case pipeline.Applied:
		case pipeline.KnownAlready:
			text += ", which changed nothing"
		default:
			text += ", and it waits for an operator: " + strings.ReplaceAll(string(n.Effect), "_", " ")
		}
		events = append(events, event{n.FirstAt, text})
	}
	return events
}

// clock is a time on the user's own clock.
func (x explanation) clock(t time.Time) string {
	return t.In(x.user.User.Location()).Format("2006-01-02 15:04")
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// visitJSON is what came to the link of one mail within one hour.
type visitJSON struct {
	Step    pipeline.Step      `json:"step"`
	Round   int                `json:"round"`
	Kind    pipeline.VisitKind `json:"kind"`
	Hour    *time.Time         `json:"hour"`
	Times   int                `json:"times"`
	FirstAt *time.Time         `json:"first_at"`
	LastAt  *time.Time         `json:"last_at"`
}

type sessionJSON struct {
	AskedBy   string             `json:"asked_by"`
	AskedAt   *time.Time         `json:"asked_at"`
	State     store.SessionState `json:"state"`
	IssuedAt  *time.Time         `json:"issued_at"`
	ExpiresAt *time.Time         `json:"expires_at"`
	Doubtful  bool               `json:"doubtful"`
}

type newsJSON struct {
	Event     string          `json:"event"`
	Effect    pipeline.Effect `json:"effect"`
	Times     int             `json:"times"`
	FirstAt   *time.Time      `json:"first_at"`
	LastAt    *time.Time      `json:"last_at"`
	SettledAt *time.Time      `json:"settled_at"`
}

func (x explanation) visitsOut() []visitJSON {
	out := []visitJSON{}
	for _, v := range x.visits {
		out = append(out, visitJSON{v.Step, v.Round, v.Kind, utc(v.Hour), v.N, utc(v.FirstAt), utc(v.LastAt)})
	}
	return out
}

func (x explanation) sessionsOut() []sessionJSON {
	out := []sessionJSON{}
	for _, s := range x.sessions {
		out = append(out, sessionJSON{s.AskedBy, utc(s.AskedAt), s.State, utc(s.IssuedAt), utc(s.ExpiresAt), s.Doubtful})
	}
	return out
}

func (x explanation) newsOut() []newsJSON {
	out := []newsJSON{}
	for _, n := range x.news {
		out = append(out, newsJSON{n.Event, n.Effect, n.N, utc(n.FirstAt), utc(n.LastAt), utc(n.SettledAt)})
	}
	return out
}

// byTime sorts what happened, oldest first; of two at the same time the one that was
// found first comes first.
func byTime(events []event) {
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
}
