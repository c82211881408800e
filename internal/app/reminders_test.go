package app

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

// planned is one mail as the plan sees it.
type planned struct {
	After time.Duration // since the first mail
	Step  pipeline.Step
}

// The whole sequence of a month, on a clock that the test moves.
func TestPlanOverAMonth(t *testing.T) {
	onEachEngine(t, testPlanOverAMonth)
}

func testPlanOverAMonth(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings []string
		want     []planned
	}{
		{"the default plan: reminders, then fresh links, to the most of six", nil, []planned{
			{0, pipeline.Invite}, {24 * time.Hour, pipeline.Reminder}, {48 * time.Hour, pipeline.Reissue},
			{72 * time.Hour, pipeline.Reminder}, {96 * time.Hour, pipeline.Reissue}, {120 * time.Hour, pipeline.Reissue},
		}},
		{"long links need no re-issue between the reminders", []string{`capa.link_ttl = "240h"`, "plan.max_mails = 5"}, []planned{
			{0, pipeline.Invite}, {24 * time.Hour, pipeline.Reminder}, {72 * time.Hour, pipeline.Reminder},
			{168 * time.Hour, pipeline.Reminder}, {408 * time.Hour, pipeline.Reissue},
		}},
		{"without re-issue only reminders follow", []string{"plan.reissue_on_expiry = false"}, []planned{
			{0, pipeline.Invite}, {24 * time.Hour, pipeline.Reminder}, {72 * time.Hour, pipeline.Reminder}, {168 * time.Hour, pipeline.Reminder},
		}},
		{"one mail at most is one mail", []string{"plan.max_mails = 1"}, []planned{{0, pipeline.Invite}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
			start := clock.now()
			w := newWorld(t, clock.now, test.settings...)
			w.alta(0, "users", "add", "--id", "u-ana", "--email", "ana@correo.example", "--name", "Ana Torres", "--country", "MX")
			w.follow(clock, 30*24*time.Hour)
			mails, mints := w.mailsTo("ana@correo.example"), w.minted("u-ana")
			if len(mails) != len(mints) {
				t.Fatalf("%d mails and %d links", len(mails), len(mints))
			}
			for i, m := range mails {
				readMail(t, m).wantLink(t, mints[i])
			}
			got := w.sent("u-ana", start)
			if len(got) != len(mails) {
				t.Errorf("%d mails came in, the ledger knows %d", len(mails), len(got))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("mails (-want +got):\n%s", diff)
			}
		})
	}
}

// follow moves the clock from one due time to the next and makes a run at each;
// a second before each nothing may be due yet.
func (w *world) follow(clock *testClock, howLong time.Duration) {
	w.t.Helper()
	end := clock.now().Add(howLong)
	for {
		w.run(0)
		var status statusJSON
		check(w.t, json.Unmarshal([]byte(w.alta(0, "status", "--json")), &status))
		next := status.Queue.NextDue
		if next == nil || next.After(end) {
			return
		}
		clock.advance(next.Sub(clock.now()) - time.Second)
		if due := w.alta(0, "run", "--dry-run", "--json"); due != "[]\n" {
			w.t.Fatalf("a second before it was due: %s", due)
		}
		clock.advance(time.Second)
	}
}

// sent is what the ledger says of the mails to a user.
func (w *world) sent(user string, start time.Time) []planned {
	w.t.Helper()
	var x explainJSON
	check(w.t, json.Unmarshal([]byte(w.alta(0, "explain", user, "--json")), &x))
	var all []planned
	for _, d := range x.Deliveries {
		if d.State == pipeline.Sent {
			all = append(all, planned{d.Attempts[len(d.Attempts)-1].At.Sub(start), d.Step})
		}
	}
	return all
}

// Sending hours are the user's own, and the night's mails go out in the morning.
func TestSendingHoursAreTheUsersOwn(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testSendingHoursAreTheUsersOwn)
}

