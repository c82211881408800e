package pipeline_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"alta/pipeline"
)

func TestJudgeClaimed(t *testing.T) {
	for _, c := range []struct {
		name     string
		link     pipeline.Link
		repeat   bool
		doubtful bool
	}{
		{name: "Without a link a mint may have been under way.", doubtful: true},
		{name: "A link that is to be replaced is no link.", link: link("https://kyc.example/old", ten.Add(-23*time.Hour)), doubtful: true},
		{name: "With a link nothing was to be minted.", link: link("https://kyc.example/old", ten.Add(-23*time.Hour+time.Second))},
		{name: "Nothing is ever minted for a repeat.", repeat: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := invite()
			d.Link, d.Repeat = c.link, c.repeat
			if !c.link.URL.IsZero() {
				d.Link.ID = 7
			}
			v := usual(t).JudgeClaimed(d, ten, time.Hour)
			if v.Doubtful != c.doubtful || v.Tried != c.doubtful {
				t.Errorf("doubtful %v and tried %v, want %v", v.Doubtful, v.Tried, c.doubtful)
			}
			if v.State != pipeline.Due || !v.DueAt.Equal(d.DueAt) || v.Paid || v.Repeat != c.repeat {
				t.Errorf("verdict %+v, want the delivery as it was, and nothing paid", v)
			}
		})
	}
}

func TestVerdictStops(t *testing.T) {
	for _, c := range []struct {
		name    string
		verdict pipeline.Verdict
		want    bool
	}{
		{"Nothing is paused.", pipeline.Verdict{}, false},
		{"One country is paused.", pipeline.Verdict{Pause: &pipeline.Pause{Country: pipeline.DO}}, false},
		{"Everything is paused.", pipeline.Verdict{Pause: &pipeline.Pause{}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.verdict.Stops(); got != c.want {
				t.Errorf("Stops = %v, want %v", got, c.want)
			}
		})
	}
}

func TestJudgeOrphan(t *testing.T) {
	night := moment("2026-03-02T23:00:00-06:00")
	for _, c := range []struct {
		name   string
		plan   func(*pipeline.Plan)
		doubts int
		state  pipeline.State
	}{
		{name: "A mail that a crash interrupted is due again at once; the sending hours are the run's business.", state: pipeline.Due},
		{name: "The third doubt waits for an operator.", doubts: 2, state: pipeline.InDoubt},
		{name: "The first one does when the plan says so.", plan: func(p *pipeline.Plan) { p.ResendDoubt = false }, state: pipeline.InDoubt},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, d := usual(t), invite()
			d.Doubts = c.doubts
			if c.plan != nil {
				c.plan(&p)
			}
			v := p.JudgeOrphan(d, night)
			if v.State != c.state || v.Outcome != pipeline.OutcomeDoubt || v.Code != "interrupted" || !v.Tried || !v.Paid || !v.Repeat || v.Next != nil || v.Pause != nil {
				t.Errorf("verdict %+v", v)
			}
			if v.State == pipeline.Due && !v.DueAt.Equal(night) {
				t.Errorf("due at %v, want at once", v.DueAt)
			}
		})
	}
}

