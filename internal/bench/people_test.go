package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

func TestPeopleAreTheSameForASeed(t *testing.T) {
	const n = 300
	read := func(seed uint64) []person {
		t.Helper()
		path := filepath.Join(t.TempDir(), "users.csv")
		if err := writePeople(path, seed, n); err != nil {
			t.Fatal(err)
		}
		all, err := readPeople(path)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	one, again, other := read(1), read(1), read(2)
	if d := cmp.Diff(one, again, cmp.AllowUnexported(person{})); d != "" {
		t.Error(d)
	}
	ids, addresses, countries := map[string]bool{}, map[string]bool{}, map[pipeline.Country]int{}
	for _, p := range append(one, other...) {
		ids[p.id], addresses[p.email] = true, true
		countries[p.country]++
		if len(p.id) != 36 || p.id[14] != '4' {
			t.Errorf("%q is no random UUID", p.id)
		}
	}
	if len(ids) != 2*n || len(addresses) != 2*n {
		t.Errorf("%d ids and %d addresses of %d users", len(ids), len(addresses), 2*n)
	}
	if countries[pipeline.MX] < n || countries[pipeline.DO] < n/3 || len(countries) != 2 {
		t.Errorf("%v", countries)
	}
}

// Whatever hour it is, users who are enrolled with these hours are not due for
// as long as a ledger is kept.
func TestLaterHoursAreHalfADayAway(t *testing.T) {
	for minute := range 7 * 24 * 60 / 7 {
		now := time.Date(2026, time.March, 2, 0, 7*minute, 0, 0, time.UTC)
		hours, err := pipeline.ParseHours(laterHours(now))
		if err != nil {
			t.Fatalf("%s: %v", now, err)
		}
		for _, country := range []pipeline.Country{pipeline.MX, pipeline.DO} {
			zone, err := time.LoadLocation(pipeline.DefaultTimeZone(country))
			if err != nil {
				t.Fatal(err)
			}
			if next := hours.Next(now, zone); next.Sub(now) < keptFor {
				t.Fatalf("%s: with the hours %s a user in %s is due at %s", now, laterHours(now), country, next)
			}
		}
	}
}
