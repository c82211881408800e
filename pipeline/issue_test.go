package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"alta/pipeline"
)

// mint is an issuer that takes two seconds on its clock.
type mint struct {
	now   time.Time
	calls int
	err   error
}

func (m *mint) clock() time.Time { return m.now }

func (m *mint) Issue(context.Context, pipeline.User) (pipeline.Secret, error) {
	m.calls++
	m.now = m.now.Add(2 * time.Second)
	if m.err != nil {
		return pipeline.Secret{}, m.err
	}
	return pipeline.NewSecret("https://kyc.example/fresh"), nil
}

func TestIssue(t *testing.T) {
	const ttl, minLife = 24 * time.Hour, time.Hour
	refused := &pipeline.Fault{Kind: pipeline.Fail, Code: "capa.invalid_input"}
	old := func(left time.Duration) pipeline.Link { return link("https://kyc.example/old", ten.Add(left-ttl)) }
	for _, c := range []struct {
		name   string
		link   pipeline.Link
		repeat bool
		err    error
		minted bool
		kept   bool   // the delivery's link is as it was
		none   bool   // the delivery has no link afterwards
		code   string // of the fault, "" for none
	}{
		{name: "A new mail gets a fresh link.", minted: true},
		{name: "A retry keeps a link that has more than an hour left.", link: old(time.Hour + time.Nanosecond), kept: true},
		{name: "An hour left is not more than an hour.", link: old(time.Hour), minted: true},
		{name: "A link that has expired is replaced.", link: old(-time.Minute), minted: true},
		{name: "A repeat keeps its link while that lives.", link: old(2 * time.Hour), repeat: true, kept: true},
		{name: "A repeat whose link has no life left is cancelled, and nothing is minted for it.", link: old(time.Minute), repeat: true, kept: true, code: "doubt_expired"},
		{name: "A repeat that lost its link is cancelled too.", repeat: true, kept: true, code: "doubt_expired"},
		{name: "A link that lasts is replaced, since nothing answers there.", link: lasting(t), minted: true},
		{name: "A repeat of a link that lasts is cancelled.", link: lasting(t), repeat: true, kept: true, code: "doubt_expired"},
		{name: "A fault of the partner leaves the delivery as it was.", err: refused, minted: true, kept: true, code: "capa.invalid_input"},
		{name: "A link that has too little left is gone, though its replacement failed.", link: old(time.Minute), err: refused, minted: true, none: true, code: "capa.invalid_input"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &mint{now: ten, err: c.err}
			d := invite()
			d.Link, d.Repeat = c.link, c.repeat
			err := pipeline.Issue(m, 10, m.clock, ttl, minLife)(t.Context(), d)
			if c.code == "" && err != nil {
				t.Fatal(err)
			}
			if c.code != "" && (err == nil || pipeline.AsFault(err).Code != c.code) {
				t.Errorf("error %v, want a fault with code %s", err, c.code)
			}
			if c.code == "doubt_expired" && pipeline.AsFault(err).Kind != pipeline.Cancel {
				t.Errorf("kind %s, want cancel", pipeline.AsFault(err).Kind)
			}
			if (m.calls == 1) != c.minted || m.calls > 1 {
				t.Errorf("the partner was asked %d times", m.calls)
			}
			want := pipeline.Link{URL: pipeline.NewSecret("https://kyc.example/fresh"), IssuedAt: ten, ExpiresAt: ten.Add(ttl)}
			if c.kept {
				want = c.link
			}
			if c.none {
				want = pipeline.Link{}
			}
			if !d.Link.URL.Equal(want.URL) || !d.Link.IssuedAt.Equal(want.IssuedAt) || !d.Link.ExpiresAt.Equal(want.ExpiresAt) {
				t.Errorf("link of %v until %v, want %v until %v", d.Link.IssuedAt, d.Link.ExpiresAt, want.IssuedAt, want.ExpiresAt)
			}
		})
	}
}

func TestIssueForgetsTheLedgersNumberOfAnOldLink(t *testing.T) {
	m, d := &mint{now: ten}, invite()
	d.Link = link("https://kyc.example/old", ten.Add(-48*time.Hour))
	d.Link.ID = 5
	if err := pipeline.Issue(m, 10, m.clock, time.Hour, time.Minute)(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if d.Link.ID != 0 {
		t.Errorf("the fresh link carries number %d, so the ledger would never save it", d.Link.ID)
	}
}

func TestIssueReturnsTheIssuersErrorAsItIs(t *testing.T) {
	broken := errors.New("broken")
	m := &mint{now: ten, err: broken}
	if err := pipeline.Issue(m, 10, m.clock, time.Hour, time.Minute)(t.Context(), invite()); err != broken {
		t.Errorf("error = %v, want %v", err, broken)
	}
}
