package storetest

import (
	"slices"
	"time"

	"alta/pipeline"
	"alta/store"
)

func outage() error {
	return &pipeline.Fault{Kind: pipeline.Outage, Code: "capa.key", Reason: "the key was refused", After: 5 * time.Minute}
}

func templateMissing(c pipeline.Country) error {
	return &pipeline.Fault{Kind: pipeline.Hold, Country: c, Code: "capa.template", Reason: "no template"}
}

// meet pulls the first delivery that is due and records what it met.
func (f *fixture) meet(q Queue, err error) {
	f.t.Helper()
	b := f.pull(q, 1)
	if len(b.Deliveries) != 1 {
		f.t.Fatalf("pulled %v, want one delivery", users(b.Deliveries))
	}
	f.record(q, &b.Deliveries[0], err)
}

func (f *fixture) pauses() []pipeline.Pause {
	f.t.Helper()
	_, got, err := f.QueueStatus(f.t.Context(), f.now)
	f.must(err)
	return got
}

func pauseBehaviours() []behaviour {
	return []behaviour{
		{"an outage stops everything until its probe", func(f *fixture) {
			f.enrolMany(pipeline.MX, 3)
			f.enrolMany(pipeline.DO, 3)
			q := f.run()
			f.meet(q, outage())
			want := []pipeline.Pause{{Code: "capa.key", Reason: "the key was refused", Minting: true, Since: f.now, ProbeAt: f.now.Add(5 * time.Minute)}}
			equal(f, "pauses", f.pauses(), want)

			f.now = f.now.Add(5*time.Minute - time.Millisecond)
			b := f.pull(q, 10)
			equal(f, "before the probe", users(b.Deliveries), []string{})
			equal(f, "pauses of the batch", b.Pauses, want)

			f.now = f.now.Add(time.Millisecond)
			b = f.pull(q, 10)
			equal(f, "probes", len(b.Deliveries), 1)
			equal(f, "is a probe", b.Probe, true)
		}},
		{"a pause that was met while the clock was ahead is probed at once", func(f *fixture) {
			f.enrolMany(pipeline.MX, 2)
			f.now = f.now.Add(24 * time.Hour)
			q := f.run()
			f.meet(q, outage())
			f.now = f.now.Add(-24 * time.Hour)
			due, err := f.Due(f.t.Context(), f.now, 0)
			f.must(err)
			equal(f, "due", len(due), 2)
			equal(f, "probes", len(f.pull(q, 10).Deliveries), 1)
		}},
		{"a country's pause that was met while the clock was ahead is probed at once", func(f *fixture) {
			f.enrolMany(pipeline.MX, 2)
			f.now = f.now.Add(24 * time.Hour)
			q := f.run()
			f.meet(q, templateMissing(pipeline.MX))
			f.now = f.now.Add(-24 * time.Hour)
			equal(f, "probes", len(f.pull(q, 10).Deliveries), 1)
		}},
		{"a sent probe lifts an outage", func(f *fixture) {
			f.enrolMany(pipeline.MX, 3)
			q := f.run()
			f.meet(q, outage())
			f.now = f.now.Add(5 * time.Minute)
			b := f.pull(q, 10)
			f.send(q, &b.Deliveries[0])
			equal(f, "pauses", len(f.pauses()), 0)
			b = f.pull(q, 2)
			equal(f, "is a probe", b.Probe, false)
			if len(b.Deliveries) == 0 {
				f.t.Fatal("nothing is pulled after the outage")
			}
		}},
		{"a probe that fails again moves the next one and keeps since when", func(f *fixture) {
			f.enrolMany(pipeline.MX, 3)
			q := f.run()
			since := f.now
			f.meet(q, outage())
			f.now = f.now.Add(5 * time.Minute)
			f.meet(q, outage())
			equal(f, "pauses", f.pauses(), []pipeline.Pause{{Code: "capa.key", Reason: "the key was refused", Minting: true, Since: since, ProbeAt: f.now.Add(5 * time.Minute)}})
		}},
		{"a probe that fails for a reason of its own lifts nothing", func(f *fixture) {
			f.enrolMany(pipeline.MX, 2)
			q := f.run()
			f.meet(q, outage())
			f.now = f.now.Add(5 * time.Minute)
			f.meet(q, refused())
			equal(f, "pauses", len(f.pauses()), 1)
		}},
		{"an operator has an outage probed at once, which is audited", func(f *fixture) {
			f.enrolMany(pipeline.MX, 3)
			by := store.Act{Actor: "token:ana", Reason: "the key is right now"}
			ripe, err := f.ProbeNow(f.t.Context(), by, f.now)
			f.must(err)
			equal(f, "ripe without an outage", ripe, false)
			q := f.run()
			f.meet(q, outage())
			equal(f, "probes before", len(f.pull(q, 10).Deliveries), 0)
			ripe, err = f.ProbeNow(f.t.Context(), by, f.now)
			f.must(err)
			equal(f, "ripe", ripe, true)
			b := f.pull(q, 10)
			equal(f, "probes", len(b.Deliveries), 1)
			page, err := f.AuditPage(f.t.Context(), store.AuditFilter{Limit: 10})
			f.must(err)
			tried := 0
			for _, row := range page {
				if row.Action == store.ActTryNow && row.Actor == by.Actor {
					tried++
				}
			}
			equal(f, "audited", tried, 1)
		}},
		{"a paused country waits and the other goes on", func(f *fixture) {
			f.enrolMany(pipeline.MX, 3)
			do := f.enrolMany(pipeline.DO, 3)
			q := f.run()
			f.meet(q, templateMissing(pipeline.MX))
			b := f.pull(q, 10)
			equal(f, "pulled", users(b.Deliveries), do)
			equal(f, "is a probe", b.Probe, false)
			equal(f, "pauses of the batch", len(b.Pauses), 1)
			f.send(q, &b.Deliveries[0])
			equal(f, "pauses after a mail to the other country", len(f.pauses()), 1)
		}},
		{"a paused country yields one probe at a time beside the other", func(f *fixture) {
			f.enrolMany(pipeline.MX, 5)
			do := f.enrolMany(pipeline.DO, 3)
			q := f.run()
			f.meet(q, templateMissing(pipeline.MX))
			f.now = f.now.Add(time.Hour)
			b := f.pull(q, 10)
			got := users(b.Deliveries)
			equal(f, "is a probe", b.Probe, true)
			equal(f, "pulled", len(got), 1+len(do))
			for _, id := range do {
				equal(f, id+" is pulled", slices.Contains(got, id), true)
			}
			for i := range b.Deliveries {
				if b.Deliveries[i].User.Country == pipeline.MX {
					f.send(q, &b.Deliveries[i])
				}
			}
			equal(f, "pauses after the probe was sent", len(f.pauses()), 0)
		}},
		{"an operator's wish does not pass a pause", func(f *fixture) {
			f.enrolMany(pipeline.MX, 3)
			q := f.run()
			f.meet(q, templateMissing(pipeline.MX))
			f.resend("MX-02", pipeline.Invite)
			equal(f, "pulled", users(f.pull(q, 10).Deliveries), []string{})
			f.now = f.now.Add(time.Hour)
			equal(f, "probes", len(f.pull(q, 10).Deliveries), 1)
		}},
		{"each probe is another user, the one who was touched longest ago", func(f *fixture) {
			all := f.enrolMany(pipeline.MX, 3)
			q := f.run()
			f.meet(q, outage())
			probed := map[string]bool{}
			for range all {
				f.now = f.now.Add(5 * time.Minute)
				b := f.pull(q, 10)
				equal(f, "probes", len(b.Deliveries), 1)
				probed[b.Deliveries[0].User.ID] = true
				equal(f, "what it probes", b.Deliveries[0].Probe.Code, "capa.key")
				f.record(q, &b.Deliveries[0], outage())
			}
			equal(f, "users probed", len(probed), len(all))
		}},
		{"a pause of the businesses of a country leaves its persons alone", func(f *fixture) {
			shop := person("shop", pipeline.MX)
			shop.Type = pipeline.Business
			f.enrol(shop)
			q := f.run()
			f.meet(q, templateMissing(pipeline.MX))
			persons := f.enrolMany(pipeline.MX, 2)
			b := f.pull(q, 10)
			equal(f, "pulled", users(b.Deliveries), persons)
			for i := range b.Deliveries {
				f.send(q, &b.Deliveries[i])
			}
			equal(f, "pauses after mails to persons", len(f.pauses()), 1)
			f.now = f.now.Add(time.Hour)
			equal(f, "probe", users(f.pull(q, 10).Deliveries), []string{"shop"})
		}},
		{"a pause that was shown to be over is lifted", func(f *fixture) {
			f.enrolMany(pipeline.MX, 2)
			q := f.run()
			f.meet(q, outage())
			for _, p := range f.pauses() {
				f.must(f.Lift(f.t.Context(), p))
			}
			equal(f, "pauses", len(f.pauses()), 0)
			equal(f, "pulled", len(f.pull(q, 10).Deliveries), 2)
		}},
		{"the probes of an outage go round all countries", func(f *fixture) {
			ids := append(f.enrolMany(pipeline.DO, 2), f.enrolMany(pipeline.MX, 2)...)
			q := f.run()
			got := []string{}
			for range ids {
				b := f.pull(q, 1)
				got = append(got, users(b.Deliveries)...)
				f.record(q, &b.Deliveries[0], outage())
				f.now = f.now.Add(5 * time.Minute)
			}
			slices.Sort(got)
			equal(f, "tried", got, ids)
		}},
		{"a user who turns out to be a business changes sides", func(f *fixture) {
			f.enrolMany(pipeline.MX, 2)
			q := f.run()
			f.meet(q, templateMissing(pipeline.MX))
			business := person("MX-01", pipeline.MX)
			business.Type = pipeline.Business
			f.enrol(business)
			equal(f, "pulled", users(f.pull(q, 10).Deliveries), []string{"MX-01"})
		}},
		{"a delivery knows the pause that it probes", func(f *fixture) {
			f.enrolMany(pipeline.MX, 1)
			f.enrolMany(pipeline.DO, 1)
			q := f.run()
			f.meet(q, templateMissing(pipeline.MX))
			f.now = f.now.Add(time.Hour)
			want := map[string]*pipeline.Pause{"MX-00": &f.pauses()[0], "DO-00": nil}
			for _, d := range f.pull(q, 10).Deliveries {
				equal(f, "probe of "+d.User.ID, d.Probe, want[d.User.ID])
			}
		}},
		{"probes count towards n", func(f *fixture) {
			f.enrolMany(pipeline.MX, 1)
			f.enrolMany(pipeline.DO, 1)
			q := f.run()
			f.meet(q, templateMissing(pipeline.MX))
			f.meet(q, templateMissing(pipeline.DO))
			f.now = f.now.Add(time.Hour)
			equal(f, "of one", len(f.pull(q, 1).Deliveries), 1)
		}},
		{"two countries may be paused, and an outage on top", func(f *fixture) {
			f.enrolMany(pipeline.MX, 1)
			f.enrolMany(pipeline.DO, 1)
			q := f.run()
			b := f.pull(q, 2)
			for i := range b.Deliveries {
				f.record(q, &b.Deliveries[i], templateMissing(b.Deliveries[i].User.Country))
			}
			f.now = f.now.Add(time.Hour)
			f.meet(q, outage())
			var countries []pipeline.Country
			for _, p := range f.pauses() {
				countries = append(countries, p.Country)
			}
			equal(f, "paused", countries, []pipeline.Country{"", pipeline.DO, pipeline.MX})
		}},
	}
}
