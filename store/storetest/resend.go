package storetest

import (
	"strings"
	"time"

	"alta/pipeline"
	"alta/store"
)

func resendBehaviours() []behaviour {
	return []behaviour{
		{"a mail that was due gives way to one that is due at once", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			f.resend("ana", pipeline.Reissue)
			f.wantDeliveries("ana", "invite 1 sent", "reminder 1 cancelled", "reissue 1 due")
			equal(f, "code of what was replaced", f.deliveries("ana")[1].Code, "replaced")
			d := f.latest("ana")
			equal(f, "due time", d.DueAt, f.now)
			equal(f, "operator", d.Operator, true)
		}},
		{"a mail that was held gives way too", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			f.record(q, f.claim(q), &pipeline.Fault{Kind: pipeline.Hold, Code: "render"})
			f.resend("ana", pipeline.Invite)
			f.wantDeliveries("ana", "invite 1 cancelled", "invite 2 due")
		}},
		{"a user to whom nothing more was owed gets one", func(f *fixture) {
			f.plan.MaxMails = 1
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			f.wantDeliveries("ana", "invite 1 sent")
			f.resend("ana", pipeline.Reissue)
			f.wantDeliveries("ana", "invite 1 sent", "reissue 1 due")
		}},
		{"a new mail gets a fresh link", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.mail()
			f.resend("ana", pipeline.Reissue)
			equal(f, "link", f.claim(f.run()).Link, pipeline.Link{})
		}},
		{"a mail in doubt that is due again anyway goes out as the same message, at once", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			was := f.claim(q)
			f.begin(q, was)
			f.record(q, was, inDoubt())
			f.wantDeliveries("ana", "invite 1 due")
			f.resend("ana", pipeline.Invite)
			f.wantDeliveries("ana", "invite 1 due")
			d := f.claim(f.run())
			f.wantSameMail(d, was)
			equal(f, "asked for by an operator", d.Operator, true)
		}},
		{"a mail in doubt goes out again as the same message", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			was := f.doubt()
			f.now = f.now.Add(time.Hour)
			f.resend("ana", pipeline.Reissue)
			f.wantDeliveries("ana", "invite 1 due")
			d := f.claim(f.run())
			f.wantSameMail(d, was)
			equal(f, "operator", d.Operator, true)
			equal(f, "doubts", d.Doubts, 0)
		}},
		{"a mail on its way is left alone", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			q := f.run()
			d := f.claim(q)
			f.wantNoResend("ana", "on its way")
			f.begin(q, d)
			f.wantNoResend("ana", "on its way")
			f.wantDeliveries("ana", "invite 1 sending")
		}},
		{"a user who is in review or done gets nothing", func(f *fixture) {
			for _, s := range []pipeline.Status{pipeline.InReview, pipeline.Verified, pipeline.Rejected} {
				f.enrol(person(string(s), pipeline.MX))
				f.mark(string(s), s)
				f.wantNoResend(string(s), "the user is "+string(s))
			}
			f.enrol(person("ana", pipeline.MX))
			f.must(f.Erase(f.t.Context(), "ana", operator, f.now))
			f.wantNoResend("ana", "the user is erased")
		}},
		{"a withdrawn user gets nothing", func(f *fixture) {
			f.source(person("ana", pipeline.MX))
			f.source()
			f.wantNoResend("ana", "no longer returns")
			f.wantDeliveries("ana", "invite 1 cancelled")
		}},
		{"an operator may try a bad address again", func(f *fixture) {
			f.badAddress("ana")
			f.resend("ana", pipeline.Invite)
			equal(f, "bad", f.find("ana").AddressBad, false)
			f.wantDeliveries("ana", "invite 1 failed", "invite 2 due")
		}},
		{"a user whom nobody knows is an error", func(f *fixture) {
			_, err := f.Resend(f.t.Context(), "nobody", pipeline.Invite, true, operator, f.now)
			f.wantNotFound(err)
		}},
		{"what was done is audited, what was refused is not", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.resend("ana", pipeline.Invite)
			f.mark("ana", pipeline.Verified)
			f.wantNoResend("ana", "verified")
			got, err := f.Audit(f.t.Context(), "ana")
			f.must(err)
			equal(f, "entries", len(got), 2)
			equal(f, "first", got[0], store.AuditEntry{At: f.now, Actor: "olga", Action: "resend", UserID: "ana", Detail: "invite: the customer called"})
		}},
		{"what is paused does not show as an operator's due", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX), person("bob", pipeline.DO))
			q := f.run()
			f.meet(q, templateMissing(pipeline.MX))
			f.resend("ana", pipeline.Invite)
			f.now = f.now.Add(2 * time.Hour)
			f.wantOperatorDue(false)
			f.resend("bob", pipeline.Invite)
			f.wantOperatorDue(true)
		}},
		{"what an operator asked for shows as due", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			f.wantOperatorDue(false)
			f.resend("ana", pipeline.Invite)
			f.wantOperatorDue(true)
			f.mail()
			f.wantOperatorDue(false)
		}},
	}
}

func (f *fixture) wantNoResend(id, because string) {
	f.t.Helper()
	whyNot, err := f.Resend(f.t.Context(), id, pipeline.Reissue, true, operator, f.now)
	f.must(err)
	if !strings.Contains(whyNot, because) {
		f.t.Fatalf("why not is %q, want it to say %q", whyNot, because)
	}
}

func (f *fixture) wantOperatorDue(want bool) {
	f.t.Helper()
	got, err := f.OperatorDue(f.t.Context(), f.now)
	f.must(err)
	equal(f, "operator due", got, want)
}

// wantSameMail checks all that makes a second copy the same mail.
func (f *fixture) wantSameMail(got, want *pipeline.Delivery) {
	f.t.Helper()
	equal(f, "repeat", got.Repeat, true)
	equal(f, "Message-ID", got.Message.ID, want.Message.ID)
	equal(f, "date", got.Message.Date, want.Message.Date)
	equal(f, "digest", got.Message.Digest, want.Message.Digest)
	equal(f, "link", got.Link, want.Link)
}