func testSendingHoursAreTheUsersOwn(t *testing.T) {
	clock := &testClock{at: moment(t, "2026-03-03T05:30:00Z")} // 23:30 in Mexico City, 01:30 in Santo Domingo
	w := newWorld(t, clock.now, `plan.sending_hours = "09:00-20:00"`)
	w.write("users.csv", `id,email,name,country,time_zone
u-cdmx,cdmx@correo.example,Ana,MX,
u-tj,tj@correo.example,Luis,MX,America/Tijuana
u-sd,sd@correo.example,Rosa,DO,
u-tokyo,tokyo@correo.example,Kenji,MX,Asia/Tokyo
`)
	w.alta(0, "users", "import", w.path("users.csv"))
	w.follow(clock, 12*time.Hour)
	got := map[string]string{}
	for _, m := range w.smtp.Mails() {
		got[m.To[0]] = m.At.UTC().Format("15:04")
	}
	want := map[string]string{
		"tokyo@correo.example": "05:30", "sd@correo.example": "13:00", "cdmx@correo.example": "15:00", "tj@correo.example": "17:00",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mailed at (-want +got):\n%s", diff)
	}
}

// After three days without a run each user gets one mail, not the backlog.
func TestAfterALongStopComesOneMail(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testAfterALongStopComesOneMail)
}

func testAfterALongStopComesOneMail(t *testing.T) {
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := newWorld(t, clock.now)
	w.alta(0, "users", "add", "--id", "u-ana", "--email", "ana@correo.example", "--name", "Ana Torres", "--country", "MX")
	w.run(0)
	clock.advance(10 * 24 * time.Hour)
	for range 3 {
		w.run(0)
	}
	mails, mints := w.mailsTo("ana@correo.example"), w.minted("u-ana")
	if len(mails) != 2 || len(mints) != 2 {
		t.Fatalf("%d mails and %d links, want 2 and 2", len(mails), len(mints))
	}
	readMail(t, mails[1]).wantLink(t, mints[1])
}

// With seconds for days, by the program itself: reminders carry a link that
// still lives, expired ones are replaced until max_mails, and a verified user
// hears no more.
func TestRemindersAtSeconds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, `plan.reminders = ["1s"]`, `capa.link_ttl = "2s"`, `plan.min_gap = "500ms"`, "plan.max_mails = 4")
	w.write("users.csv", `id,email,name,country
u-ana,ana@correo.example,Ana Torres,MX
u-rosa,rosa@correo.example,Rosa Peralta,DO
u-done,done@correo.example,Luis Ortiz,MX
`)
	w.exec(0, "users", "import", w.path("users.csv"))
	w.exec(0, "run")
	w.exec(0, "users", "mark", "u-done", "verified")

	w.eventually("four mails to each pending user", func() bool {
		w.exec(0, "run")
		return len(w.mailsTo("ana@correo.example")) >= 4 && len(w.mailsTo("rosa@correo.example")) >= 4
	})
	w.exec(0, "run")

	for user, address := range map[string]string{"u-ana": "ana@correo.example", "u-rosa": "rosa@correo.example"} {
		mails, mints := w.mailsTo(address), w.minted(user)
		if len(mails) != 4 || len(mints) != 4 {
			t.Fatalf("%s got %d mails and %d links, want 4 and 4", address, len(mails), len(mints))
		}
		for i, m := range mails {
			readMail(t, m).wantLink(t, mints[i])
			if age := m.At.Sub(mints[i].At); age > time.Second {
				t.Errorf("mail %d to %s went out with a link %s old, half of whose life was over", i+1, address, age)
			}
			if i > 0 && m.At.Sub(mails[i-1].At) < 500*time.Millisecond {
				t.Errorf("mail %d to %s came %s after the one before, within the gap", i+1, address, m.At.Sub(mails[i-1].At))
			}
		}
		if since := mails[1].At.Sub(mails[0].At); since < time.Second {
			t.Errorf("the reminder to %s came after %s, which is too early", address, since)
		}
	}
	if n := len(w.mailsTo("done@correo.example")); n != 1 {
		t.Errorf("the verified user got %d mails, want the invite alone", n)
	}
	var steps []pipeline.Step
	for _, mail := range w.sent("u-ana", time.Time{}) {
		steps = append(steps, mail.Step)
	}
	want := []pipeline.Step{pipeline.Invite, pipeline.Reminder, pipeline.Reissue, pipeline.Reissue}
	if !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
}
