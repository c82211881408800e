package storetest

import (
	"time"

	"alta/pipeline"
	"alta/store"
)

func enrolBehaviours() []behaviour {
	return []behaviour{
		{"a new user gets the defaults of the country and an invite", func(f *fixture) {
			equal(f, "counts", f.enrol(person("ana", pipeline.DO)), store.Enrolled{Added: 1})
			want := person("ana", pipeline.DO)
			want.Locale, want.TimeZone, want.Type, want.Status = pipeline.ESDO, "America/Santo_Domingo", pipeline.Individual, pipeline.Pending
			r := f.find("ana")
			equal(f, "record", r, store.UserRecord{Key: r.Key, User: want, CreatedAt: f.now, UpdatedAt: f.now})
			f.wantDeliveries("ana", "invite 1 due")
			equal(f, "due time", f.latest("ana").DueAt, f.now)
		}},
		{"what a new user's record names wins over the defaults", func(f *fixture) {
			want := pipeline.User{
				ID: "ana", ExternalID: "x-1", Email: "ana@example.com", Name: "Ana", Country: pipeline.MX,
				Locale: pipeline.ESDO, TimeZone: "America/Tijuana", Type: pipeline.Business, Status: pipeline.InReview,
			}
			f.enrol(want)
			equal(f, "user", f.find("ana").User, want)
		}},
		{"a new user who is not pending is owed nothing", func(f *fixture) {
			for _, s := range []pipeline.Status{pipeline.InReview, pipeline.Verified, pipeline.Rejected, pipeline.OptedOut} {
				u := person(string(s), pipeline.MX)
				u.Status = s
				f.enrol(u)
				f.wantDeliveries(u.ID)
			}
		}},
		{"the same records again change nothing", func(f *fixture) {
			batch := []pipeline.User{person("ana", pipeline.MX), person("bob", pipeline.DO)}
			f.enrol(batch...)
			was := f.find("ana")
			f.now = f.now.Add(time.Hour)
			equal(f, "counts", f.enrol(batch...), store.Enrolled{Unchanged: 2})
			equal(f, "record", f.find("ana"), was)
			f.wantDeliveries("ana", "invite 1 due")
		}},
		{"a new name and address are taken over and the delivery stays", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			u := person("ana", pipeline.MX)
			u.Email, u.Name = "ana.maria@example.com", "Ana María"
			equal(f, "counts", f.enrol(u), store.Enrolled{Updated: 1})
			d := f.claim(f.run())
			equal(f, "address", d.User.Email, u.Email)
			equal(f, "name", d.User.Name, u.Name)
			f.wantDeliveries("ana", "invite 1 claimed")
		}},
		{"an empty optional field keeps what is there", func(f *fixture) {
			full := person("ana", pipeline.MX)
			full.ExternalID, full.Locale, full.TimeZone, full.Type, full.Status = "x-1", pipeline.ESDO, "America/Tijuana", pipeline.Business, pipeline.InReview
			f.enrol(full)
			equal(f, "counts", f.enrol(person("ana", pipeline.MX)), store.Enrolled{Unchanged: 1})
			equal(f, "user", f.find("ana").User, full)
		}},
		{"a status only moves forward", statusOnlyMovesForward},
		{"a status that is no longer pending cancels what was due", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			u := person("ana", pipeline.MX)
			u.Status = pipeline.Verified
			f.enrol(u)
			f.wantDeliveries("ana", "invite 1 cancelled")
			equal(f, "code", f.latest("ana").Code, "user_verified")
		}},
		{"an erased user stays erased", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			equal(f, "counts", f.enrol(person("ana", pipeline.MX)), store.Enrolled{Erased: 1})
			r := f.find("ana")
			equal(f, "status", r.User.Status, pipeline.Erased)
			equal(f, "address", r.User.Email, "")
			f.wantDeliveries("ana", "invite 1 cancelled")
		}},
		{"a new country brings its own locale and time zone", func(f *fixture) {
			u := person("ana", pipeline.MX)
			u.TimeZone = "America/Tijuana"
			f.enrol(u)
			f.enrol(person("ana", pipeline.DO))
			equal(f, "locale", f.find("ana").User.Locale, pipeline.ESDO)
			equal(f, "time zone", f.find("ana").User.TimeZone, "America/Santo_Domingo")
			equal(f, "counts", f.enrol(person("ana", pipeline.DO)), store.Enrolled{Unchanged: 1})
		}},
		{"a locale named together with a new country wins", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			u := person("ana", pipeline.DO)
			u.Locale = pipeline.ESMX
			f.enrol(u)
			equal(f, "locale", f.find("ana").User.Locale, pipeline.ESMX)
		}},
		{"a new country takes the open delivery along, even one on the wire", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			f.enrol(person("ana", pipeline.DO))
			d.User.Country = pipeline.DO
			v := f.record(q, d, &pipeline.Fault{Kind: pipeline.Hold, Country: pipeline.DO, Code: "capa.template"})
			f.until(v.DueAt)
			equal(f, "pulled while DO is paused", users(f.pull(q, 10).Deliveries), []string{})
		}},
		{"a new address clears the mark of a bad one and plans the next mail", func(f *fixture) {
			f.badAddress("ana")
			u := person("ana", pipeline.MX)
			u.Email = "ana.maria@example.com"
			f.enrol(u)
			equal(f, "bad", f.find("ana").AddressBad, false)
			f.wantDeliveries("ana", "invite 1 failed", "invite 2 due")
		}},
		{"the same bad address again stays bad", func(f *fixture) {
			f.badAddress("ana")
			equal(f, "counts", f.enrol(person("ana", pipeline.MX)), store.Enrolled{Unchanged: 1})
			equal(f, "bad", f.find("ana").AddressBad, true)
			f.wantDeliveries("ana", "invite 1 failed")
		}},
		{"a new name does not revive a delivery that failed", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			f.record(q, f.claim(q), &pipeline.Fault{Kind: pipeline.Fail, Code: "capa.type"})
			u := person("ana", pipeline.MX)
			u.Name = "Ana María"
			f.enrol(u)
			f.wantDeliveries("ana", "invite 1 failed")
		}},
		{"a user who stands in a batch twice is added once", func(f *fixture) {
			again := person("ana", pipeline.MX)
			again.Name = "Ana María"
			equal(f, "counts", f.enrol(person("ana", pipeline.MX), again, again), store.Enrolled{Added: 1, Updated: 1, Unchanged: 1})
			equal(f, "name", f.find("ana").User.Name, "Ana María")
			f.wantDeliveries("ana", "invite 1 due")
		}},
		{"a batch with a record that can't be kept is undone as a whole", func(f *fixture) {
			counts, err := f.Enrol(f.t.Context(), []pipeline.User{person("ana", pipeline.MX), person("bob", "XX")}, store.Imported, f.next, f.now)
			if err == nil {
				f.t.Fatal("a user of country XX was enrolled")
			}
			equal(f, "counts", counts, store.Enrolled{})
			_, err = f.Find(f.t.Context(), "ana")
			f.wantNotFound(err)
		}},
		{"an empty batch changes nothing", func(f *fixture) {
			equal(f, "counts", f.enrol(), store.Enrolled{})
		}},
	}
}

func statusOnlyMovesForward(f *fixture) {
	for _, c := range []struct{ was, news, is pipeline.Status }{
		{pipeline.Pending, pipeline.InReview, pipeline.InReview},
		{pipeline.Pending, pipeline.OptedOut, pipeline.OptedOut},
		{pipeline.InReview, pipeline.Pending, pipeline.InReview},
		{pipeline.InReview, pipeline.Rejected, pipeline.Rejected},
		{pipeline.Verified, pipeline.Pending, pipeline.Verified},
		{pipeline.Rejected, pipeline.Verified, pipeline.Rejected},
		{pipeline.OptedOut, pipeline.Pending, pipeline.OptedOut},
	} {
		u := person(string(c.was+"-"+c.news), pipeline.MX)
		u.Status = c.was
		f.enrol(u)
		u.Status = c.news
		f.enrol(u)
		equal(f, string(c.was)+" on news of "+string(c.news), f.find(u.ID).User.Status, c.is)
	}
}

// badAddress enrols a user whose invite the mail server refused for good.
func (f *fixture) badAddress(id string) {
	f.t.Helper()
	f.enrol(person(id, pipeline.MX))
	q := f.run()
	d := f.claim(q)
	f.begin(q, d)
	f.record(q, d, refused())
}
