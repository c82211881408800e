package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"alta/pipeline"
)

var outage = &pipeline.Fault{Kind: pipeline.Outage, Code: "smtp.dial", Reason: "The mail server can't be reached."}

func TestRunStopsAtAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := newBook(100), newGate()
		done := make(chan pipeline.Report)
		go func() {
			r, err := pipeline.Run(t.Context(), b, pipeline.Record(b, usual(t), stopped(ten), g.stage, nil), options(4))
			if err != nil {
				t.Error(err)
			}
			done <- r
		}()
		g.pass <- nil
		g.pass <- outage
		synctest.Wait() // the run has stopped; three are still in flight
		for range g.now() {
			g.pass <- nil
		}
		r := <-done
		b.settled(t, r)
		if r.Outage != outage.Reason {
			t.Errorf("outage = %q", r.Outage)
		}
		if tried := b.tried(); tried > 6 || tried != r.Sent+1 {
			t.Errorf("%d were tried and %d sent, want only what was in flight", tried, r.Sent)
		}
		if len(b.due) == 0 {
			t.Error("all was pulled after the outage")
		}
		for _, v := range b.recorded {
			if v.Outcome == pipeline.OutcomeRetry && (v.Paid || v.State != pipeline.Due || !v.DueAt.Equal(invite().DueAt)) {
				t.Errorf("the outage cost something: %+v", v)
			}
		}
	})
}

func TestRunIsStoppedFromOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b, g := newBook(100), newGate()
		var returned bool
		done := make(chan pipeline.Report)
		go func() {
			r, err := pipeline.Run(ctx, b, pipeline.Record(b, usual(t), stopped(ten), g.stage, nil), options(4))
			if err != nil {
				t.Error(err)
			}
			returned = true
			done <- r
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if returned {
			t.Error("Run returned while four deliveries were in flight")
		}
		for range 4 {
			g.pass <- nil
		}
		r := <-done
		b.settled(t, r)
		if r.Sent != 4 || r.Retry != b.pulled-4 || r.Outage != "" {
			t.Errorf("report %+v, want the four in flight sent and the rest put back", r)
		}
		if b.tried() != 4 {
			t.Errorf("%d deliveries were begun, want 4", b.tried())
		}
	})
}

func TestRunThatIsOverBeforeItBeginsPullsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := newBook(3)
	r, err := pipeline.Run(ctx, b, pipeline.Record(b, usual(t), stopped(ten), fails(nil), nil), options(2))
	if err != nil || r != (pipeline.Report{}) || len(b.asked) != 0 {
		t.Errorf("report %+v, error %v, pulls %v", r, err, b.asked)
	}
}

func TestRunWaitsForAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newBook(5).due
		s := &script{book: newBook(0), batches: []pipeline.Batch{
			{Deliveries: all[:1], Probe: true, Pauses: []pipeline.Pause{{Code: "smtp.dial"}}},
			{Deliveries: all[1:]},
		}}
		g := newGate()
		done := make(chan pipeline.Report)
		go func() {
			r, err := pipeline.Run(t.Context(), s, pipeline.Record(s, usual(t), stopped(ten), g.stage, nil), options(4))
			if err != nil {
				t.Error(err)
			}
			done <- r
		}()
		synctest.Wait()
		if s.count() != 1 || g.now() != 1 {
			t.Errorf("%d pulls and %d in flight while the probe is under way", s.count(), g.now())
		}
		g.pass <- nil
		synctest.Wait()
		if g.now() != 4 {
			t.Errorf("%d in flight after the probe got through, want 4", g.now())
		}
		for range 4 {
			g.pass <- nil
		}
		r := <-done
		s.settled(t, r)
		if r.Sent != 5 || r.Outage != "" {
			t.Errorf("report %+v", r)
		}
	})
}

func TestRunEndsWithAProbeThatFails(t *testing.T) {
	all := newBook(2).due
	s := &script{book: newBook(0), batches: []pipeline.Batch{{Deliveries: all[:1], Probe: true}, {Deliveries: all[1:]}}}
	r, err := pipeline.Run(t.Context(), s, pipeline.Record(s, usual(t), stopped(ten), fails(outage), nil), options(4))
	if err != nil {
		t.Fatal(err)
	}
	s.settled(t, r)
	if s.pulls != 1 || r.Selected != 1 || r.Outage != outage.Reason {
		t.Errorf("%d pulls, report %+v, want the probe alone", s.pulls, r)
	}
}

