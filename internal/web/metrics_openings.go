package web

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"alta/pipeline"
)

// openingMetrics counts what came of users' wishes for a verification.
type openingMetrics struct {
	ended  *prometheus.CounterVec
	faults *prometheus.CounterVec
	visits *prometheus.CounterVec
}

// How a wish for a verification ended, as a label says it.
const (
	openingMinted  = "minted"
	openingReused  = "reused"
	openingRefused = "refused" // the user is done, opted out or unknown
	openingSpent   = "spent"   // too many links for one day
	openingFailed  = "failed"
)

func newOpeningMetrics() openingMetrics {
	m := openingMetrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alta_openings_total", Help: "Verifications that users asked for, by what came of it.",
		}, []string{"result"}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alta_opening_faults_total", Help: "Verifications that were asked for and could not be opened, by the code of the fault.",
		}, []string{"code"}),
		visits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alta_visits_total", Help: "What came to the lasting links, by its kind.",
		}, []string{"kind"}),
	}
	for _, kind := range pipeline.VisitKinds() {
		m.visits.WithLabelValues(string(kind))
	}
	for _, result := range []string{openingMinted, openingReused, openingRefused, openingSpent, openingFailed} {
		m.ended.WithLabelValues(result)
	}
	return m
}

// CountOpening counts what came of a user's wish for a verification: a link that
// was minted for it, one from before, or why none.
func (m *Metrics) CountOpening(minted bool, err error) {
	if err == nil && !minted {
		m.openings.ended.WithLabelValues(openingReused).Inc()
		return
	}
	if err == nil {
		m.openings.ended.WithLabelValues(openingMinted).Inc()
		m.minted.Inc()
		return
	}
	f, classified := errors.AsType[*pipeline.Fault](err)
	switch {
	case errors.Is(err, ErrUnknownTicket), classified && f.Kind == pipeline.Cancel:
		m.openings.ended.WithLabelValues(openingRefused).Inc()
		return
	case classified && f.Code == pipeline.CodeBudget:
		m.openings.ended.WithLabelValues(openingSpent).Inc()
		return
	}
	m.openings.ended.WithLabelValues(openingFailed).Inc()
	code := "internal"
	if classified {
		code = f.Code
	}
	m.openings.faults.WithLabelValues(m.codes.label(code)).Inc()
	if classified && f.Doubtful {
		m.doubtful.Inc()
	}
}

// CountVisits counts what came to lasting links, once the ledger has it.
func (m *Metrics) CountVisits(visits []pipeline.Visit) {
	for _, v := range visits {
		m.openings.visits.WithLabelValues(string(v.Kind)).Add(float64(v.N))
	}
}
