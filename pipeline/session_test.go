package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"alta/pipeline"
)

// sessions is a ledger of sessions that answers as it was told, the last answer for
// ever, and notes what it is asked.
type sessions struct {
	answers        []pipeline.Opening
	err, finishErr error
	giveUpErr      error
	asked          int
	wrote          []string
	finished       pipeline.Link
	ended          bool // the context of a write was at its end
}

func (s *sessions) StartSession(context.Context, pipeline.Holder, pipeline.SessionRules, time.Time) (pipeline.Opening, error) {
	o := s.answers[min(s.asked, len(s.answers)-1)]
	s.asked++
	return o, s.err
}

func (s *sessions) FinishSession(ctx context.Context, session int64, l pipeline.Link) error {
	s.wrote, s.finished, s.ended = append(s.wrote, fmt.Sprint("finish ", session)), l, s.ended || ctx.Err() != nil
	return s.finishErr
}

func (s *sessions) GiveUpSession(ctx context.Context, session int64, doubtful bool, _ time.Time) error {
	s.wrote, s.ended = append(s.wrote, fmt.Sprintf("give up %d, doubtful %v", session, doubtful)), s.ended || ctx.Err() != nil
	return s.giveUpErr
}

func TestCounter(t *testing.T) {
	mintOne := pipeline.Opening{Kind: pipeline.OpenMint, User: pipeline.User{ID: "u", Status: pipeline.Pending}, Session: 7}
	wait := pipeline.Opening{Kind: pipeline.OpenWait}
	old := link("https://kyc.example/old", ten.Add(-time.Hour))
	reuse := pipeline.Opening{Kind: pipeline.OpenReuse, Link: old}
	refused := &pipeline.Fault{Kind: pipeline.Fail, Code: "capa.not_found"}
	unclear := &pipeline.Fault{Kind: pipeline.Retry, Code: "capa.timeout", Doubtful: true}
	taken := &pipeline.Fault{Kind: pipeline.Hold, Code: "link_taken"}
	disk := errors.New("the disk is gone")
	for _, c := range []struct {
		name       string
		ledger     sessions
		ask, issue error
		url        string // that is opened; "" is none
		minted     bool
		code       string // of the fault
		is         error  // in the chain of the error
		asked      int
		wrote      string
		mints      int
	}{
		{name: "Whoever is to mint gets a fresh link, which is kept.", ledger: sessions{answers: []pipeline.Opening{mintOne}},
			url: "https://kyc.example/fresh", minted: true, asked: 1, wrote: "finish 7", mints: 1},
		{name: "A link with enough life left is used again.", ledger: sessions{answers: []pipeline.Opening{reuse}},
			url: "https://kyc.example/old", asked: 1},
		{name: "Who comes while somebody else mints waits, and gets that link.", ledger: sessions{answers: []pipeline.Opening{wait, wait, reuse}},
			url: "https://kyc.example/old", asked: 3},
		{name: "Where the other one gave up, whoever waited mints.", ledger: sessions{answers: []pipeline.Opening{wait, mintOne}},
			url: "https://kyc.example/fresh", minted: true, asked: 2, wrote: "finish 7", mints: 1},
		{name: "A spent budget says so, and mints nothing.", ledger: sessions{answers: []pipeline.Opening{{Kind: pipeline.OpenSpent, Opens: ten.Add(time.Hour)}}},
			code: pipeline.CodeBudget, asked: 1},
		{name: "A user who is done gets nothing, and the code says why.", ledger: sessions{answers: []pipeline.Opening{{Kind: pipeline.OpenRefuse, User: pipeline.User{Status: pipeline.Verified}}}},
			code: "user_verified", asked: 1},
		{name: "A ledger that fails is passed on, and nothing is minted.", ledger: sessions{answers: []pipeline.Opening{mintOne}, err: disk},
			code: "unclassified", is: disk, asked: 1},
		{name: "What is asked before a mint can keep it from happening, at no cost to the budget.", ledger: sessions{answers: []pipeline.Opening{mintOne}}, ask: refused,
			code: "capa.not_found", is: refused, asked: 1, wrote: "give up 7, doubtful false"},
		{name: "A mint that the partner refuses is given up.", ledger: sessions{answers: []pipeline.Opening{mintOne}}, issue: refused,
			code: "capa.not_found", is: refused, asked: 1, wrote: "give up 7, doubtful false", mints: 1},
		{name: "A mint of which nobody knows is doubtful.", ledger: sessions{answers: []pipeline.Opening{mintOne}}, issue: unclear,
			code: "capa.timeout", is: unclear, asked: 1, wrote: "give up 7, doubtful true", mints: 1},
		{name: "A link that another user has is given to nobody, and counts.", ledger: sessions{answers: []pipeline.Opening{mintOne}, finishErr: taken},
			code: "link_taken", is: taken, asked: 1, wrote: "finish 7; give up 7, doubtful true", mints: 1},
		{name: "A link that could not be kept is given to nobody, and counts.", ledger: sessions{answers: []pipeline.Opening{mintOne}, finishErr: disk},
			code: "unclassified", is: disk, asked: 1, wrote: "finish 7; give up 7, doubtful true", mints: 1},
		{name: "Where giving up fails, too, both are told.", ledger: sessions{answers: []pipeline.Opening{mintOne}, giveUpErr: disk}, issue: refused,
			code: "capa.not_found", is: disk, asked: 1, wrote: "give up 7, doubtful false", mints: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, ledger := &mint{now: ten, err: c.issue}, c.ledger
			counter := pipeline.Counter{Ledger: &ledger, Issuer: m, Rules: pipeline.SessionRules{Budget: 3, TTL: 24 * time.Hour}, Now: m.clock}
			if c.ask != nil {
				counter.Ask = func(_ context.Context, d *pipeline.Delivery) error {
					if d.User.ID != "u" {
						t.Errorf("asked about %q", d.User.ID)
					}
					return c.ask
				}
			}
			l, minted, err := counter.Open(t.Context(), pipeline.Holder{UserID: "u"})
			if (err == nil) != (c.code == "") || err != nil && pipeline.AsFault(err).Code != c.code || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %v, want code %q and %v", err, c.code, c.is)
			}
			if !l.URL.Equal(pipeline.NewSecret(c.url)) || minted != c.minted {
				t.Errorf("link %q, minted %v", l.URL.Reveal(), minted)
			}
			if c.minted && (!l.IssuedAt.Equal(ten) || !l.ExpiresAt.Equal(ten.Add(24*time.Hour)) || !ledger.finished.URL.Equal(l.URL)) {
				t.Errorf("of %v until %v, and what is kept is another: the life of a link counts from before it was asked for", l.IssuedAt, l.ExpiresAt)
			}
			if got := strings.Join(ledger.wrote, "; "); got != c.wrote || ledger.asked != c.asked || m.calls != c.mints {
				t.Errorf("wrote %q, asked the ledger %d times and the partner %d", got, ledger.asked, m.calls)
			}
		})
	}
}

