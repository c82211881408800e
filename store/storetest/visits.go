package storetest

import (
	"time"

	"alta/pipeline"
	"alta/store"
)

func (f *fixture) visit(d *pipeline.Delivery, k pipeline.VisitKind, n int, at time.Time) {
	f.t.Helper()
	f.must(f.CountVisits(f.t.Context(), []pipeline.Visit{{LinkID: d.Link.ID, Kind: k, N: n, At: at}}))
}

func (f *fixture) wantVisits(id string, want ...store.VisitRecord) {
	f.t.Helper()
	got, err := f.Visits(f.t.Context(), id)
	f.must(err)
	equal(f, "visits of "+id, append([]store.VisitRecord{}, got...), append([]store.VisitRecord{}, want...))
}

func visitBehaviours() []behaviour {
	return []behaviour{
		{"visits add up by link, kind and hour", func(f *fixture) {
			d := f.invited("ana")
			at := time.Date(2026, time.March, 3, 9, 59, 0, 0, time.UTC)
			f.visit(d, pipeline.Scanned, 2, at)
			f.visit(d, pipeline.Scanned, 3, at.Add(30*time.Second))
			f.visit(d, pipeline.Scanned, 1, at.Add(-time.Minute)) // told late
			f.visit(d, pipeline.Opened, 1, at)
			f.visit(d, pipeline.Scanned, 1, at.Add(time.Minute))
			nine, ten := time.Date(2026, time.March, 3, 9, 0, 0, 0, time.UTC), time.Date(2026, time.March, 3, 10, 0, 0, 0, time.UTC)
			f.wantVisits("ana",
				store.VisitRecord{Kind: pipeline.Scanned, Hour: nine, N: 6, FirstAt: at.Add(-time.Minute), LastAt: at.Add(30 * time.Second), Step: pipeline.Invite, Round: 1},
				store.VisitRecord{Kind: pipeline.Opened, Hour: nine, N: 1, FirstAt: at, LastAt: at, Step: pipeline.Invite, Round: 1},
				store.VisitRecord{Kind: pipeline.Scanned, Hour: ten, N: 1, FirstAt: ten, LastAt: ten, Step: pipeline.Invite, Round: 1},
			)
			f.wantVisits("nobody")
		}},
		{"each mail's visits are its own", func(f *fixture) {
			old := f.invited("ana")
			f.enrol(person("bob", pipeline.MX))
			other := f.mailTicket()
			f.mark("bob", pipeline.Verified)
			f.now = f.now.Add(24 * time.Hour)
			fresh := f.mailTicket()
			at := f.now.Truncate(time.Hour)
			f.must(f.CountVisits(f.t.Context(), []pipeline.Visit{
				{LinkID: fresh.Link.ID, Kind: pipeline.Minted, N: 1, At: at.Add(time.Minute)},
				{LinkID: other.Link.ID, Kind: pipeline.Turned, N: 1, At: at},
				{LinkID: old.Link.ID, Kind: pipeline.Reused, N: 1, At: at},
			}))
			f.wantVisits("ana",
				store.VisitRecord{Kind: pipeline.Reused, Hour: at, N: 1, FirstAt: at, LastAt: at, Step: pipeline.Invite, Round: 1},
				store.VisitRecord{Kind: pipeline.Minted, Hour: at, N: 1, FirstAt: at.Add(time.Minute), LastAt: at.Add(time.Minute), Step: pipeline.Reminder, Round: 1},
			)
			f.wantVisits("bob", store.VisitRecord{Kind: pipeline.Turned, Hour: at, N: 1, FirstAt: at, LastAt: at, Step: pipeline.Invite, Round: 1})
		}},
		{"a visit to a link that is gone is dropped, and the others count", func(f *fixture) {
			d := f.invited("ana")
			f.must(f.CountVisits(f.t.Context(), []pipeline.Visit{
				{LinkID: d.Link.ID + 99, Kind: pipeline.Opened, N: 1, At: f.now},
				{LinkID: d.Link.ID, Kind: pipeline.Turned, N: 1, At: f.now},
			}))
			f.wantVisits("ana", store.VisitRecord{Kind: pipeline.Turned, Hour: f.now, N: 1, FirstAt: f.now, LastAt: f.now, Step: pipeline.Invite, Round: 1})
		}},
		{"no visits are no trouble", func(f *fixture) {
			f.must(f.CountVisits(f.t.Context(), nil))
		}},
		{"a user has opened the link since the first visit of a person, and once", func(f *fixture) {
			d := f.invited("ana")
			for i, k := range []pipeline.VisitKind{pipeline.Scanned, pipeline.Turned} {
				f.visit(d, k, 1, f.now.Add(time.Duration(i)*time.Minute))
				equal(f, "opened by "+string(k), f.find("ana").OpenedAt, time.Time{})
			}
			first := f.now.Add(time.Hour)
			f.must(f.CountVisits(f.t.Context(), []pipeline.Visit{
				{LinkID: d.Link.ID, Kind: pipeline.Minted, N: 1, At: first.Add(time.Minute)},
				{LinkID: d.Link.ID, Kind: pipeline.Opened, N: 1, At: first},
			}))
			equal(f, "opened", f.find("ana").OpenedAt, first)
			f.visit(d, pipeline.Reused, 1, first.Add(time.Hour))
			equal(f, "opened again", f.find("ana").OpenedAt, first)
		}},
		{"whoever mints or uses a session has opened the link", func(f *fixture) {
			for _, k := range []pipeline.VisitKind{pipeline.Minted, pipeline.Reused} {
				d := f.invited(string(k))
				f.visit(d, k, 1, f.now)
				equal(f, "opened", f.find(string(k)).OpenedAt, f.now)
				f.mark(string(k), pipeline.Verified)
			}
		}},
	}
}
