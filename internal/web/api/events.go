package api

import (
	"context"
	"strconv"
	"time"
)

// Event is something that happened, and how its webhook went.
type Event struct {
	ID    string     `json:"id"`
	Type  string     `json:"type"`
	At    *time.Time `json:"at"`
	Data  any        `json:"data"`
	State string     `json:"state"` // waiting, delivered or given_up
	Tries int        `json:"tries"`
	Next  *time.Time `json:"next_try_at"`
	Said  string     `json:"said"` // to the latest try
}

// Events is what happened.
type Events interface {
	// Events returns up to n events behind the one with that number, the oldest first,
	// and the number of the last. recording tells whether events are noted now.
	Events(ctx context.Context, after int64, n int) (page []Event, last int64, recording bool, err error)
}

func (a *api) events(c call) (answer, error) {
	q := readQuery(c.r.URL.RawQuery, "limit", "cursor")
	n := q.number("limit", usualPage, mostPage)
	var after int64
	if cursor := q.text("cursor"); cursor != "" {
		var err error
		if after, err = strconv.ParseInt(cursor, 10, 64); err != nil || after < 0 {
			q.refuse("cursor must be the next of an earlier answer.")
		}
	}
	if q.err != nil {
		return answer{}, q.err
	}
	page, last, recording, err := a.Events.Events(c.ctx, after, n)
	return ok(struct {
		Events    []Event `json:"events"`
		Next      string  `json:"next"` // where to go on, even behind the last: more will come
		Recording bool    `json:"recording"`
	}{some(page), strconv.FormatInt(max(last, after), 10), recording}), err
}
