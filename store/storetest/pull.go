package storetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"alta/pipeline"
	"alta/store"
)

// enrolMany adds n users of a country, each due a millisecond after the one
// before, and moves the clock to where all of them are due.
func (f *fixture) enrolMany(c pipeline.Country, n int) (ids []string) {
	f.t.Helper()
	for i := range n {
		u := person(fmt.Sprintf("%s-%02d", c, i), c)
		f.enrol(u)
		ids = append(ids, u.ID)
		f.now = f.now.Add(time.Millisecond)
	}
	return ids
}

func pullBehaviours() []behaviour {
	return []behaviour{
		{"a delivery carries its user, its history and the number of the attempt", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			sentAt := f.now
			f.mail()
			f.now = f.now.Add(24 * time.Hour)
			d := f.claim(f.run())
			equal(f, "user", d.User, f.find("ana").User)
			equal(f, "history", d.History, pipeline.History{Mails: 1, InvitedAt: sentAt, LastAt: sentAt, LinkExpiresAt: sentAt.Add(linkTTL)})
			equal(f, "step", d.Step, pipeline.Reminder)
			equal(f, "round", d.Round, 1)
			equal(f, "attempt", d.Attempt, 1)
			equal(f, "due time", d.DueAt, f.now)
		}},
		{"nothing comes before it is due", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			due := f.now
			f.now = due.Add(-time.Millisecond)
			equal(f, "a moment before", users(f.pull(q, 10).Deliveries), []string{})
			f.now = due
			equal(f, "at the moment", users(f.pull(q, 10).Deliveries), []string{"ana"})
		}},
		{"the oldest come first", func(f *fixture) {
			ids := f.enrolMany(pipeline.MX, 6)
			q := f.run()
			got := []string{}
			for range 3 {
				got = append(got, users(f.pull(q, 4).Deliveries)...)
			}
			equal(f, "order", got, ids)
		}},
		{"what an operator asked for comes before everything else", func(f *fixture) {
			f.enrolMany(pipeline.MX, 3)
			f.enrolMany(pipeline.DO, 3)
			f.resend("DO-02", pipeline.Invite)
			b := f.pull(f.run(), 3)
			equal(f, "first", b.Deliveries[0].User.ID, "DO-02")
			equal(f, "operator", b.Deliveries[0].Operator, true)
		}},
		{"countries share a batch fairly", func(f *fixture) {
			f.enrolMany(pipeline.MX, 10)
			f.enrolMany(pipeline.DO, 10)
			got := users(f.pull(f.run(), 4).Deliveries)
			slices.Sort(got)
			equal(f, "batch", got, []string{"DO-00", "DO-01", "MX-00", "MX-01"})
		}},
		{"a country alone fills a batch", func(f *fixture) {
			ids := f.enrolMany(pipeline.DO, 4)
			equal(f, "batch", users(f.pull(f.run(), 4).Deliveries), ids)
		}},
		{"a delivery knows how many mails of its step the user got before", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mark("ana", pipeline.Rejected)
			f.mark("ana", pipeline.Pending)
			d := f.mail()
			equal(f, "round", d.Round, 2)
			equal(f, "nth", d.Nth, 1)
			f.plan.Reminders = nil
			f.now = f.now.Add(linkTTL)
			f.resend("ana", pipeline.Reissue)
			f.mail()
			f.now = f.now.Add(linkTTL)
			equal(f, "nth re-issue", f.claim(f.run()).Nth, 2)
		}},
		{"never more than n are claimed", func(f *fixture) {
			f.enrolMany(pipeline.MX, 5)
			f.enrolMany(pipeline.DO, 5)
			for _, id := range []string{"MX-00", "MX-01", "DO-00"} {
				f.resend(id, pipeline.Invite)
			}
			q := f.run()
			total := 0
			for n := 0; n <= 5; n++ {
				got := len(f.pull(q, n).Deliveries)
				if got > n {
					f.t.Fatalf("claimed %d, want at most %d", got, n)
				}
				total += got
			}
			equal(f, "claimed in all", total, 10)
		}},
		{"pulling until dry claims everything exactly once, from several goroutines too", pulledExactlyOnce},
		{"a claimed delivery is not pulled again", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.claim(f.run())
			f.wantDeliveries("ana", "invite 1 claimed")
			equal(f, "second pull", users(f.pull(f.run(), 10).Deliveries), []string{})
		}},
		{"a queue for operators yields only what they asked for", func(f *fixture) {
			f.enrolMany(pipeline.MX, 3)
			f.resend("MX-01", pipeline.Invite)
			q := f.runOf(store.OperatorsOnly)
			equal(f, "first", users(f.pull(q, 10).Deliveries), []string{"MX-01"})
			equal(f, "then", users(f.pull(q, 10).Deliveries), []string{})
		}},
		{"a retry carries the usable link of the attempt before", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			first := d.Link
			f.until(f.record(q, d, &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1"}).DueAt)
			again := f.claim(q)
			equal(f, "link", again.Link, first)
			equal(f, "attempt", again.Attempt, 2)
			equal(f, "code before", again.LastCode, "smtp.4.2.1")
		}},
		{"an expired link of the attempt before is superseded by a fresh one", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.begin(q, d)
			old := d.Link
			f.until(f.record(q, d, &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1"}).DueAt.Add(linkTTL))
			d = f.claim(q)
			d.Link = pipeline.Link{}
			f.send(q, d)
			equal(f, "fresh", d.Link.ID != old.ID && !d.Link.URL.Equal(old.URL), true)
			equal(f, "link times", f.deliveries("ana")[0].Link, store.LinkRecord{IssuedAt: f.now, ExpiresAt: f.now.Add(linkTTL)})
		}},
	}
}

func pulledExactlyOnce(f *fixture) {
	want := append(f.enrolMany(pipeline.MX, 40), f.enrolMany(pipeline.DO, 3)...)
	q := f.run()
	var mu sync.Mutex
	var got []string
	var pullers sync.WaitGroup
	for range 4 {
		pullers.Go(func() {
			for {
				b, err := q.Pull(f.t.Context(), f.now, 5)
				if err != nil {
					f.t.Error(err)
					return
				}
				if len(b.Deliveries) == 0 {
					return
				}
				mu.Lock()
				got = append(got, users(b.Deliveries)...)
				mu.Unlock()
			}
		})
	}
	pullers.Wait()
	slices.Sort(got)
	slices.Sort(want)
	equal(f, "claimed", got, want)
}
