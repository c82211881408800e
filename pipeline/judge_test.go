package pipeline_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"alta/pipeline"
)

func TestJudge(t *testing.T) {
	cause := errors.New("the cause")
	outage := &pipeline.Pause{Code: "smtp.550", Reason: "Relay denied for all.", Since: ten.Add(-time.Hour), ProbeAt: ten.Add(-time.Minute)}
	due := invite().DueAt
	reminder := &pipeline.Next{Step: pipeline.Reminder, DueAt: ten.Add(24 * time.Hour)}
	first := &pipeline.Next{Step: pipeline.Invite, DueAt: ten}
	for _, c := range []struct {
		name     string
		plan     func(*pipeline.Plan)
		delivery func(*pipeline.Delivery)
		err      error
		want     pipeline.Verdict
		delayed  bool // DueAt is a delay of the plan's own: between one and two minutes for a first attempt
	}{
		{
			name: "A mail that the server accepted is sent, and the next one is planned.",
			want: pipeline.Verdict{State: pipeline.Sent, Outcome: pipeline.OutcomeSent, Tried: true, Paid: true, Next: reminder},
		},
		{
			name: "The last mail of the plan is sent, and nothing follows.",
			plan: func(p *pipeline.Plan) { p.MaxMails = 1 },
			want: pipeline.Verdict{State: pipeline.Sent, Outcome: pipeline.OutcomeSent, Tried: true, Paid: true},
		},
		{
			name:     "A repeated mail that was accepted is over its doubt.",
			delivery: func(d *pipeline.Delivery) { d.Repeat, d.Doubts = true, 1 },
			want:     pipeline.Verdict{State: pipeline.Sent, Outcome: pipeline.OutcomeSent, Tried: true, Paid: true, Next: reminder},
		},

		{
			name:    "A retry costs an attempt and is put off by the plan.",
			err:     &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1", Reason: "Busy.", Err: cause},
			want:    pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, Code: "smtp.4.2.1", Reason: "Busy.: the cause", Cause: cause, Tried: true, Paid: true},
			delayed: true,
		},
		{
			name:    "An error that nobody classified is a retry that costs an attempt.",
			err:     cause,
			want:    pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, Code: "unclassified", Reason: "the cause", Cause: cause, Tried: true, Paid: true},
			delayed: true,
		},
		{
			name: "The other side names the delay.",
			err:  &pipeline.Fault{Kind: pipeline.Retry, Code: "capa.not_found", After: 15 * time.Minute},
			want: pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(15 * time.Minute), Code: "capa.not_found", Tried: true, Paid: true},
		},
		{
			name: "A delay that ends at night ends in the morning instead.",
			err:  &pipeline.Fault{Kind: pipeline.Retry, Code: "capa.not_found", After: 11 * time.Hour},
			want: pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(23 * time.Hour), Code: "capa.not_found", Tried: true, Paid: true},
		},
		{
			name:     "What an operator asked for is tried again at night.",
			delivery: func(d *pipeline.Delivery) { d.Operator = true },
			err:      &pipeline.Fault{Kind: pipeline.Retry, Code: "capa.not_found", After: 11 * time.Hour},
			want:     pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(11 * time.Hour), Code: "capa.not_found", Tried: true, Paid: true},
		},
		{
			name: "A free retry costs nothing.",
			err:  &pipeline.Fault{Kind: pipeline.Retry, Free: true, Code: "capa.throttled", After: time.Minute},
			want: pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(time.Minute), Code: "capa.throttled", Tried: true},
		},
		{
			name:     "A free retry goes on after the last attempt.",
			delivery: func(d *pipeline.Delivery) { d.Attempt = 8 },
			err:      &pipeline.Fault{Kind: pipeline.Retry, Free: true, Code: "capa.throttled", After: time.Minute},
			want:     pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(time.Minute), Code: "capa.throttled", Tried: true},
		},
		{
			name:     "A retry that is free once costs an attempt when it ends the same way again.",
			delivery: func(d *pipeline.Delivery) { d.LastCode = "capa.unauthorized" },
			err:      &pipeline.Fault{Kind: pipeline.Retry, Free: true, FreeOnce: true, Code: "capa.unauthorized", After: time.Minute},
			want:     pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(time.Minute), Code: "capa.unauthorized", Tried: true, Paid: true},
		},
		{
			name:     "After another end it is free.",
			delivery: func(d *pipeline.Delivery) { d.LastCode = "smtp.4.2.1" },
			err:      &pipeline.Fault{Kind: pipeline.Retry, Free: true, FreeOnce: true, Code: "capa.unauthorized", After: time.Minute},
			want:     pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(time.Minute), Code: "capa.unauthorized", Tried: true},
		},
		{
			name:     "The seventh attempt of eight is followed by one more.",
			delivery: func(d *pipeline.Delivery) { d.Attempt = 7 },
			err:      &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1", Reason: "Busy.", After: time.Minute},
			want:     pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(time.Minute), Code: "smtp.4.2.1", Reason: "Busy.", Tried: true, Paid: true},
		},
		{
			name:     "The eighth attempt of eight is the last.",
			delivery: func(d *pipeline.Delivery) { d.Attempt = 8 },
			err:      &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1", Reason: "Busy."},
			want: pipeline.Verdict{State: pipeline.Failed, Outcome: pipeline.OutcomeFailed, DueAt: due, Code: "smtp.4.2.1",
				Reason: "gave up after 8 attempts; the last one: Busy.", Tried: true, Paid: true},
		},
		{
			name: "A fault that is retried once is retried the first time.",
			err:  &pipeline.Fault{Kind: pipeline.Retry, Once: true, Code: "capa.not_found", After: 15 * time.Minute},
			want: pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(15 * time.Minute), Code: "capa.not_found", Tried: true, Paid: true},
		},
		{
			name:     "It fails the second time.",
			delivery: func(d *pipeline.Delivery) { d.LastCode = "capa.not_found" },
			err:      &pipeline.Fault{Kind: pipeline.Retry, Once: true, Code: "capa.not_found", Reason: "Unknown.", After: 15 * time.Minute},
			want:     pipeline.Verdict{State: pipeline.Failed, Outcome: pipeline.OutcomeFailed, DueAt: due, Code: "capa.not_found", Reason: "Unknown.", Tried: true, Paid: true},
		},
		{
			name:     "It is retried after something else went wrong in between.",
			delivery: func(d *pipeline.Delivery) { d.LastCode = "smtp.4.2.1" },
			err:      &pipeline.Fault{Kind: pipeline.Retry, Once: true, Code: "capa.not_found", After: 15 * time.Minute},
			want:     pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(15 * time.Minute), Code: "capa.not_found", Tried: true, Paid: true},
		},
		{
			name: "A mint that may have opened a session is noted.",
			err:  &pipeline.Fault{Kind: pipeline.Retry, Doubtful: true, Code: "capa.timeout", After: time.Minute},
			want: pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(time.Minute), Code: "capa.timeout", Tried: true, Paid: true, Doubtful: true},
		},
		{
			name:     "A repeated mail that is put off is still repeated.",
			delivery: func(d *pipeline.Delivery) { d.Repeat = true },
			err:      &pipeline.Fault{Kind: pipeline.Retry, Code: "smtp.4.2.1", After: time.Minute},
			want:     pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(time.Minute), Code: "smtp.4.2.1", Tried: true, Paid: true, Repeat: true},
		},

		{
			name: "What can never succeed fails.",
			err:  &pipeline.Fault{Kind: pipeline.Fail, Code: "capa.invalid_input", Reason: "Refused."},
			want: pipeline.Verdict{State: pipeline.Failed, Outcome: pipeline.OutcomeFailed, DueAt: due, Code: "capa.invalid_input", Reason: "Refused.", Tried: true, Paid: true},
		},
		{
			name: "A bad address is noted.",
			err:  &pipeline.Fault{Kind: pipeline.Fail, BadAddress: true, Code: "smtp.5.1.1"},
			want: pipeline.Verdict{State: pipeline.Failed, Outcome: pipeline.OutcomeFailed, DueAt: due, Code: "smtp.5.1.1", Tried: true, Paid: true, BadAddress: true},
		},

		{
			name: "A delivery on hold waits for an operator.",
			err:  &pipeline.Fault{Kind: pipeline.Hold, Code: "render", Reason: "Look."},
			want: pipeline.Verdict{State: pipeline.Held, Outcome: pipeline.OutcomeHeld, DueAt: due, Code: "render", Reason: "Look.", Tried: true, Paid: true},
		},
		{
			name: "A country on hold stays due at no cost, and is probed in an hour.",
			err:  &pipeline.Fault{Kind: pipeline.Hold, Country: pipeline.MX, Code: "capa.no_template", Reason: "No template."},
			want: pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: due, Code: "capa.no_template", Reason: "No template.", Tried: true,
				Pause: &pipeline.Pause{Country: pipeline.MX, Type: pipeline.Individual, Code: "capa.no_template", Reason: "No template.", Minting: true, Since: ten, ProbeAt: ten.Add(time.Hour)}},
		},

		{
			name: "An outage pauses everything at no cost, and the next run is the probe.",
			err:  &pipeline.Fault{Kind: pipeline.Outage, Code: "capa.key_refused", Reason: "Wrong key."},
			want: pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: due, Code: "capa.key_refused", Reason: "Wrong key.", Tried: true,
				Pause: &pipeline.Pause{Code: "capa.key_refused", Reason: "Wrong key.", Since: ten, ProbeAt: ten}},
		},
		{
			name: "An outage may name the time of its probe.",
			err:  &pipeline.Fault{Kind: pipeline.Outage, Code: "capa.throttled", Reason: "Pause.", After: 5 * time.Minute},
			want: pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: due, Code: "capa.throttled", Reason: "Pause.", Tried: true,
				Pause: &pipeline.Pause{Code: "capa.throttled", Reason: "Pause.", Since: ten, ProbeAt: ten.Add(5 * time.Minute)}},
		},
		{
			name:     "An outage during a repeat leaves it a repeat, even at the last attempt.",
			delivery: func(d *pipeline.Delivery) { d.Repeat, d.Attempt = true, 8 },
			err:      &pipeline.Fault{Kind: pipeline.Outage, Code: "smtp.dial", Reason: "Down."},
			want: pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: due, Code: "smtp.dial", Reason: "Down.", Tried: true, Repeat: true,
				Pause: &pipeline.Pause{Code: "smtp.dial", Reason: "Down.", Since: ten, ProbeAt: ten}},
		},

		{
			name: "A mail that is no longer owed is cancelled, and the plan is asked again.",
			err:  &pipeline.Fault{Kind: pipeline.Cancel, Code: "link_superseded"},
			want: pipeline.Verdict{State: pipeline.Cancelled, Outcome: pipeline.OutcomeCancelled, DueAt: due, Code: "link_superseded", Tried: true, Next: first},
		},
		{
			name:     "A repeat that is cancelled gives way to a new mail.",
			delivery: func(d *pipeline.Delivery) { d.Repeat, d.Doubts = true, 1 },
			err:      &pipeline.Fault{Kind: pipeline.Cancel, Code: "doubt_expired"},
			want:     pipeline.Verdict{State: pipeline.Cancelled, Outcome: pipeline.OutcomeCancelled, DueAt: due, Code: "doubt_expired", Tried: true, Next: first},
		},
		{
			name:     "A cancelled mail of a user who is not pending is followed by none.",
			delivery: func(d *pipeline.Delivery) { d.User.Status = pipeline.Verified },
			err:      &pipeline.Fault{Kind: pipeline.Cancel, Code: "user_verified"},
			want:     pipeline.Verdict{State: pipeline.Cancelled, Outcome: pipeline.OutcomeCancelled, DueAt: due, Code: "user_verified", Tried: true},
		},

		{
			name:    "A mail in doubt is repeated.",
			err:     &pipeline.Fault{Kind: pipeline.Doubt, Code: "smtp.timeout", Reason: "No answer."},
			want:    pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeDoubt, Code: "smtp.timeout", Reason: "No answer.", Tried: true, Paid: true, Repeat: true},
			delayed: true,
		},
		{
			name:     "A second doubt is repeated too.",
			delivery: func(d *pipeline.Delivery) { d.Doubts, d.Repeat = 1, true },
			err:      &pipeline.Fault{Kind: pipeline.Doubt, Code: "smtp.timeout", After: time.Minute},
			want:     pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeDoubt, DueAt: ten.Add(time.Minute), Code: "smtp.timeout", Tried: true, Paid: true, Repeat: true},
		},
		{
			name:     "A third doubt waits for an operator.",
			delivery: func(d *pipeline.Delivery) { d.Doubts, d.Repeat = 2, true },
			err:      &pipeline.Fault{Kind: pipeline.Doubt, Code: "smtp.timeout", After: time.Minute},
			want:     pipeline.Verdict{State: pipeline.InDoubt, Outcome: pipeline.OutcomeDoubt, DueAt: ten.Add(time.Minute), Code: "smtp.timeout", Tried: true, Paid: true, Repeat: true},
		},
		{
			name: "The first doubt waits for an operator when the plan says so.",
			plan: func(p *pipeline.Plan) { p.ResendDoubt = false },
			err:  &pipeline.Fault{Kind: pipeline.Doubt, Code: "smtp.timeout", After: time.Minute},
			want: pipeline.Verdict{State: pipeline.InDoubt, Outcome: pipeline.OutcomeDoubt, DueAt: ten.Add(time.Minute), Code: "smtp.timeout", Tried: true, Paid: true, Repeat: true},
		},

		{
			name:     "A probe that meets the trouble of the outage keeps it up, and nobody pays, not even with a fault of its own.",
			delivery: func(d *pipeline.Delivery) { d.Probe = outage },
			err:      &pipeline.Fault{Kind: pipeline.Fail, BadAddress: true, Code: "smtp.550", Reason: "Relay denied."},
			want: pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: due, Code: "smtp.550", Reason: "Relay denied.", Tried: true,
				Pause: &pipeline.Pause{Code: "smtp.550", Reason: "Relay denied for all.", Since: ten.Add(-time.Hour), ProbeAt: ten}},
		},
		{
			name:     "A probe that meets something else is judged like any other.",
			delivery: func(d *pipeline.Delivery) { d.Probe = outage },
			err:      &pipeline.Fault{Kind: pipeline.Fail, Code: "capa.wrong_type"},
			want:     pipeline.Verdict{State: pipeline.Failed, Outcome: pipeline.OutcomeFailed, DueAt: due, Code: "capa.wrong_type", Tried: true, Paid: true},
		},
		{
			name: "A doubt that several users met in a row stops the run besides.",
			err:  &pipeline.Fault{Kind: pipeline.Doubt, Systemic: true, Code: "smtp.timeout", Reason: "No answer.", After: time.Minute},
			want: pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeDoubt, DueAt: ten.Add(time.Minute), Code: "smtp.timeout", Reason: "No answer.",
				Tried: true, Paid: true, Repeat: true, Pause: &pipeline.Pause{Code: "smtp.timeout", Reason: "No answer.", Since: ten, ProbeAt: ten.Add(time.Minute)}},
		},
		{
			name:     "A probe in doubt is in doubt.",
			delivery: func(d *pipeline.Delivery) { d.Probe = outage },
			err:      &pipeline.Fault{Kind: pipeline.Doubt, Code: "smtp.550", After: time.Minute},
			want:     pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeDoubt, DueAt: ten.Add(time.Minute), Code: "smtp.550", Tried: true, Paid: true, Repeat: true},
		},
		{
			name:     "An operator's mail in doubt that can't be repeated gives way to a fresh one at once.",
			delivery: func(d *pipeline.Delivery) { d.Operator, d.Repeat = true, true },
			err:      &pipeline.Fault{Kind: pipeline.Cancel, Code: "doubt_expired"},
			want: pipeline.Verdict{State: pipeline.Cancelled, Outcome: pipeline.OutcomeCancelled, DueAt: due, Code: "doubt_expired", Tried: true,
				Next: &pipeline.Next{Step: pipeline.Invite, DueAt: ten, Operator: true}},
		},
		{
			name: "A kind that nobody knows is a retry.",
			err:  &pipeline.Fault{Kind: pipeline.Kind(42), Code: "odd", After: time.Minute},
			want: pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(time.Minute), Code: "odd", Tried: true, Paid: true},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, d := usual(t), invite()
			d.Link = link("https://kyc.example/1", ten)
			if c.plan != nil {
				c.plan(&p)
			}
			if c.delivery != nil {
				c.delivery(d)
			}
			got := p.Judge(d, c.err, ten)
			var ignore cmp.Options
			if c.delayed {
				if delay := got.DueAt.Sub(ten); delay < time.Minute || delay > 2*time.Minute {
					t.Errorf("due in %s, want one to two minutes", delay)
				}
				ignore = cmp.Options{cmpopts.IgnoreFields(pipeline.Verdict{}, "DueAt")}
			}
			if diff := cmp.Diff(c.want, got, ignore, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHistoryAfter(t *testing.T) {
	first := link("https://kyc.example/1", ten)
	second := link("https://kyc.example/2", ten.Add(24*time.Hour))
	h := pipeline.History{}.After(&pipeline.Delivery{Link: first}, ten.Add(time.Second))
	want := pipeline.History{Mails: 1, InvitedAt: ten.Add(time.Second), LastAt: ten.Add(time.Second), LinkExpiresAt: first.ExpiresAt}
	if h != want {
		t.Errorf("after the first mail %+v, want %+v", h, want)
	}
	h = h.After(&pipeline.Delivery{Link: second}, ten.Add(25*time.Hour))
	want.Mails, want.LastAt, want.LinkExpiresAt = 2, ten.Add(25*time.Hour), second.ExpiresAt
	if h != want {
		t.Errorf("after the second mail %+v, want %+v", h, want)
	}
}
