package pipeline

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"time"
)

// Verdict is what to write down after a delivery was handled.
type Verdict struct {
	State   State   // what the delivery becomes
	Outcome Outcome // how the run counts it
	DueAt   time.Time
	Code    string // a [Fault.Code]; "" when sent
	Reason  string

	Cause error // for logs: what lay behind the reason

	Tried      bool  // an attempt was made: it is written to the history
	Paid       bool  // the attempt counts towards [Plan.Tries]
	Minted     bool  // a fresh link was minted
	Doubtful   bool  // a mint may have opened a session that nobody got
	Repeat     bool  // the next attempt sends the very same message
	BadAddress bool  // the user's address is undeliverable
	Next       *Next // the user's next mail; nil when none is owed
	Pause      *Pause
	Lift       *Pause // a pause that this delivery, its probe, has shown to be over
}

// Outcome is how a run counts a delivery; see [Report].
type Outcome string

// The outcomes of a delivery in one run.
const (
	OutcomeSent      Outcome = "sent"
	OutcomeRetry     Outcome = "retry"
	OutcomeFailed    Outcome = "failed"
	OutcomeHeld      Outcome = "held"
	OutcomeDoubt     Outcome = "doubt"
	OutcomeCancelled Outcome = "cancelled"
)

// Outcomes returns every outcome, in the order of the [Report].
func Outcomes() []Outcome {
	return []Outcome{OutcomeSent, OutcomeRetry, OutcomeFailed, OutcomeHeld, OutcomeDoubt, OutcomeCancelled}
}

// Stops tells whether the run must end: what went wrong is the same for every
// user.
func (v Verdict) Stops() bool { return v.Pause != nil && v.Pause.IsOutage() }

const (
	firstDelay   = time.Minute // the shortest delay before a retry
	longestDelay = time.Hour
	probeEvery   = time.Hour // a country on hold is probed this often
	maxDoubts    = 3         // attempts in doubt before an operator must look
)

// Judge decides what becomes of a delivery after an attempt at it: err is what
// the stages returned, nil for a mail that the server accepted.
func (p Plan) Judge(d *Delivery, err error, now time.Time) Verdict {
	if err == nil {
		return p.sent(d, now)
	}
	f := AsFault(err)
	v := Verdict{
		State: Due, Outcome: OutcomeRetry, DueAt: d.DueAt,
		Code: f.Code, Reason: f.explain(), Cause: f.Err,
		Tried: true, Doubtful: f.Doubtful, Repeat: d.Repeat,
	}
	if p.stillPaused(d, f) {
		again := *d.Probe
		again.ProbeAt = now.Add(f.After)
		v.Pause = &again
		return v
	}
	v.BadAddress = f.BadAddress
	switch f.Kind {
	case Outage:
		v.Pause = &Pause{
			Code: f.Code, Reason: f.explain(), Minting: d.Link.URL.IsZero() && f.Code != LedgerCode,
			Since: now, ProbeAt: now.Add(f.After),
		}
	case Hold:
		if f.Country != "" {
			v.Pause = &Pause{
				Country: f.Country, Type: d.User.Type, Code: f.Code, Reason: f.explain(), Minting: true,
				Since: now, ProbeAt: now.Add(probeEvery),
			}
			return v
		}
		v.State, v.Outcome, v.Paid = Held, OutcomeHeld, true
	case Fail:
		v.State, v.Outcome, v.Paid = Failed, OutcomeFailed, true
	case Cancel:
		v.State, v.Outcome, v.Repeat = Cancelled, OutcomeCancelled, false
		v.Next = p.next(d.User, d.History, now)
		if d.Operator && d.Repeat {
			// An operator wants the user to have a mail now; the one in doubt
			// can't be repeated, so a fresh one takes its place.
			v.Next = &Next{Step: ResendStep(d.History), DueAt: now, Operator: true}
		}
	case Doubt:
		v.Outcome, v.Paid, v.Repeat = OutcomeDoubt, true, true
		v.DueAt = p.later(d, f, now)
		if !p.ResendDoubt || d.Doubts+1 >= maxDoubts {
			v.State = InDoubt
		}
		if f.Systemic {
			v.Pause = &Pause{Code: f.Code, Reason: f.explain(), Since: now, ProbeAt: now.Add(f.After)}
		}
	default:
		p.retry(&v, d, f, now)
	}
	return v
}

