package web

import "github.com/prometheus/client_golang/prometheus"

// newNewsCounter counts the partner's webhooks.
func newNewsCounter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "alta_webhooks_total", Help: "Webhooks that came in, by event and by what came of them.",
	}, []string{"event", "effect"})
}

// CountNews counts a webhook. Both words must come from small sets: whoever takes
// webhooks in sees to that.
func (m *Metrics) CountNews(event, effect string) { m.news.WithLabelValues(event, effect).Inc() }
