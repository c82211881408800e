package storetest

import (
	"strings"
	"time"

	"alta/pipeline"
	"alta/store"
)

func (f *fixture) outlook() pipeline.Outlook {
	f.t.Helper()
	o, err := f.Outlook(f.t.Context(), f.now)
	f.must(err)
	return o
}

func (f *fixture) wantDue(what string, want int) {
	f.t.Helper()
	equal(f, what, f.outlook().Due, want)
}

// ran writes down a run that sent so many mails.
func (f *fixture) ran(by store.Trigger, sent int) {
	f.t.Helper()
	id, _, err := f.StartRun(f.t.Context(), by, time.Time{}, f.plan.MinGap, f.now)
	f.must(err)
	f.must(f.FinishRun(f.t.Context(), id, pipeline.Report{Selected: sent, Sent: sent}, nil, f.now))
}

func (f *fixture) approve(due int) pipeline.Approval {
	f.t.Helper()
	a := pipeline.Approve(due, f.now)
	f.must(f.Approve(f.t.Context(), a, operator))
	return a
}

func (f *fixture) wantWaits(what string, want bool) {
	f.t.Helper()
	got, err := f.ApprovalWaits(f.t.Context(), f.now)
	f.must(err)
	equal(f, what, got, want)
}

func guardBehaviours() []behaviour {
	return []behaviour{
		{"what is due now counts, in every lane, and what is due later does not", func(f *fixture) {
			f.wantDue("before anybody", 0)
			business := person("shop", pipeline.DO)
			business.Type = pipeline.Business
			f.enrol(business, person("ana", pipeline.MX), person("yokasta", pipeline.DO))
			f.wantDue("now", 3)
			f.now = f.now.Add(-time.Millisecond)
			f.wantDue("a moment before", 0)
		}},
		{"what an operator asked for does not count", func(f *fixture) {
			f.enrolMany(pipeline.MX, 3)
			f.resend("MX-01", pipeline.Invite)
			f.wantDue("due", 2)
		}},
		{"what a run has claimed does not count", func(f *fixture) {
			f.enrolMany(pipeline.MX, 3)
			f.pull(f.run(), 2)
			f.wantDue("due", 1)
		}},
		{"a country on hold does not count, not even when it may be probed", func(f *fixture) {
			f.enrolMany(pipeline.MX, 3)
			f.enrolMany(pipeline.DO, 2)
			f.meet(f.run(), templateMissing(pipeline.MX))
			f.wantDue("on hold", 2)
			f.now = f.now.Add(time.Hour)
			f.wantDue("with a probe due", 2)
		}},
		{"in an outage nothing counts until it may be probed, and then all that would follow the probe", func(f *fixture) {
			f.enrolMany(pipeline.MX, 3)
			f.meet(f.run(), &pipeline.Fault{Kind: pipeline.Outage, Code: "smtp.busy", Reason: "try later", After: time.Minute})
			f.wantDue("meanwhile", 0)
			f.now = f.now.Add(time.Minute)
			f.wantDue("with a probe due", 3)
		}},
		{"what is usual are the latest runs that mailed, newest first, and no resends", func(f *fixture) {
			equal(f, "before the first", f.outlook().Sent, nil)
			for n := range pipeline.GuardRuns + 2 {
				f.ran(store.BySchedule, n+1)
				f.ran(store.BySchedule, 0)
				f.ran(store.ByResend, 500)
			}
			f.ran(store.ByCommand, 40)
			f.run() // goes on
			equal(f, "sent", f.outlook().Sent, []int{40, 12, 11, 10, 9, 8, 7, 6, 5, 4})
		}},
		{"an approval is in force from when it was given until it ends", func(f *fixture) {
			equal(f, "before", f.outlook().Approval, pipeline.Approval{})
			f.wantWaits("before", false)
			a := f.approve(100)
			equal(f, "given", f.outlook().Approval, a)
			f.now = a.EndsAt.Add(-time.Millisecond)
			equal(f, "at its last moment", f.outlook().Approval, a)
			f.now = a.EndsAt
			equal(f, "at its end", f.outlook().Approval, pipeline.Approval{})
			f.wantWaits("at its end", false)
			f.now = a.GivenAt.Add(-time.Millisecond)
			equal(f, "after the clock went back", f.outlook().Approval, pipeline.Approval{})
		}},
		{"an approval waits until a run has begun", func(f *fixture) {
			a := f.approve(100)
			f.wantWaits("given", true)
			f.must(f.TakeApproval(f.t.Context(), a))
			f.wantWaits("taken", false)
			equal(f, "in force all the same", f.outlook().Approval, a)
		}},
		{"an approval is used up by the mails that go by it", func(f *fixture) {
			a := f.approve(100)
			f.must(f.SpendApproval(f.t.Context(), a, 30))
			equal(f, "left", f.outlook().Approval.Mails, 80)
			f.must(f.SpendApproval(f.t.Context(), a, 90))
			equal(f, "never below nothing", f.outlook().Approval.Mails, 0)
		}},
		{"the latest approval counts, and a run that went by the one before leaves it alone", func(f *fixture) {
			old := f.approve(100)
			f.now = f.now.Add(time.Minute)
			latest := f.approve(50)
			f.must(f.TakeApproval(f.t.Context(), old))
			f.must(f.SpendApproval(f.t.Context(), old, 30))
			equal(f, "in force", f.outlook().Approval, latest)
			f.wantWaits("taken with the old one", true)
		}},
		{"an approval is audited, with who gave it and for how many", func(f *fixture) {
			f.approve(100)
			log, err := f.Audit(f.t.Context(), "")
			f.must(err)
			equal(f, "entries", len(log), 1)
			equal(f, "actor and action", log[0].Actor+" "+log[0].Action, operator.Actor+" approve")
			if want := "100 mails were due; up to 110 may go until 2026-03-02T16:00:00Z"; !strings.HasPrefix(log[0].Detail, want) {
				f.t.Fatalf("detail is %q, want %q", log[0].Detail, want)
			}
		}},
	}
}
