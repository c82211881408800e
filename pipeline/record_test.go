package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"alta/pipeline"
)

// page is a ledger of which only Record is needed; it keeps what was written
// last, and the context that it came with.
type page struct {
	err     error
	writes  int
	verdict pipeline.Verdict
	at      time.Time
	ctxErr  error
	limit   time.Time // the context's deadline
}

func (p *page) Record(ctx context.Context, _ *pipeline.Delivery, v pipeline.Verdict, now time.Time) error {
	p.writes++
	p.verdict, p.at, p.ctxErr = v, now, ctx.Err()
	p.limit, _ = ctx.Deadline()
	return p.err
}

func fails(err error) pipeline.Stage {
	return func(context.Context, *pipeline.Delivery) error { return err }
}

func TestRecordWritesDownWhatCameOfIt(t *testing.T) {
	unreachable := &pipeline.Pause{Code: "smtp.dial"}
	mailed := func(n int) pipeline.History {
		return pipeline.History{Mails: n, InvitedAt: ten.Add(-time.Hour), LastAt: ten.Add(-time.Hour), LinkExpiresAt: ten.Add(23 * time.Hour)}
	}
	night := moment("2026-03-02T23:00:00-06:00")
	for _, c := range []struct {
		name     string
		now      time.Time
		delivery func(*pipeline.Delivery)
		stages   pipeline.Stage // nil when it must not run
		want     pipeline.Verdict
	}{
		{
			name: "An accepted mail.", now: ten,
			stages: fails(nil),
			want: pipeline.Verdict{State: pipeline.Sent, Outcome: pipeline.OutcomeSent, Tried: true, Paid: true,
				Next: &pipeline.Next{Step: pipeline.Reminder, DueAt: ten.Add(24 * time.Hour)}},
		},
		{
			name: "A fault.", now: ten,
			stages: fails(&pipeline.Fault{Kind: pipeline.Fail, Code: "smtp.5.1.1", Reason: "No such address."}),
			want: pipeline.Verdict{State: pipeline.Failed, Outcome: pipeline.OutcomeFailed, DueAt: invite().DueAt,
				Code: "smtp.5.1.1", Reason: "No such address.", Tried: true, Paid: true},
		},
		{
			name: "A panic holds the delivery and names the kind of it only.", now: ten,
			stages: func(context.Context, *pipeline.Delivery) error {
				panic(errors.New("https://kyc.example/secret"))
			},
			want: pipeline.Verdict{State: pipeline.Held, Outcome: pipeline.OutcomeHeld, DueAt: invite().DueAt,
				Code: "panic", Reason: "alta met a bug (*errors.errorString) while it prepared this mail; please report it with the log", Tried: true, Paid: true, Doubtful: true},
		},
		{
			name: "A probe that got through lifts its pause.", now: ten,
			delivery: func(d *pipeline.Delivery) { d.Probe = unreachable },
			stages:   fails(nil),
			want: pipeline.Verdict{State: pipeline.Sent, Outcome: pipeline.OutcomeSent, Tried: true, Paid: true, Lift: unreachable,
				Next: &pipeline.Next{Step: pipeline.Reminder, DueAt: ten.Add(24 * time.Hour)}},
		},
		{
			name: "A mail with an old link does not show that links are minted again.", now: ten,
			delivery: func(d *pipeline.Delivery) { d.Probe = &pipeline.Pause{Code: "capa.key_refused", Minting: true} },
			stages:   fails(nil),
			want: pipeline.Verdict{State: pipeline.Sent, Outcome: pipeline.OutcomeSent, Tried: true, Paid: true,
				Next: &pipeline.Next{Step: pipeline.Reminder, DueAt: ten.Add(24 * time.Hour)}},
		},
		{
			name: "A reminder that a changed plan no longer owes is cancelled.", now: ten,
			delivery: func(d *pipeline.Delivery) { d.Step, d.History = pipeline.Reminder, mailed(6) },
			want: pipeline.Verdict{State: pipeline.Cancelled, Outcome: pipeline.OutcomeCancelled, Tried: true,
				Code: "plan_changed", Reason: "the plan no longer owes the user this mail"},
		},
		{
			name: "A reminder that the plan owes later waits until then.", now: ten,
			delivery: func(d *pipeline.Delivery) { d.Step, d.History = pipeline.Reminder, mailed(1) },
			want:     pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: ten.Add(23 * time.Hour)},
		},
		{
			name: "A due delivery that meets the night goes back untouched until the morning.", now: night,
			want: pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: moment("2026-03-03T09:00:00-06:00")},
		},
		{
			name: "A repeat that meets the night stays a repeat.", now: night,
			delivery: func(d *pipeline.Delivery) { d.Repeat = true },
			want:     pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: moment("2026-03-03T09:00:00-06:00"), Repeat: true},
		},
		{
			name: "What an operator asked for goes at night.", now: night,
			delivery: func(d *pipeline.Delivery) { d.Operator = true },
			stages:   fails(&pipeline.Fault{Kind: pipeline.Hold, Code: "refused"}),
			want:     pipeline.Verdict{State: pipeline.Held, Outcome: pipeline.OutcomeHeld, DueAt: invite().DueAt, Code: "refused", Tried: true, Paid: true},
		},
		{
			name: "A link that was minted is counted, whatever came after it.", now: ten,
			stages: func(_ context.Context, d *pipeline.Delivery) error {
				d.Link = link("https://kyc.example/fresh", ten)
				return &pipeline.Fault{Kind: pipeline.Hold, Code: "render"}
			},
			want: pipeline.Verdict{State: pipeline.Held, Outcome: pipeline.OutcomeHeld, DueAt: invite().DueAt, Code: "render", Tried: true, Paid: true, Minted: true},
		},
		{
			name: "A link that was reused is not.", now: ten,
			delivery: func(d *pipeline.Delivery) { d.Link = link("https://kyc.example/old", ten) },
			stages: func(_ context.Context, d *pipeline.Delivery) error {
				d.Link = link("https://kyc.example/old", ten)
				return &pipeline.Fault{Kind: pipeline.Hold, Code: "render"}
			},
			want: pipeline.Verdict{State: pipeline.Held, Outcome: pipeline.OutcomeHeld, DueAt: invite().DueAt, Code: "render", Tried: true, Paid: true},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := usual(t)
			plan.ReissueOnExpiry = false
			stages := c.stages
			if stages == nil {
				stages = func(context.Context, *pipeline.Delivery) error {
					t.Error("the stages ran")
					return nil
				}
			}
			d, ledger := invite(), &page{}
			if c.delivery != nil {
				c.delivery(d)
			}
			got, err := pipeline.Record(ledger, plan, stopped(c.now), stages, nil)(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			withoutCause := cmpopts.IgnoreFields(pipeline.Verdict{}, "Cause")
			if diff := cmp.Diff(c.want, got, withoutCause); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(got, ledger.verdict, withoutCause); diff != "" {
				t.Errorf("the ledger got another verdict (-returned +written):\n%s", diff)
			}
			if ledger.writes != 1 || !ledger.at.Equal(c.now) {
				t.Errorf("%d writes, the last at %v", ledger.writes, ledger.at)
			}
		})
	}
}