// JudgeOrphan decides what becomes of a delivery whose process ended while the
// mail was on its way. It is in doubt like any other, but there is nothing to
// wait for: the server has most likely been well all the time.
func (p Plan) JudgeOrphan(d *Delivery, now time.Time) Verdict {
	v := p.Judge(d, &Fault{
		Kind: Doubt, Code: "interrupted",
		Reason: "alta ended while this mail was on its way; the server may or may not have taken it",
	}, now)
	if v.State == Due {
		v.DueAt = now
	}
	return v
}

// JudgeClaimed decides what becomes of a delivery whose process ended before
// the mail began: it is due as it was. Unless it has a link with more than
// minLife left, a mint may have been under way. Nobody knows, so it counts as a
// doubtful one.
func (p Plan) JudgeClaimed(d *Delivery, now time.Time, minLife time.Duration) Verdict {
	v := PutBack(d, d.DueAt)
	if d.Repeat || d.Link.ID != 0 && (d.Link.Lasts() || d.Link.ExpiresAt.Sub(now) > minLife) {
		return v // nothing was to be minted
	}
	v.Tried, v.Doubtful = true, true
	v.Code, v.Reason = "interrupted", "alta ended while it prepared this mail, and may have minted a link that nobody got; nothing was sent"
	return v
}

// PutBack is the verdict on a delivery that was claimed and of which nothing has
// left the house but an envelope: it is due again at the given time, as if nothing had
// happened.
func PutBack(d *Delivery, at time.Time) Verdict {
	return Verdict{State: Due, Outcome: OutcomeRetry, DueAt: at, Repeat: d.Repeat}
}

// stillPaused tells whether a probe has met what its pause is about. The fault
// itself may speak of this user only, as when a streak of users made the
// outage; with the pause in force it is taken for the same trouble, so that
// nobody pays for it. A doubt is always a doubt.
func (p Plan) stillPaused(d *Delivery, f *Fault) bool {
	return d.Probe != nil && d.Probe.IsOutage() && f.Code == d.Probe.Code && (f.Kind == Retry || f.Kind == Fail || f.Kind == Hold)
}

// After returns the history once d has been sent at now.
func (h History) After(d *Delivery, now time.Time) History {
	if h.Mails == 0 {
		h.InvitedAt = now
	}
	h.Mails++
	h.LastAt = now
	h.LinkExpiresAt = d.Link.ExpiresAt
	return h
}

func (p Plan) sent(d *Delivery, now time.Time) Verdict {
	return Verdict{
		State: Sent, Outcome: OutcomeSent, Tried: true, Paid: true,
		Next: p.next(d.User, d.History.After(d, now), now),
	}
}

func (p Plan) next(u User, h History, now time.Time) *Next {
	if next, ok := p.Next(u, h, now); ok {
		return &next
	}
	return nil
}

func (p Plan) retry(v *Verdict, d *Delivery, f *Fault, now time.Time) {
	v.Paid = !f.Free || f.FreeOnce && d.LastCode == f.Code
	switch {
	case f.Once && d.LastCode == f.Code:
		v.State, v.Outcome = Failed, OutcomeFailed
	case v.Paid && d.Attempt >= p.Tries:
		v.State, v.Outcome = Failed, OutcomeFailed
		v.Reason = fmt.Sprintf("gave up after %d attempts; the last one: %s", d.Attempt, f.explain())
	default:
		v.DueAt = p.later(d, f, now)
	}
}

// later is when to try again: what the other side asked for, or a delay that
// doubles from a minute to an hour; never outside the sending hours.
func (p Plan) later(d *Delivery, f *Fault, now time.Time) time.Time {
	delay := f.After
	if delay <= 0 {
		delay = backoff(d.ID, d.Attempt)
	}
	at := now.Add(delay)
	if d.Operator {
		return at
	}
	return p.Hours.Next(at, d.User.Location())
}

// backoff doubles with each attempt and spreads the retries over the upper half
// of the delay, so that deliveries that failed together don't return together.
// The spread comes from the delivery's id, which keeps the function pure.
func backoff(id int64, attempt int) time.Duration {
	delay := longestDelay
	if attempt < 6 {
		delay = min(longestDelay, firstDelay<<max(attempt, 1))
	}
	h := fnv.New32a()
	_ = binary.Write(h, binary.BigEndian, [2]int64{id, int64(attempt)})
	half := delay / 2
	return half + time.Duration(float64(half)*float64(h.Sum32())/float64(1<<32))
}
