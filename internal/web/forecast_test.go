package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"alta/pipeline"
)

// fakeForecast has mails in most hours, and notes which dry run was asked for.
type fakeForecast struct {
	hours []ForecastHour
	run   DryRun
	at    time.Time
	most  int
}

func (f *fakeForecast) Forecast(context.Context) ([]ForecastHour, error) { return f.hours, nil }

func (f *fakeForecast) DryRun(_ context.Context, at time.Time, most int) (DryRun, error) {
	f.at, f.most = at, most
	run := f.run
	run.At = at
	return run, nil
}

func busyForecast() *fakeForecast {
	f := &fakeForecast{}
	first := pageNow().Truncate(time.Hour)
	for i := range 26 {
		hour := first.Add(time.Duration(i-1) * time.Hour) // one before, and one behind
		if local := (hour.UTC().Hour() + 18) % 24; local < 9 || local > 19 {
			continue
		}
		f.hours = append(f.hours, ForecastHour{hour, pipeline.MX, pipeline.Invite, false, 40 + i*7%31},
			ForecastHour{hour, pipeline.MX, pipeline.Reminder, false, 300 + i*53%211}, ForecastHour{hour, pipeline.DO, pipeline.Reissue, i%7 == 0, 12 + i})
	}
	f.run.Due = 412
	waits := []Wait{WaitHours, WaitNone, WaitNone, WaitPlan, WaitNone, WaitPause, WaitCancel}
	for i := range 14 {
		m := DryMail{
			UserID: fmt.Sprintf("8f14e45f-ceea-467f-a0e6-0d1f4b1a9b%02d", i), Name: "María Fernández", Email: fmt.Sprintf("maria.%d@correo.example", i),
			Country: pipeline.MX, Step: pipeline.Steps()[i%3], Round: 1 + i%2, DueAt: pageNow().Add(time.Duration(i) * time.Minute), Wait: waits[i%7], Operator: i == 1,
		}
		if m.Wait == WaitHours || m.Wait == WaitPlan {
			m.Until = pageNow().Add(14 * time.Hour)
		}
		f.run.Mails = append(f.run.Mails, m)
	}
	f.run.Mails[4].Name, f.run.Mails[4].Email, f.run.Mails[4].UserID = hostile, strings.Repeat("long", 16)+"@"+strings.Repeat("sub.", 45)+"example", `../"><b>`
	return f
}

func TestForecastLooks(t *testing.T) {
	for name, f := range map[string]*fakeForecast{"busy": busyForecast(), "empty": {}} {
		for _, l := range Languages() {
			page := &ForecastPage{operatorPages(t, false), f}
			response, text := browse(t, http.HandlerFunc(page.Show), "GET", "/forecast?at=2026-11-25T09:30", l, "")
			if response.StatusCode != http.StatusOK {
				t.Errorf("status %d", response.StatusCode)
			}
			goldenPage(t, page.Pages, "forecast-"+name+"-"+string(l)+".html", text)
			checkHostile(t, text)
			checkActs(t, text, false)
		}
	}
}

// The time of the form is on the clock of the schedule, which is six hours behind.
func TestDryRunAt(t *testing.T) {
	for _, tt := range []struct {
		sentence, at string
		want         string // "" is refused
	}{
		{"a time to come", "2026-11-25T09:30", "2026-11-25T15:30:00Z"},
		{"with seconds", "2026-11-25T09:30:15", "2026-11-25T15:30:15Z"},
		{"a time that is past is now", "2020-01-01T00:00", "2026-11-24T18:05:09Z"},
		{"a year ahead", "2027-11-25T12:05", "2027-11-25T18:05:00Z"},
		{"too far ahead", "2028-01-01T00:00", ""},
		{"no time at all", "tomorrow", ""},
		{"a month that is none", "2026-13-01T00:00", ""},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			f := &fakeForecast{}
			page := &ForecastPage{operatorPages(t, true), f}
			response, _ := browse(t, http.HandlerFunc(page.Show), "GET", "/forecast?at="+url.QueryEscape(tt.at), English, "")
			if tt.want == "" {
				if response.StatusCode != http.StatusBadRequest || !f.at.IsZero() {
					t.Errorf("status %d, a run at %v", response.StatusCode, f.at)
				}
				return
			}
			if got := f.at.UTC().Format(time.RFC3339); response.StatusCode != http.StatusOK || got != tt.want || f.most != mostDryMails {
				t.Errorf("status %d, a run at %s of %d mails, want %s", response.StatusCode, got, f.most, tt.want)
			}
		})
	}
}
