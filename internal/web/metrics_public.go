package web

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"alta/pipeline"
)

// publicMetrics counts what comes in from the world.
type publicMetrics struct {
	openings *prometheus.CounterVec
	turned   *prometheus.CounterVec
	news     *prometheus.CounterVec
}

// How a wish for a verification ended, as a label says it.
const (
	openingMinted  = "minted"
	openingReused  = "reused"
	openingRefused = "refused" // the user is done, opted out or unknown
	openingSpent   = "spent"   // too many links for one day
	openingFailed  = "failed"
)

func newPublicMetrics() publicMetrics {
	m := publicMetrics{
		openings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alta_openings_total", Help: "Verifications that users asked for, by what came of it.",
		}, []string{"result"}),
		turned: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alta_opening_faults_total", Help: "Verifications that were asked for and could not be opened, by the code of the fault.",
		}, []string{"code"}),
		news: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alta_webhooks_total", Help: "Webhooks of the partner, by event and effect.",
		}, []string{"event", "effect"}),
	}
	for _, result := range []string{openingMinted, openingReused, openingRefused, openingSpent, openingFailed} {
		m.openings.WithLabelValues(result)
	}
	return m
}

// CountOpening counts what came of a user's wish for a verification: a link that
// was minted for it, one from before, or why none.
func (m *Metrics) CountOpening(minted bool, err error) {
	if err == nil && !minted {
		m.public.openings.WithLabelValues(openingReused).Inc()
		return
	}
	if err == nil {
		m.public.openings.WithLabelValues(openingMinted).Inc()
		m.minted.Inc()
		return
	}
	f, classified := errors.AsType[*pipeline.Fault](err)
	switch {
	case errors.Is(err, ErrUnknownTicket), classified && f.Kind == pipeline.Cancel:
		m.public.openings.WithLabelValues(openingRefused).Inc()
		return
	case classified && f.Code == pipeline.CodeBudget:
		m.public.openings.WithLabelValues(openingSpent).Inc()
		return
	}
	m.public.openings.WithLabelValues(openingFailed).Inc()
	code := "internal"
	if classified {
		code = f.Code
	}
	m.public.turned.WithLabelValues(m.codes.label(code)).Inc()
	if classified && f.Doubtful {
		m.doubtful.Inc()
	}
}

// CountNews counts a webhook. Both words come from small sets.
func (m *Metrics) CountNews(event, effect string) { m.public.news.WithLabelValues(event, effect).Inc() }