// The end of whoever asks ends the wait for somebody else's mint, and no mint: a
// session that was opened at the partner must not be forgotten.
func TestCounterAndTheEndOfWhoeverAsks(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	waiting := &sessions{answers: []pipeline.Opening{{Kind: pipeline.OpenWait}}}
	m := &mint{now: ten}
	_, minted, err := pipeline.Counter{Ledger: waiting, Issuer: m, Now: m.clock}.Open(gone, pipeline.Holder{UserID: "u"})
	if f := pipeline.AsFault(err); minted || f.Code != pipeline.CodeWait || f.Kind != pipeline.Retry || !errors.Is(err, context.Canceled) || m.calls != 0 {
		t.Errorf("whoever waits is told %v", err)
	}
	minting := &sessions{answers: []pipeline.Opening{{Kind: pipeline.OpenMint, Session: 7}}}
	l, minted, err := pipeline.Counter{Ledger: minting, Issuer: m, Now: m.clock}.Open(gone, pipeline.Holder{UserID: "u"})
	if err != nil || !minted || l.URL.IsZero() || minting.ended || !slices.Equal(minting.wrote, []string{"finish 7"}) {
		t.Errorf("whoever mints gets %v, %v; wrote %q, at its end %v", minted, err, minting.wrote, minting.ended)
	}
}