func TestRecordAfterTheEndOfTheRun(t *testing.T) {
	t.Run("What was not begun goes back as if nothing had happened.", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ledger, d := &page{}, invite()
		d.Repeat = true
		got, err := pipeline.Record(ledger, usual(t), stopped(ten), func(context.Context, *pipeline.Delivery) error {
			t.Error("the stages ran")
			return nil
		}, nil)(ctx, d)
		want := pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: d.DueAt, Repeat: true}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("error %v, verdict (-want +got):\n%s", err, diff)
		}
		if ledger.writes != 1 || ledger.ctxErr != nil {
			t.Errorf("%d writes, context %v: the claim must be given up all the same", ledger.writes, ledger.ctxErr)
		}
	})
	t.Run("What was begun is brought to its end and recorded.", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ledger := &page{}
			got, err := pipeline.Record(ledger, usual(t), stopped(ten), func(context.Context, *pipeline.Delivery) error {
				cancel()
				return nil
			}, nil)(ctx, invite())
			if err != nil || got.State != pipeline.Sent {
				t.Errorf("state %s, error %v, want a sent mail", got.State, err)
			}
			if ledger.writes != 1 || ledger.ctxErr != nil {
				t.Errorf("%d writes, context %v", ledger.writes, ledger.ctxErr)
			}
			if !ledger.limit.Equal(bubble.Add(30 * time.Second)) {
				t.Errorf("the ledger may write until %v, want 30 s after %v", ledger.limit, bubble)
			}
		})
	})
}