// TestEveryVerdictKeepsTheStates judges random faults of random deliveries.
func TestEveryVerdictKeepsTheStates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan, text := drawPlan(t)
		now := ten.Add(seconds(0, 365*24*time.Hour).Draw(t, "now"))
		d := invite()
		d.ID, d.Attempt = rapid.Int64().Draw(t, "id"), rapid.IntRange(1, 12).Draw(t, "attempt")
		d.User.TimeZone = zones.Draw(t, "zone")
		d.DueAt = now.Add(-seconds(0, time.Hour).Draw(t, "waited"))
		d.Operator, d.Repeat = rapid.Bool().Draw(t, "operator"), rapid.Bool().Draw(t, "repeat")
		d.Doubts = rapid.IntRange(0, 4).Draw(t, "doubts")
		d.LastCode = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "last")
		f := &pipeline.Fault{
			Kind:       pipeline.Kind(rapid.IntRange(0, 6).Draw(t, "kind")),
			Code:       rapid.SampledFrom([]string{"a", "b"}).Draw(t, "code"),
			After:      seconds(0, 2*time.Hour).Draw(t, "after"),
			Once:       rapid.Bool().Draw(t, "once"),
			Free:       rapid.Bool().Draw(t, "free"),
			Country:    rapid.SampledFrom([]pipeline.Country{"", pipeline.MX, pipeline.DO}).Draw(t, "country"),
			BadAddress: rapid.Bool().Draw(t, "bad address"),
			Doubtful:   rapid.Bool().Draw(t, "doubtful"),
		}
		before := *d
		v := plan.Judge(d, f, now)
		if diff := cmp.Diff(before, *d, cmpopts.IgnoreFields(pipeline.Delivery{}, "Message")); diff != "" {
			t.Fatalf("Judge changed the delivery:\n%s", diff)
		}

		countryHold := f.Kind == pipeline.Hold && f.Country != ""
		paused := f.Kind == pipeline.Outage || countryHold
		wantState := map[pipeline.State]bool{
			pipeline.Due:       paused || f.Kind == pipeline.Doubt || f.Kind == pipeline.Retry || f.Kind > pipeline.Cancel,
			pipeline.Failed:    f.Kind == pipeline.Fail || f.Kind == pipeline.Retry || f.Kind > pipeline.Cancel,
			pipeline.Held:      f.Kind == pipeline.Hold && !countryHold,
			pipeline.Cancelled: f.Kind == pipeline.Cancel,
			pipeline.InDoubt:   f.Kind == pipeline.Doubt,
		}
		if !wantState[v.State] {
			t.Fatalf("%s became %s", f.Kind, v.State)
		}
		outcomes := map[pipeline.State][]pipeline.Outcome{
			pipeline.Due:       {pipeline.OutcomeRetry, pipeline.OutcomeDoubt},
			pipeline.Failed:    {pipeline.OutcomeFailed},
			pipeline.Held:      {pipeline.OutcomeHeld},
			pipeline.Cancelled: {pipeline.OutcomeCancelled},
			pipeline.InDoubt:   {pipeline.OutcomeDoubt},
		}
		if !slices.Contains(outcomes[v.State], v.Outcome) || (v.Outcome == pipeline.OutcomeDoubt) != (f.Kind == pipeline.Doubt) {
			t.Fatalf("%s became %s, counted as %s", f.Kind, v.State, v.Outcome)
		}
		if (v.Pause != nil) != paused || v.Stops() != (f.Kind == pipeline.Outage) {
			t.Fatalf("%s with country %q: pause %+v", f.Kind, f.Country, v.Pause)
		}
		if !v.Tried || v.Code != f.Code || v.BadAddress != f.BadAddress || v.Doubtful != f.Doubtful {
			t.Fatalf("the verdict lost a flag of the fault: %+v", v)
		}
		if paused && (v.Paid || v.State != pipeline.Due || !v.DueAt.Equal(d.DueAt)) {
			t.Fatalf("a pause cost an attempt or moved the delivery: %+v", v)
		}
		if v.State == pipeline.Due && !paused {
			if v.DueAt.Before(now.Add(f.After)) || f.After == 0 && v.DueAt.Before(now.Add(time.Minute)) {
				t.Fatalf("due at %v, %s after now", v.DueAt, v.DueAt.Sub(now))
			}
			if !d.Operator && !inside(text, v.DueAt.In(d.User.Location())) {
				t.Fatalf("due at %v, outside %s", v.DueAt.In(d.User.Location()), text)
			}
		}
		if v.State == pipeline.Due && v.Repeat != (d.Repeat || f.Kind == pipeline.Doubt) {
			t.Fatalf("repeat = %v after %s of a delivery with repeat = %v", v.Repeat, f.Kind, d.Repeat)
		}
		if v.State == pipeline.Failed && f.Kind != pipeline.Fail && d.Attempt < plan.Tries && !(f.Once && d.LastCode == f.Code) {
			t.Fatalf("gave up at attempt %d of %d", d.Attempt, plan.Tries)
		}
		if (v.Next != nil) != (f.Kind == pipeline.Cancel) {
			t.Fatalf("%s plans %+v", f.Kind, v.Next)
		}
	})
}
