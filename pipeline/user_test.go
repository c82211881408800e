package pipeline_test

import (
	"slices"
	"testing"

	"alta/pipeline"
)

func TestAdvance(t *testing.T) {
	terminal := []pipeline.Status{pipeline.Verified, pipeline.Rejected, pipeline.OptedOut, pipeline.Erased}
	for _, c := range []struct {
		name       string
		from, news pipeline.Status
		want       pipeline.Status
	}{
		{"News of pending changes nothing for a pending user.", pipeline.Pending, pipeline.Pending, pipeline.Pending},
		{"A pending user goes into review.", pipeline.Pending, pipeline.InReview, pipeline.InReview},
		{"Late news of pending does not take a user out of review.", pipeline.InReview, pipeline.Pending, pipeline.InReview},
		{"News of a review that is known changes nothing.", pipeline.InReview, pipeline.InReview, pipeline.InReview},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.from.Advance(c.news); got != c.want {
				t.Errorf("%s.Advance(%s) = %s, want %s", c.from, c.news, got, c.want)
			}
		})
	}
	t.Run("Every open status reaches every terminal one.", func(t *testing.T) {
		for _, from := range []pipeline.Status{pipeline.Pending, pipeline.InReview} {
			for _, to := range terminal {
				if got := from.Advance(to); got != to {
					t.Errorf("%s.Advance(%s) = %s", from, to, got)
				}
			}
		}
	})
	t.Run("A terminal status stays, whatever the news, but for the end of a verification of one who opted out.", func(t *testing.T) {
		for _, from := range terminal {
			for _, news := range pipeline.Statuses() {
				want := from
				if from == pipeline.OptedOut && (news == pipeline.Verified || news == pipeline.Rejected) {
					want = news
				}
				if got := from.Advance(news); got != want {
					t.Errorf("%s.Advance(%s) = %s, want %s", from, news, got, want)
				}
			}
		}
	})
	t.Run("News that repeats changes nothing the second time.", func(t *testing.T) {
		for _, from := range pipeline.Statuses() {
			for _, news := range pipeline.Statuses() {
				if once := from.Advance(news); once.Advance(news) != once {
					t.Errorf("%s: %s twice gives %s, once gives %s", from, news, once.Advance(news), once)
				}
			}
		}
	})
	t.Run("An end is reached whatever the order of news.", func(t *testing.T) {
		news := []pipeline.Status{pipeline.Verified, pipeline.Pending, pipeline.InReview, pipeline.OptedOut}
		for range news {
			news = append(news[1:], news[0])
			s := pipeline.Pending
			for _, n := range news {
				s = s.Advance(n)
			}
			if s != pipeline.Verified {
				t.Errorf("news %v lead to %s", news, s)
			}
		}
	})
}

func TestStatusesAreAllOfThem(t *testing.T) {
	want := []pipeline.Status{pipeline.Pending, pipeline.InReview, pipeline.Verified, pipeline.Rejected, pipeline.OptedOut, pipeline.Erased}
	if got := pipeline.Statuses(); !slices.Equal(got, want) {
		t.Errorf("Statuses = %v, want %v", got, want)
	}
}

func TestLocation(t *testing.T) {
	for _, c := range []struct {
		name    string
		zone    string
		country pipeline.Country
		want    string
	}{
		{"A user's own zone.", "America/Tijuana", pipeline.MX, "America/Tijuana"},
		{"A user may live abroad.", "Europe/Madrid", pipeline.DO, "Europe/Madrid"},
		{"No zone is Mexico City in Mexico, not UTC.", "", pipeline.MX, "America/Mexico_City"},
		{"No zone is Santo Domingo in the Dominican Republic.", "", pipeline.DO, "America/Santo_Domingo"},
		{"A zone that nobody knows is the country's.", "Mars/Olympus_Mons", pipeline.DO, "America/Santo_Domingo"},
		{"A path is no zone.", "../../etc/passwd", pipeline.MX, "America/Mexico_City"},
		{"A country that nobody knows is Mexico.", "", "ZZ", "America/Mexico_City"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (pipeline.User{TimeZone: c.zone, Country: c.country}).Location().String(); got != c.want {
				t.Errorf("Location = %s, want %s", got, c.want)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	for _, c := range []struct {
		country pipeline.Country
		locale  pipeline.Locale
		zone    string
	}{
		{pipeline.MX, "es-MX", "America/Mexico_City"},
		{pipeline.DO, "es-DO", "America/Santo_Domingo"},
	} {
		if got := pipeline.DefaultLocale(c.country); got != c.locale {
			t.Errorf("the locale of %s is %s, want %s", c.country, got, c.locale)
		}
		if got := pipeline.DefaultTimeZone(c.country); got != c.zone {
			t.Errorf("the zone of %s is %s, want %s", c.country, got, c.zone)
		}
	}
}

func TestStepsAreAllOfThem(t *testing.T) {
	want := []pipeline.Step{pipeline.Invite, pipeline.Reminder, pipeline.Reissue}
	if got := pipeline.Steps(); !slices.Equal(got, want) {
		t.Errorf("Steps = %v, want %v", got, want)
	}
}
