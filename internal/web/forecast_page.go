package web

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"alta/pipeline"
)

const (
	mostDryMails  = 200
	forecastHours = 24
	mostAhead     = 366 * 24 * time.Hour
	// localTime is how a browser sends an <input type="datetime-local">.
	localTime = "2006-01-02T15:04"
)

// ForecastPage shows what is to come.
type ForecastPage struct {
	Pages *Pages
	From  Forecaster
}

// forecastView is what the page Forecast shows.
type forecastView struct {
	Hours       []forecastRow
	Sum         forecastRow
	Chart       Picture
	At          string // in the form
	Least, Most string // of the form
	Run         *DryRun
	Sent, Waits int // of the mails that are shown
}

// forecastRow counts the mails of one hour.
type forecastRow struct {
	Hour                         time.Time
	Invites, Reminders, Reissues int
	Operator                     int // of all of them
}

// All is the number of mails.
func (r forecastRow) All() int { return r.Invites + r.Reminders + r.Reissues }

func forecastScreen() Screen {
	return Screen{
		Name: "forecast", Section: SectionForecast,
		Title:   func(w *Words, _ any) string { return w.Shell.Forecast },
		Samples: forecastSamples,
	}
}

// Show answers GET /forecast, and with a time in "at" a dry run besides.
func (f *ForecastPage) Show(w http.ResponseWriter, r *http.Request) {
	p, now := f.Pages, f.Pages.options.Now()
	hours, err := f.From.Forecast(r.Context())
	if err != nil {
		p.Fail(w, r, "read the forecast", err)
		return
	}
	v, err := newForecastView(hours, p.lookOf(r), now)
	if err != nil {
		p.Fail(w, r, "draw the forecast", err)
		return
	}
	if text := r.URL.Query().Get("at"); text != "" {
		at, ok := parseLocal(text, p.options.Zone, now)
		if !ok {
			p.Refuse(w, r, p.Words(r).Forecast.BadTime)
			return
		}
		run, err := f.From.DryRun(r.Context(), at, mostDryMails)
		if err != nil {
			p.Fail(w, r, "make a dry run", err)
			return
		}
		v.addRun(run, at.In(p.options.Zone).Format(localTime))
	}
	p.Show(w, r, http.StatusOK, "forecast", v)
}

// parseLocal reads a time of the form, on the clock of the schedule. One that is
// past is now: a run can't be made in the past.
func parseLocal(text string, zone *time.Location, now time.Time) (time.Time, bool) {
	at, err := time.ParseInLocation(localTime, text, zone)
	if err != nil {
		at, err = time.ParseInLocation(localTime+":05", text, zone) // some browsers send seconds
	}
	if err != nil || at.After(now.Add(mostAhead)) {
		return time.Time{}, false
	}
	if at.Before(now) {
		at = now
	}
	return at, true
}

func newForecastView(hours []ForecastHour, k *look, now time.Time) (forecastView, error) {
	zone := k.format.zone
	v := forecastView{
		At: now.In(zone).Format(localTime), Least: now.In(zone).Format(localTime), Most: now.Add(mostAhead).In(zone).Format(localTime),
	}
	first := now.Truncate(time.Hour)
	for i := range forecastHours {
		v.Hours = append(v.Hours, forecastRow{Hour: first.Add(time.Duration(i) * time.Hour)})
	}
	for _, h := range hours {
		// What is due already falls into the first hour, and what reaches over the end
		// of the day is the next day's.
		i := max(0, int(h.Hour.Sub(first)/time.Hour))
		if i >= len(v.Hours) {
			continue
		}
		v.Hours[i].add(h)
		v.Sum.add(h)
	}
	if v.Sum.All() == 0 {
		return v, nil
	}
	var err error
	v.Chart, err = k.forecastChart(v.Hours, v.Sum.All()).draw()
	return v, err
}

func (r *forecastRow) add(h ForecastHour) {
	switch h.Step {
	case pipeline.Invite:
		r.Invites += h.Mails
	case pipeline.Reminder:
		r.Reminders += h.Mails
	default:
		r.Reissues += h.Mails
	}
	if h.Operator {
		r.Operator += h.Mails
	}
}

func (k *look) forecastChart(rows []forecastRow, all int) barChart {
	w, steps := k.words.Forecast, k.words.Domain.Steps
	c := barChart{ID: "hours", Title: w.ByHour, Desc: fmt.Sprintf(w.ChartDesc, k.format.number(all))}
	invites, reminders, reissues := barSeries{Name: steps["invite"]}, barSeries{Name: steps["reminder"]}, barSeries{Name: steps["reissue"]}
	for _, r := range rows {
		c.Labels = append(c.Labels, k.format.clock(r.Hour))
		invites.Values = append(invites.Values, float64(r.Invites))
		reminders.Values = append(reminders.Values, float64(r.Reminders))
		reissues.Values = append(reissues.Values, float64(r.Reissues))
	}
	c.Series = []barSeries{invites, reminders, reissues}
	return c
}

// addRun shows a dry run: what would be sent first, then what would wait.
func (v *forecastView) addRun(run DryRun, at string) {
	v.At, v.Run = at, &run
	slices.SortStableFunc(run.Mails, func(a, b DryMail) int {
		switch {
		case a.Wait == WaitNone && b.Wait != WaitNone:
			return -1
		case a.Wait != WaitNone && b.Wait == WaitNone:
			return 1
		}
		return 0
	})
	for _, m := range run.Mails {
		if m.Wait == WaitNone {
			v.Sent++
		}
	}
	v.Waits = len(run.Mails) - v.Sent
}

func forecastSamples() []any {
	now := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	words := wordsOf(English)
	k := &look{language: English, words: words, format: newFormat(English, words, time.UTC)}
	full, err := newForecastView([]ForecastHour{{now, pipeline.MX, pipeline.Invite, false, 3}, {now, pipeline.DO, pipeline.Reissue, true, 1}}, k, now)
	if err != nil {
		return []any{err} // the page can't be written with it, which stops the program
	}
	empty := forecastView{}
	nothing, run := full, DryRun{At: now, Due: 300}
	for _, w := range []Wait{WaitHours, WaitNone, WaitPlan, WaitPause, WaitCancel, "new"} {
		run.Mails = append(run.Mails, DryMail{UserID: "u", Name: "sample", Step: pipeline.Invite, Country: pipeline.MX, DueAt: now, Wait: w, Until: now, Operator: true})
	}
	full.addRun(run, "")
	nothing.addRun(DryRun{At: now}, "")
	return []any{empty, nothing, full}
}
