package pipeline_test

import (
	"testing"
	"time"

	"alta/pipeline"
)

// moment reads a time of RFC 3339. Its offset says which one is meant when the
// clock on the wall shows a time twice.
func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

// stopped is a clock that always shows t.
func stopped(t time.Time) pipeline.Clock { return func() time.Time { return t } }

// ten is a Monday at ten in the morning in Mexico City: a decent hour.
var ten = moment("2026-03-02T10:00:00-06:00")

// bubble is when the time of testing/synctest begins.
var bubble = moment("2000-01-01T00:00:00Z")

func hours(t testing.TB, s string) pipeline.Hours {
	t.Helper()
	h, err := pipeline.ParseHours(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// usual is the plan of the default configuration.
func usual(t testing.TB) pipeline.Plan {
	t.Helper()
	return pipeline.Plan{
		Reminders:       []time.Duration{24 * time.Hour, 72 * time.Hour, 168 * time.Hour},
		ReissueOnExpiry: true,
		MinGap:          20 * time.Hour,
		MaxMails:        6,
		Hours:           hours(t, "09:00-20:00"),
		ResendDoubt:     true,
		Tries:           8,
	}
}

// maria is a pending user who lives in the zone.
func maria(zone string) pipeline.User {
	return pipeline.User{
		ID: "c0ffee00-0000-4000-8000-000000000001", Email: "maria@example.com", Name: "María Núñez",
		Country: pipeline.MX, Locale: pipeline.ESMX, TimeZone: zone,
		Type: pipeline.Individual, Status: pipeline.Pending,
	}
}

// invite is maria's first mail, claimed and without a link yet.
func invite() *pipeline.Delivery {
	return &pipeline.Delivery{
		ID: 7, User: maria("America/Mexico_City"), Step: pipeline.Invite, Round: 1, Attempt: 1, DueAt: ten.Add(-time.Minute),
	}
}

// link is a link that was issued at the time and lives for a day.
func link(url string, issued time.Time) pipeline.Link {
	return pipeline.Link{URL: pipeline.NewSecret(url), IssuedAt: issued, ExpiresAt: issued.Add(24 * time.Hour)}
}