func TestRecordWhenTheRunEndsDuringTheStages(t *testing.T) {
	fresh := link("https://kyc.example/fresh", ten)
	for _, c := range []struct {
		name string
		err  func(ctx context.Context) error
		want pipeline.Verdict
	}{
		{
			"What only waited goes back untouched, with the link that was minted.",
			func(ctx context.Context) error { return fmt.Errorf("wait: %w", ctx.Err()) },
			pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: invite().DueAt, Minted: true},
		},
		{
			"The same from an adapter that calls it a free retry.",
			func(ctx context.Context) error {
				return &pipeline.Fault{Kind: pipeline.Retry, Free: true, Code: "smtp.cancelled", Err: ctx.Err()}
			},
			pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeRetry, DueAt: invite().DueAt, Minted: true},
		},
		{
			"A doubt is a doubt, whatever ended the wait.",
			func(ctx context.Context) error {
				return &pipeline.Fault{Kind: pipeline.Doubt, Code: "smtp.timeout", After: time.Minute, Err: ctx.Err()}
			},
			pipeline.Verdict{State: pipeline.Due, Outcome: pipeline.OutcomeDoubt, DueAt: ten.Add(time.Minute), Code: "smtp.timeout",
				Reason: ": context canceled", Tried: true, Paid: true, Repeat: true, Minted: true},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			ledger := &page{}
			got, err := pipeline.Record(ledger, usual(t), stopped(ten), func(ctx context.Context, d *pipeline.Delivery) error {
				d.Link = fresh
				cancel()
				return c.err(ctx)
			}, nil)(ctx, invite())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(pipeline.Verdict{}, "Cause")); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordReturnsTheLedgersError(t *testing.T) {
	full := errors.New("disk full")
	v, err := pipeline.Record(&page{err: full}, usual(t), stopped(ten), fails(nil), nil)(t.Context(), invite())
	if !errors.Is(err, full) || v.State != pipeline.Sent {
		t.Errorf("verdict %s, error %v, want the verdict and the ledger's error", v.State, err)
	}
}

// A mail that the server took must not go out again because a disk was full.
func TestRecordDoesNotLetGoOfAMailThatHadBegun(t *testing.T) {
	full := &pipeline.Fault{Kind: pipeline.Outage, Code: pipeline.LedgerCode, Reason: "the disk is full"}
	for _, c := range []struct {
		name   string
		begun  bool
		err    error
		writes int
		waits  bool
	}{
		{"While the ledger can't be written it waits, and writes the verdict of then.", true, full, 4, true},
		{"What had not begun is given up: nothing has left.", false, full, 1, false},
		{"A ledger that refuses the verdict itself will never take it.", true, errors.New("the row belongs to another run"), 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				ledger, told := &page{err: c.err}, 0
				got, err := pipeline.Record(ledger, usual(t), stopped(ten), func(_ context.Context, d *pipeline.Delivery) error {
					d.Begun = c.begun
					cancel() // a stop does not end the wait
					return nil
				}, func(*pipeline.Delivery, error) {
					if told++; told == 3 {
						ledger.err = nil
					}
				})(ctx, invite())
				if (err == nil) != c.waits || got.State != pipeline.Sent {
					t.Errorf("state %s, error %v", got.State, err)
				}
				if ledger.writes != c.writes || c.waits != (told == 3) {
					t.Errorf("%d writes, told %d times, want %d writes", ledger.writes, told, c.writes)
				}
				if !ledger.at.Equal(ten) {
					t.Errorf("recorded for %v, want the time of the reply", ledger.at)
				}
			})
		})
	}
}

func TestRecordGoesByOneMoment(t *testing.T) {
	plan := usual(t)
	plan.ReissueOnExpiry = false
	now := ten
	ticking := func() time.Time { now = now.Add(time.Second); return now }
	ledger := &page{}
	v, err := pipeline.Record(ledger, plan, ticking, fails(nil), nil)(t.Context(), invite())
	if err != nil {
		t.Fatal(err)
	}
	if v.Next == nil || !v.Next.DueAt.Equal(ledger.at.Add(plan.Reminders[0])) {
		t.Errorf("the ledger says that the mail was sent at %v, the plan's next one is %+v", ledger.at, v.Next)
	}
}

func TestChainOfStagesKeepsThePanicOfAWireInDoubt(t *testing.T) {
	ledger := &page{}
	stages := pipeline.Chain(
		pipeline.Issue(&mint{now: ten}, 10, stopped(ten), 24*time.Hour, time.Hour),
		pipeline.Render(&pen{content: pipeline.Content{Subject: "Hola"}}, "", stopped(ten), func() string { return "id@example.com" }),
		pipeline.Send(&begins{}, postman(func(begin func() error) (pipeline.Receipt, error) {
			if err := begin(); err != nil {
				return pipeline.Receipt{}, err
			}
			panic("bug on the wire")
		}), stopped(ten)),
	)
	v, err := pipeline.Record(ledger, usual(t), stopped(ten), stages, nil)(t.Context(), invite())
	if err != nil {
		t.Fatal(err)
	}
	if v.Outcome != pipeline.OutcomeDoubt || !v.Repeat || !v.Minted || v.State != pipeline.Due {
		t.Errorf("verdict %+v, want a doubt that is repeated", v)
	}
	if strings.Contains(v.Reason, "on the wire") {
		t.Errorf("the reason quotes the panic: %s", v.Reason)
	}
}
