package web

import "testing"

func TestWebhooksAreCounted(t *testing.T) {
	m := NewMetrics(idle)
	m.CountNews("VERIFIED_USER", "applied")
	m.CountNews("VERIFIED_USER", "applied")
	m.CountNews("none", "refused")
	lines := scrape(t, m)
	for series, want := range map[string]string{
		`alta_webhooks_total{effect="applied",event="VERIFIED_USER"}`: "2",
		`alta_webhooks_total{effect="refused",event="none"}`:          "1",
	} {
		if got := valueOf(t, lines, series); got != want {
			t.Errorf("%s = %s, want %s", series, got, want)
		}
	}
}
