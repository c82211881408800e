package pipeline_test

import (
	"encoding/json"
	"testing"

	"alta/pipeline"
)

func TestReportCounts(t *testing.T) {
	outage := func(reason string) *pipeline.Pause { return &pipeline.Pause{Reason: reason} }
	var r pipeline.Report
	for _, v := range []pipeline.Verdict{
		{Outcome: pipeline.OutcomeSent, Minted: true},
		{Outcome: pipeline.OutcomeSent},
		{Outcome: pipeline.OutcomeRetry},
		{Outcome: pipeline.OutcomeRetry, Pause: &pipeline.Pause{Country: pipeline.DO, Reason: "No template."}, Reason: "No template."},
		{Outcome: pipeline.OutcomeRetry, Pause: outage("The first."), Reason: "The first."},
		{Outcome: pipeline.OutcomeRetry, Pause: outage("The second."), Reason: "The second."},
		{Outcome: pipeline.OutcomeFailed, Minted: true},
		{Outcome: pipeline.OutcomeHeld},
		{Outcome: pipeline.OutcomeDoubt},
		{Outcome: pipeline.OutcomeCancelled},
	} {
		r.Count(v)
	}
	want := pipeline.Report{
		Selected: 10, Sent: 2, Retry: 4, Failed: 1, Held: 1, Doubt: 1, Cancelled: 1, Minted: 2, Outage: "The first.",
	}
	if r != want {
		t.Errorf("report %+v, want %+v", r, want)
	}
}

func TestReportCountsEveryOutcome(t *testing.T) {
	var r pipeline.Report
	for _, o := range pipeline.Outcomes() {
		r.Count(pipeline.Verdict{Outcome: o})
	}
	if sum(r) != len(pipeline.Outcomes()) || r.Selected != len(pipeline.Outcomes()) {
		t.Errorf("one of each outcome makes %+v", r)
	}
}

func TestReportInJSON(t *testing.T) {
	got, err := json.Marshal(pipeline.Report{
		Selected: 21, Sent: 1, Retry: 2, Failed: 3, Held: 4, Doubt: 5, Cancelled: 6, Outage: "Wrong key.", Minted: 7, DurationMS: 8,
	})
	const want = `{"selected":21,"sent":1,"retry":2,"failed":3,"held":4,"doubt":5,"cancelled":6,"outage":"Wrong key.","minted":7,"duration_ms":8}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
}

// sum adds up the outcomes of a report.
func sum(r pipeline.Report) int {
	return r.Sent + r.Retry + r.Failed + r.Held + r.Doubt + r.Cancelled
}
