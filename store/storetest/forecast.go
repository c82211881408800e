package storetest

import (
	"time"

	"alta/pipeline"
	"alta/store"
)

func (f *fixture) wantForecast(from, until time.Time, want ...store.ForecastHour) {
	f.t.Helper()
	got, err := f.Forecast(f.t.Context(), from, until)
	f.must(err)
	equal(f, "forecast", append([]store.ForecastHour{}, got...), append([]store.ForecastHour{}, want...))
}

func forecastBehaviours() []behaviour {
	return []behaviour{
		{"what falls due counts by hour, country and step", func(f *fixture) {
			f.wantForecast(f.now, f.now.Add(24*time.Hour))
			f.enrol(person("ana", pipeline.MX), person("bob", pipeline.MX), person("cid", pipeline.DO))
			q := f.run()
			for _, d := range f.pull(q, 2).Deliveries { // one of each country
				f.send(q, &d)
			}
			f.resend("ana", pipeline.Reissue)
			now, tomorrow := f.now, f.now.Add(24*time.Hour)
			f.wantForecast(now, tomorrow.Add(time.Hour),
				store.ForecastHour{Hour: now, Country: pipeline.MX, Step: pipeline.Invite, Mails: 1},
				store.ForecastHour{Hour: now, Country: pipeline.MX, Step: pipeline.Reissue, Operator: true, Mails: 1},
				store.ForecastHour{Hour: tomorrow, Country: pipeline.DO, Step: pipeline.Reminder, Mails: 1},
			)
			f.wantForecast(now, tomorrow, // whose hour is not reached
				store.ForecastHour{Hour: now, Country: pipeline.MX, Step: pipeline.Invite, Mails: 1},
				store.ForecastHour{Hour: now, Country: pipeline.MX, Step: pipeline.Reissue, Operator: true, Mails: 1},
			)
		}},
		{"what was due before counts in the first hour, which is a whole one", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			start := f.now
			f.now = f.now.Add(90 * time.Minute)
			f.enrol(person("bob", pipeline.MX))
			f.wantForecast(f.now.Add(5*time.Minute), f.now.Add(6*time.Minute),
				store.ForecastHour{Hour: start.Add(time.Hour), Country: pipeline.MX, Step: pipeline.Invite, Mails: 2})
		}},
		{"what is claimed, held, sent or cancelled falls due no more", func(f *fixture) {
			f.oneOfEach() // two are due now
			q := f.run()
			b := f.pull(q, 2)
			f.wantForecast(f.now, f.now.Add(48*time.Hour))
			v := f.record(q, &b.Deliveries[0], &pipeline.Fault{Kind: pipeline.Retry, Code: "later"})
			f.must(q.Record(f.t.Context(), &b.Deliveries[1], pipeline.PutBack(&b.Deliveries[1], b.Deliveries[1].DueAt), f.now))
			hours, err := f.Forecast(f.t.Context(), f.now, f.now.Add(48*time.Hour))
			f.must(err)
			sum := 0
			for _, h := range hours {
				sum += h.Mails
			}
			equal(f, "mails", sum, 2)
			equal(f, "the retry is soon", v.DueAt.Before(f.now.Add(48*time.Hour)), true)
		}},
		{"who is due at another time is told by the list of what is due", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			equal(f, "due now", f.due(0), []string{})
			ds, err := f.Due(f.t.Context(), f.now.Add(24*time.Hour), 10)
			f.must(err)
			equal(f, "due tomorrow", users(ds), []string{"ana"})
		}},
	}
}
