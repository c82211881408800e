package pipeline_test

import (
	"context"
	"errors"
	"testing"

	"alta/pipeline"
)

// shelf is a ledger of which only Keep is needed.
type shelf struct {
	err   error
	calls int
}

func (s *shelf) Keep(_ context.Context, d *pipeline.Delivery) error {
	s.calls++
	if s.err == nil {
		d.Link.ID = 7
	}
	return s.err
}

func TestKeep(t *testing.T) {
	shared := &pipeline.Fault{Kind: pipeline.Outage, Code: "capa.shared_link"}
	for _, c := range []struct {
		name  string
		known int64 // the link's number in the ledger
		err   error
		calls int
		code  string // of the fault, "" for none
	}{
		{name: "A fresh link is committed before anything is made of it.", calls: 1},
		{name: "A link of an earlier attempt is there already.", known: 5},
		{name: "A ledger that can't be written is an outage.", err: errors.New("disk full"), calls: 1, code: "ledger"},
		{name: "A link that must not be mailed stops the run.", err: shared, calls: 1, code: "capa.shared_link"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ledger, d := &shelf{err: c.err}, invite()
			d.Link = link("https://kyc.example/fresh", ten)
			d.Link.ID = c.known
			err := pipeline.Keep(ledger)(t.Context(), d)
			if ledger.calls != c.calls {
				t.Errorf("asked the ledger %d times, want %d", ledger.calls, c.calls)
			}
			if c.code == "" {
				if err != nil || d.Link.ID == 0 || d.Link.URL.IsZero() {
					t.Errorf("error %v, link number %d", err, d.Link.ID)
				}
				return
			}
			f := pipeline.AsFault(err)
			if f.Kind != pipeline.Outage || f.Code != c.code || !f.Doubtful {
				t.Errorf("fault %v %s, doubtful %v, want an outage %s whose mint is doubtful", f.Kind, f.Code, f.Doubtful, c.code)
			}
			if !d.Link.URL.IsZero() {
				t.Error("the link that was not kept is still there to be mailed")
			}
		})
	}
	if shared.Doubtful {
		t.Error("the ledger's own fault was changed")
	}
}

// A mint that was paid for is kept even when the run is told to stop meanwhile.
func TestKeepIsNotInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := invite()
	d.Link = link("https://kyc.example/fresh", ten)
	if err := pipeline.Keep(keeperFunc(func(ctx context.Context) error { return ctx.Err() }))(ctx, d); err != nil {
		t.Error(err)
	}
}

type keeperFunc func(context.Context) error

func (f keeperFunc) Keep(ctx context.Context, _ *pipeline.Delivery) error { return f(ctx) }
