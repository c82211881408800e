package pipeline

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// A zone is the same each time, on many workers at once, and one that no machine
// knows is the country's.
func TestLocation(t *testing.T) {
	var workers sync.WaitGroup
	for _, tc := range []struct {
		name, zone string
		country    Country
		want       string
	}{
		{"A zone is the user's own.", "America/Tijuana", MX, "America/Tijuana"},
		{"UTC is a zone.", "UTC", MX, "UTC"},
		{"No zone is that of Mexico.", "", MX, "America/Mexico_City"},
		{"No zone is that of the Dominican Republic.", "", DO, "America/Santo_Domingo"},
		{"A zone that does not exist is the country's.", "America/Nowhere", DO, "America/Santo_Domingo"},
		{"A path out of the database is the country's.", "../../etc/passwd", MX, "America/Mexico_City"},
	} {
		for range 4 {
			workers.Go(func() {
				u := User{TimeZone: tc.zone, Country: tc.country}
				for range 3 {
					if got := u.Location().String(); got != tc.want {
						t.Errorf("%s Got %s, want %s.", tc.name, got, tc.want)
					}
				}
			})
		}
	}
	workers.Wait()
}

// However many spellings of zones there are, each is answered and few are kept.
func TestZonesAreBounded(t *testing.T) {
	var table zoneTable
	for i := range maxZones + 10 {
		table.add(fmt.Sprintf("America/%d", i), time.UTC)
	}
	if n := len(*table.known.Load()); n != maxZones {
		t.Errorf("%d zones are kept", n)
	}
	if loc, err := table.load("America/Tijuana"); err != nil || loc.String() != "America/Tijuana" {
		t.Errorf("a zone that is not kept is %v, %v", loc, err)
	}
}