func TestRunReportsAnOutageThatLasts(t *testing.T) {
	for _, c := range []struct {
		name   string
		pauses []pipeline.Pause
		want   string
	}{
		{"Nothing is paused.", nil, ""},
		{"A country that is paused is no outage.", []pipeline.Pause{{Country: pipeline.DO, Reason: "No template."}}, ""},
		{"Everything is paused until later.", []pipeline.Pause{{Country: pipeline.DO, Reason: "No template."}, {Reason: "Too many requests.", ProbeAt: ten.Add(time.Minute)}}, "Too many requests."},
		{"The time for a probe has come, and nothing is due to probe it with.", []pipeline.Pause{{Reason: "Wrong key.", ProbeAt: ten}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{book: newBook(0), batches: []pipeline.Batch{{Pauses: c.pauses}}}
			r, err := pipeline.Run(t.Context(), s, pipeline.Record(s, usual(t), stopped(ten), fails(nil), nil), options(1))
			if err != nil || r.Outage != c.want || r.Selected != 0 {
				t.Errorf("report %+v, error %v, want outage %q", r, err, c.want)
			}
		})
	}
}

func TestRunStopsWhenTheLedgerFails(t *testing.T) {
	full := errors.New("disk full")
	t.Run("A pull that fails ends the run, after what is in flight.", func(t *testing.T) {
		s := &script{book: newBook(0), batches: []pipeline.Batch{{Deliveries: newBook(3).due}}, err: full}
		r, err := pipeline.Run(t.Context(), s, pipeline.Record(s, usual(t), stopped(ten), fails(nil), nil), options(2))
		if !errors.Is(err, full) || !strings.HasPrefix(err.Error(), "pull due deliveries: ") {
			t.Errorf("error = %v", err)
		}
		s.settled(t, r)
		if r.Sent != 3 {
			t.Errorf("%d sent, want 3", r.Sent)
		}
	})
	t.Run("A pull that ends with the run is no failure.", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := pipeline.Run(ctx, pullerFunc(func() (pipeline.Batch, error) {
			cancel()
			return pipeline.Batch{}, context.Canceled
		}), nil, options(1))
		if err != nil {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("A record that fails stops the run, and what was claimed still goes back.", func(t *testing.T) {
		b := newBook(100)
		b.full = func(recorded int) error {
			if recorded == 3 {
				b.full = nil
				return full
			}
			return nil
		}
		r, err := pipeline.Run(t.Context(), b, pipeline.Record(b, usual(t), stopped(ten), fails(nil), nil), options(1))
		if !errors.Is(err, full) || err.Error() != "record delivery 4 of user user-4: disk full" {
			t.Errorf("error = %v", err)
		}
		if len(b.due) == 0 {
			t.Error("all was pulled after the ledger failed")
		}
		if len(b.claimed) != 1 || !b.claimed[4] {
			t.Errorf("still claimed: %v, want delivery 4 alone", b.claimed)
		}
		if r.Selected != b.pulled || sum(r) != r.Selected {
			t.Errorf("the report %+v does not add up to the %d pulled", r, b.pulled)
		}
		if b.tried() != 3 {
			t.Errorf("%d verdicts on mails are on record, want 3", b.tried())
		}
	})
	t.Run("The first of many failures is the one that is told.", func(t *testing.T) {
		b := newBook(10)
		b.full = func(int) error { return full }
		_, err := pipeline.Run(t.Context(), b, pipeline.Record(b, usual(t), stopped(ten), fails(nil), nil), options(1))
		if err == nil || err.Error() != "record delivery 1 of user user-1: disk full" {
			t.Errorf("error = %v", err)
		}
	})
}

func TestRunSurvivesAPanic(t *testing.T) {
	b := newBook(10)
	r, err := pipeline.Run(t.Context(), b, pipeline.Record(b, usual(t), stopped(ten), func(_ context.Context, d *pipeline.Delivery) error {
		if d.ID == 3 {
			_ = []int{}[d.ID]
		}
		return nil
	}, nil), options(2))
	if err != nil {
		t.Fatal(err)
	}
	b.settled(t, r)
	if r.Held != 1 || r.Sent != 9 || r.Outage != "" {
		t.Errorf("report %+v, want nine sent and the one that panics held", r)
	}
}
