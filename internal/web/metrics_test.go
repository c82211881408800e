package web

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

// scrape returns alta's own lines of the metrics, without the comments, sorted.
func scrape(t testing.TB, m *Metrics) []string {
	t.Helper()
	s := serve(t, Handler(m, ready))
	defer closeServer(t, s)
	status, _, body := ask(t, "GET", "http://"+s.Addr()+"/metrics")
	if status != 200 {
		t.Fatalf("status %d: %s", status, body)
	}
	var lines []string
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "alta_") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	slices.Sort(lines)
	return lines
}

func valueOf(t testing.TB, lines []string, series string) string {
	t.Helper()
	for _, line := range lines {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return value
		}
	}
	t.Errorf("no series %s", series)
	return ""
}

func delivery(step pipeline.Step, country pipeline.Country) *pipeline.Delivery {
	return &pipeline.Delivery{
		Step: step,
		User: pipeline.User{ID: "u-ana", Email: "ana@correo.example", Name: "Ana Torres", Country: country},
		Link: pipeline.Link{URL: pipeline.NewSecret("https://kyc.example/s?_al=canary")},
	}
}

// Every series of the deliveries is there from the start, so that a rule about
// one that never happened is not a rule about nothing.
func TestSeriesExistFromTheStart(t *testing.T) {
	lines := scrape(t, NewMetrics(idle))
	n := 0
	for _, line := range lines {
		if strings.HasPrefix(line, "alta_deliveries_total{") {
			n++
			if !strings.HasSuffix(line, " 0") {
				t.Errorf("not zero at the start: %s", line)
			}
		}
	}
	if want := len(pipeline.Steps()) * 2 * len(pipeline.Outcomes()); n != want {
		t.Errorf("%d series of alta_deliveries_total, want %d", n, want)
	}
	for _, series := range []string{"alta_links_minted_total", "alta_doubtful_mints_total", "alta_due_now", "alta_oldest_due_seconds", "alta_last_run_timestamp_seconds"} {
		if got := valueOf(t, lines, series); got != "0" {
			t.Errorf("%s = %s at the start", series, got)
		}
	}
}

func TestVerdictsAreCounted(t *testing.T) {
	m := NewMetrics(idle)
	m.CountVerdict(delivery(pipeline.Invite, pipeline.MX), pipeline.Verdict{Outcome: pipeline.OutcomeSent, Minted: true})
	m.CountVerdict(delivery(pipeline.Invite, pipeline.MX), pipeline.Verdict{Outcome: pipeline.OutcomeSent, Minted: true})
	m.CountVerdict(delivery(pipeline.Reminder, pipeline.DO), pipeline.Verdict{Outcome: pipeline.OutcomeFailed, Code: "smtp.5.1.1", Minted: true})
	m.CountVerdict(delivery(pipeline.Reissue, pipeline.DO), pipeline.Verdict{Outcome: pipeline.OutcomeRetry, Code: "capa.no_link", Doubtful: true})
	lines := scrape(t, m)
	for series, want := range map[string]string{
		`alta_deliveries_total{country="MX",outcome="sent",step="invite"}`:     "2",
		`alta_deliveries_total{country="DO",outcome="failed",step="reminder"}`: "1",
		`alta_deliveries_total{country="DO",outcome="retry",step="reissue"}`:   "1",
		`alta_deliveries_total{country="DO",outcome="sent",step="invite"}`:     "0",
		`alta_faults_total{code="smtp.5.1.1"}`:                                 "1",
		`alta_faults_total{code="capa.no_link"}`:                               "1",
		`alta_links_minted_total`:                                              "3",
		`alta_doubtful_mints_total`:                                            "1",
	} {
		if got := valueOf(t, lines, series); got != want {
			t.Errorf("%s = %s, want %s", series, got, want)
		}
	}
}

func TestStagesAreTimed(t *testing.T) {
	m := NewMetrics(idle)
	d := delivery(pipeline.Invite, pipeline.MX)
	m.ObserveStage("issue", d, 250*time.Millisecond, nil)
	m.ObserveStage("issue", d, 750*time.Millisecond, nil)
	m.ObserveStage("send", d, 2*time.Second, &pipeline.Fault{Kind: pipeline.Outage, Code: "smtp.dial"})
	m.ObserveStage("send", d, time.Second, errors.New("nobody classified this"))
	lines := scrape(t, m)
	for series, want := range map[string]string{
		`alta_stage_duration_seconds_count{result="ok",stage="issue"}`:            "2",
		`alta_stage_duration_seconds_sum{result="ok",stage="issue"}`:              "1",
		`alta_stage_duration_seconds_bucket{result="ok",stage="issue",le="0.25"}`: "1",
		`alta_stage_duration_seconds_bucket{result="ok",stage="issue",le="1"}`:    "2",
		`alta_stage_duration_seconds_count{result="outage",stage="send"}`:         "1",
		`alta_stage_duration_seconds_count{result="retry",stage="send"}`:          "1",
	} {
		if got := valueOf(t, lines, series); got != want {
			t.Errorf("%s = %s, want %s", series, got, want)
		}
	}
}

