package web

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"alta/pipeline"
)

// Metrics counts what the pipeline does. Its labels come from small sets: no
// user, address or link can get into one. It implements [pipeline.Observer].
type Metrics struct {
	registry   *prometheus.Registry
	deliveries *prometheus.CounterVec
	faults     *prometheus.CounterVec
	codes      codes
	stages     *prometheus.HistogramVec
	minted     prometheus.Counter
	doubtful   prometheus.Counter
	runs       *prometheus.CounterVec
	lastRun    prometheus.Gauge
	news       *prometheus.CounterVec
	openings   openingMetrics
}

// Snapshot is the state of the ledger that a scrape shows.
type Snapshot struct {
	Queue     map[pipeline.State]int // deliveries in each state that is not final, and those that failed
	DueNow    int
	OldestDue time.Duration // how long the oldest has been due; 0 when nothing is
	Paused    []pipeline.Country
	Outage    bool // the latest run was stopped by an outage
}

// snapshotLimit bounds the time a scrape may spend in the ledger.
const snapshotLimit = 5 * time.Second

// NewMetrics registers the metrics. snapshot is asked at each scrape.
func NewMetrics(snapshot func(context.Context) (Snapshot, error)) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alta_deliveries_total", Help: "Deliveries handled, by step, country and outcome.",
		}, []string{"step", "country", "outcome"}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alta_faults_total", Help: "Deliveries that did not go out, by the code of the fault.",
		}, []string{"code"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alta_stage_duration_seconds", Help: "Time that a delivery spent in a stage.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"stage", "result"}),
		minted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "alta_links_minted_total", Help: "Verification links minted.",
		}),
		doubtful: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "alta_doubtful_mints_total", Help: "Mints that may have opened a session that nobody got.",
		}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alta_runs_total", Help: "Runs, by what began them and how they ended.",
		}, []string{"trigger", "result"}),
		lastRun: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "alta_last_run_timestamp_seconds", Help: "When the latest run ended.",
		}),
		news:     newNewsCounter(),
		openings: newOpeningMetrics(),
	}
	m.registry.MustRegister(m.deliveries, m.faults, m.stages, m.minted, m.doubtful, m.runs, m.lastRun, m.news,
		m.openings.ended, m.openings.faults, m.openings.visits,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newLedgerCollector(snapshot))
	for _, step := range pipeline.Steps() {
		for _, country := range []pipeline.Country{pipeline.MX, pipeline.DO} {
			for _, outcome := range pipeline.Outcomes() {
				// A series that exists from the start can be alerted on.
				m.deliveries.WithLabelValues(string(step), string(country), string(outcome))
			}
		}
	}
	return m
}

// ObserveStage implements [pipeline.Observer].
func (m *Metrics) ObserveStage(name string, _ *pipeline.Delivery, took time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = pipeline.AsFault(err).Kind.String()
	}
	m.stages.WithLabelValues(name, result).Observe(took.Seconds())
}

// CountVerdict counts what became of a delivery.
func (m *Metrics) CountVerdict(d *pipeline.Delivery, v pipeline.Verdict) {
	m.deliveries.WithLabelValues(string(d.Step), string(d.User.Country), string(v.Outcome)).Inc()
	if v.Code != "" {
		m.faults.WithLabelValues(m.codes.label(v.Code)).Inc()
	}
	if v.Minted {
		m.minted.Inc()
	}
	if v.Doubtful {
		m.doubtful.Inc()
	}
}

// CountRun counts a run that ended at now with "done", "outage" or "error".
func (m *Metrics) CountRun(trigger, result string, now time.Time) {
	m.runs.WithLabelValues(trigger, result).Inc()
	m.lastRun.Set(float64(now.UnixMilli()) / 1000)
}

// ledgerCollector asks the ledger at each scrape, so that the gauges are true
// even while nothing runs.
type ledgerCollector struct {
	snapshot func(context.Context) (Snapshot, error)
	queue    *prometheus.Desc
	dueNow   *prometheus.Desc
	oldest   *prometheus.Desc
	paused   *prometheus.Desc
	outage   *prometheus.Desc
}

func newLedgerCollector(snapshot func(context.Context) (Snapshot, error)) *ledgerCollector {
	return &ledgerCollector{
		snapshot: snapshot,
		queue:    prometheus.NewDesc("alta_queue_depth", "Deliveries that are not settled, or failed, by state.", []string{"state"}, nil),
		dueNow:   prometheus.NewDesc("alta_due_now", "Deliveries whose time has come.", nil, nil),
		oldest:   prometheus.NewDesc("alta_oldest_due_seconds", "How long the oldest due delivery has been due.", nil, nil),
		paused:   prometheus.NewDesc("alta_paused", "1 while sending is paused: scope all is an outage, else a country on hold.", []string{"scope"}, nil),
		outage:   prometheus.NewDesc("alta_last_run_outage", "1 when the latest run was stopped by an outage, an unreadable source included.", nil, nil),
	}
}

// Describe implements [prometheus.Collector].
func (c *ledgerCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.queue, c.dueNow, c.oldest, c.paused, c.outage} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *ledgerCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), snapshotLimit)
	defer cancel()
	s, err := c.snapshot(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(c.queue, err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for state, n := range s.Queue {
		gauge(c.queue, float64(n), string(state))
	}
	gauge(c.dueNow, float64(s.DueNow))
	gauge(c.oldest, s.OldestDue.Seconds())
	outage := 0.0
	if s.Outage {
		outage = 1
	}
	gauge(c.outage, outage)
	scopes := map[string]float64{"all": 0, string(pipeline.MX): 0, string(pipeline.DO): 0}
	for _, country := range s.Paused {
		if country == "" {
			scopes["all"] = 1
		} else {
			scopes[string(country)] = 1
		}
	}
	for scope, v := range scopes {
		gauge(c.paused, v, scope)
	}
}
