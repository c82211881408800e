package web

import (
	"fmt"
	"strings"
	"testing"

	"alta/pipeline"
)

// A mail server that answers every mail with another status fills neither the
// memory nor the monitoring.
func TestCodesHaveABound(t *testing.T) {
	m := NewMetrics(idle)
	d := delivery(pipeline.Invite, pipeline.MX)
	count := func(code string) {
		m.CountVerdict(d, pipeline.Verdict{Outcome: pipeline.OutcomeHeld, Code: code})
	}
	count("capa.not_found")
	for i := range 1000 {
		count(fmt.Sprintf("smtp.5.7.%d", i))
	}
	count("capa.not_found")
	series := 0
	lines := scrape(t, m)
	for _, line := range lines {
		if strings.HasPrefix(line, "alta_faults_total{") {
			series++
		}
	}
	if series != mostCodes+1 {
		t.Errorf("%d series, want %d", series, mostCodes+1)
	}
	for code, want := range map[string]string{"capa.not_found": "2", "smtp.5.7.0": "1", otherCode: fmt.Sprint(1001 - mostCodes)} {
		if got := valueOf(t, lines, fmt.Sprintf("alta_faults_total{code=%q}", code)); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
}
