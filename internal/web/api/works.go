package api

import (
	"context"
	"net/http"
	"time"
)

// Works is how alta itself is doing. What it returns is encoded as it is: the same as
// the commands print, and the tests hold it to the contract.
type Works interface {
	Status(ctx context.Context) (any, error)
	// Runs returns the latest n runs.
	Runs(ctx context.Context, n int) (any, error)
	// Run has a run begin. One that is under way takes what is due.
	Run(ctx context.Context, by By) error
	// Forecast counts what falls due from one time until another, by hour.
	Forecast(ctx context.Context, from, until time.Time) (any, error)
	// Events returns up to n events behind the one with that number, the oldest first,
	// and the number of the last. recording tells whether events are noted now.
	Events(ctx context.Context, after int64, n int) (page []any, last int64, recording bool, err error)
}

// How far a forecast reaches.
const (
	usualForecast = 24 * time.Hour
	mostForecast  = 31 * 24 * time.Hour
)

func (a *api) status(c call) (answer, error) {
	if q := readQuery(c.r.URL.RawQuery); q.err != nil {
		return answer{}, q.err
	}
	s, err := a.Works.Status(c.ctx)
	return ok(s), err
}

func (a *api) runs(c call) (answer, error) {
	q := readQuery(c.r.URL.RawQuery, "limit")
	n := q.number("limit", 10, 100)
	if q.err != nil {
		return answer{}, q.err
	}
	runs, err := a.Works.Runs(c.ctx, n)
	return ok(struct {
		Runs any `json:"runs"`
	}{runs}), err
}

func (a *api) run(c call) (answer, error) {
	if q := readQuery(c.r.URL.RawQuery); q.err != nil {
		return answer{}, q.err
	}
	asked, err := decode[struct {
		Reason string `json:"reason"`
	}](c.body)
	if err != nil {
		return answer{}, err
	}
	if err := checkReason(asked.Reason); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusAccepted, body: struct {
		Accepted bool `json:"accepted"`
	}{true}}, a.Works.Run(c.ctx, By{c.token, asked.Reason})
}

func (a *api) forecast(c call) (answer, error) {
	q := readQuery(c.r.URL.RawQuery, "from", "until")
	from := q.time("from", a.Now().Truncate(time.Second))
	until := q.time("until", from.Add(usualForecast))
	if span := until.Sub(from); span <= 0 || span > mostForecast {
		q.refuse("until must lie behind from, by 31 days at most.")
	}
	if q.err != nil {
		return answer{}, q.err
	}
	hours, err := a.Works.Forecast(c.ctx, from, until)
	return ok(struct {
		From  time.Time `json:"from"`
		Until time.Time `json:"until"`
		Hours any       `json:"hours"`
	}{from.UTC(), until.UTC(), hours}), err
}