func TestRunsAreCounted(t *testing.T) {
	m := NewMetrics(idle)
	at := time.Date(2026, 3, 2, 18, 0, 0, 500e6, time.UTC)
	m.CountRun("schedule", "done", at.Add(-time.Hour))
	m.CountRun("schedule", "done", at.Add(-time.Minute))
	m.CountRun("resend", "outage", at)
	lines := scrape(t, m)
	for series, want := range map[string]string{
		`alta_runs_total{result="done",trigger="schedule"}`: "2",
		`alta_runs_total{result="outage",trigger="resend"}`: "1",
		`alta_last_run_timestamp_seconds`:                   "1.7724744005e+09",
	} {
		if got := valueOf(t, lines, series); got != want {
			t.Errorf("%s = %s, want %s", series, got, want)
		}
	}
}

func TestLedgerIsReadAtEachScrape(t *testing.T) {
	full := Snapshot{
		Queue:  map[pipeline.State]int{pipeline.Due: 7, pipeline.Held: 2, pipeline.Failed: 1},
		DueNow: 5, OldestDue: 90 * time.Second, Paused: []pipeline.Country{"", pipeline.DO},
	}
	answers := []Snapshot{full, {Queue: map[pipeline.State]int{pipeline.Due: 0}}}
	asked := 0
	m := NewMetrics(func(ctx context.Context) (Snapshot, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("a scrape may wait for ever")
		}
		asked++
		return answers[asked-1], nil
	})
	var got []string
	for _, line := range scrape(t, m) {
		for _, name := range []string{"alta_queue_depth", "alta_due_now", "alta_oldest", "alta_paused"} {
			if strings.HasPrefix(line, name) {
				got = append(got, line)
			}
		}
	}
	want := []string{
		`alta_due_now 5`,
		`alta_oldest_due_seconds 90`,
		`alta_paused{scope="DO"} 1`,
		`alta_paused{scope="MX"} 0`,
		`alta_paused{scope="all"} 1`,
		`alta_queue_depth{state="due"} 7`,
		`alta_queue_depth{state="failed"} 1`,
		`alta_queue_depth{state="held"} 2`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("gauges (-want +got):\n%s", diff)
	}
	lines := scrape(t, m)
	for series, want := range map[string]string{`alta_paused{scope="all"}`: "0", `alta_due_now`: "0", `alta_queue_depth{state="due"}`: "0"} {
		if got := valueOf(t, lines, series); got != want {
			t.Errorf("%s = %s at the second scrape, want %s", series, got, want)
		}
	}
}

// While the ledger can't be read the counters stay, and no gauge lies about it.
func TestUnreadableLedgerCostsOnlyItsGauges(t *testing.T) {
	m := NewMetrics(func(context.Context) (Snapshot, error) { return Snapshot{}, errors.New("the ledger is gone") })
	m.CountRun("schedule", "error", time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC))
	lines := scrape(t, m)
	if got := valueOf(t, lines, `alta_runs_total{result="error",trigger="schedule"}`); got != "1" {
		t.Errorf("alta_runs_total = %s, want 1", got)
	}
	for _, line := range lines {
		for _, gauge := range []string{"alta_queue_depth", "alta_due_now", "alta_oldest_due_seconds", "alta_paused"} {
			if strings.HasPrefix(line, gauge) {
				t.Errorf("a gauge of a ledger that nobody can read: %s", line)
			}
		}
	}
}

// Whatever is counted, nothing about a person gets into the metrics.
func TestMetricsHoldNothingPersonal(t *testing.T) {
	m := NewMetrics(idle)
	d := delivery(pipeline.Invite, pipeline.MX)
	fault := &pipeline.Fault{Kind: pipeline.Fail, Code: "smtp.5.1.1", Reason: "550 no such user ana@correo.example"}
	m.ObserveStage("send", d, time.Second, fault)
	m.CountVerdict(d, pipeline.Verdict{Outcome: pipeline.OutcomeFailed, Code: fault.Code, Reason: fault.Reason})
	text := strings.Join(scrape(t, m), "\n")
	for _, personal := range []string{"u-ana", "ana@correo.example", "Torres", "canary", "kyc.example"} {
		if strings.Contains(text, personal) {
			t.Errorf("the metrics hold %q", personal)
		}
	}
}
