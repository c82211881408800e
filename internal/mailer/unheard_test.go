package mailer

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"alta/pipeline"
)

// forgetful answers a command and forgets what came with it in one write, as a
// filter does that passes on what a server offers and reads one command at a time.
func forgetful() *office {
	o := &office{}
	o.script = func(v *visit, at step) string {
		if at < atDot {
			_, _ = v.in.Discard(v.in.Buffered())
		}
		return ""
	}
	return o
}

// A server that offers PIPELINING and does not answer commands that come together
// gets them one at a time: after one time-out, and without an attempt that anybody
// pays.
func TestAServerThatDoesNotHearAGroupGetsOneCommandAtATime(t *testing.T) {
	o := forgetful()
	cfg := openOffice(t, o)
	cfg.Timeout = 200 * time.Millisecond
	var mu sync.Mutex
	var warnings []string
	cfg.Warn = func(message string) {
		mu.Lock()
		defer mu.Unlock()
		warnings = append(warnings, message)
	}
	clock := noon()
	m, err := New(cfg, func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	for _, name := range []string{"ana", "beto", "carla"} {
		if _, _, err := send(m, to(name)); err != nil || o.kept(name) != 1 {
			t.Errorf("%s: kept %d times, %v", name, o.kept(name), err)
		}
	}
	if n := o.connections(); n != 2 {
		t.Errorf("%d connections, want the one that was not answered and another", n)
	}
	if len(warnings) != 1 {
		t.Errorf("warned %q, want once", warnings)
	}
	// After a while it is tried again, on the connection that stands.
	clock = clock.Add(solitude)
	if _, _, err := send(m, to("dora")); err != nil || o.kept("dora") != 1 {
		t.Errorf("an hour later: kept %d times, %v", o.kept("dora"), err)
	}
	if n := o.connections(); n != 3 {
		t.Errorf("%d connections an hour later, want 3", n)
	}
}

// A server that answers nothing of a group is known by the second one that it
// swallows, for a connection that is gone without a word looks like the first.
func TestAServerThatSwallowsGroupsGetsOneCommandAtATime(t *testing.T) {
	for _, test := range []struct {
		sentence string
		swallows int // groups
		plain    bool
	}{
		{"One group is a connection that was gone.", 1, false},
		{"Two groups, with a mail that went well between them, are the server.", 2, true},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			gone := make(chan struct{})
			o := &office{}
			var swallowed atomic.Int32
			o.script = func(v *visit, at step) string {
				if at == atRSET && v.in.Buffered() > 0 && int(swallowed.Add(1)) <= test.swallows {
					<-gone
					return cutOff
				}
				return ""
			}
			cfg := openOffice(t, o)
			cfg.Timeout = 100 * time.Millisecond
			m := newMailer(t, cfg)
			for _, name := range []string{"ana", "beto", "carla", "dora"} {
				if _, _, err := send(m, to(name)); err != nil || o.kept(name) != 1 {
					t.Errorf("%s: kept %d times, %v", name, o.kept(name), err)
				}
			}
			close(gone)
			if got := m.pool.plain != (time.Time{}); got != test.plain || o.connections() != test.swallows+1 {
				t.Errorf("one command at a time: %v; %d connections", got, o.connections())
			}
		})
	}
}

func TestMuteness(t *testing.T) {
	const swallowed, answered = true, false
	type group struct {
		era  int // of its connection
		fate bool
	}
	for _, test := range []struct {
		sentence string
		groups   []group
		want     []bool // whether it is the server, by then
	}{
		{"The network may have lost two connections at once.", []group{{0, swallowed}, {0, swallowed}}, []bool{false, false}},
		{"The server swallows the first group of a connection that was opened since.", []group{{0, swallowed}, {0, swallowed}, {1, swallowed}}, []bool{false, false, true}},
		{"A group that is answered speaks for the server.", []group{{0, swallowed}, {1, answered}, {1, swallowed}, {2, swallowed}}, []bool{false, false, false, true}},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			var m muteness
			for i, g := range test.groups {
				got := false
				if g.fate == answered {
					m.heard()
				} else {
					got = m.swallowed(g.era)
				}
				if got != test.want[i] {
					t.Errorf("group %d: %v", i, got)
				}
			}
		})
	}
}

// A connection that nobody was mailed on has not shown yet how the server answers.
func TestAConnectionThatCarriedNothingGoesACommandAtATime(t *testing.T) {
	o := &office{}
	m := newMailer(t, openOffice(t, o))
	refusal := errors.New("no longer owed")
	if _, err := m.Send(t.Context(), to("ana"), func() error { return refusal }); err != refusal {
		t.Fatalf("got %v", err)
	}
	for i, name := range []string{"beto", "carla"} {
		if _, _, err := send(m, to(name)); err != nil {
			t.Fatal(err)
		}
		if together := o.visit(1).pipelined(); together != (i == 1) {
			t.Errorf("%s: the commands came together: %v", name, together)
		}
	}
	if got := o.visit(1).commands(); !slices.Equal(got[:5], []string{"EHLO", "RSET", "MAIL", "RCPT", "DATA"}) || o.connections() != 1 {
		t.Errorf("%d connections; the server got %q", o.connections(), got)
	}
}

// Nothing of a group has left when its write fails at once: no server was asked.
func TestAWriteThatFailsSaysNothingAboutTheServer(t *testing.T) {
	c := greeted(t)
	c.timeout = -time.Second // the deadline has passed before the write
	p := newPool(Config{Connections: 1, IdleTimeout: time.Hour}, dialer{}, epoch)
	p.busy, p.muteness = 1, muteness{suspected: true}
	alone := turn{pool: p, c: c, kept: true}
	if _, err := alone.carry(t.Context(), letter(nil), func() error { return nil }); err != errElsewhere || !c.broken {
		t.Errorf("got %v", err)
	}
	if p.plain != (time.Time{}) || p.alone != (time.Time{}) || p.muteness != (muteness{suspected: true}) {
		t.Error("the server is blamed")
	}
}

// A server that takes its time over a recipient has heard the group; everybody
// else's mails stay as fast as they were.
func TestARecipientWhoTakesLongKeepsNobodyFromPipelining(t *testing.T) {
	quiet := make(chan struct{})
	o := &office{}
	o.script = func(v *visit, at step) string {
		if v.to == "ana" && at == atRCPT {
			<-quiet
			return cutOff
		}
		return ""
	}
	cfg := openOffice(t, o)
	cfg.Timeout = 200 * time.Millisecond
	m := newMailer(t, cfg)
	warm(t, m)
	_, begun, err := send(m, to("ana"))
	close(quiet)
	if f := pipeline.AsFault(err); err == nil || f.Kind != pipeline.Retry || begun != 1 {
		t.Errorf("begun %d times, %v", begun, err)
	}
	for _, name := range []string{"beto", "carla"} {
		if _, _, err := send(m, to(name)); err != nil {
			t.Error(err)
		}
	}
	if m.pool.plain != (time.Time{}) {
		t.Error("pipelining is off")
	}
	if last := o.visit(o.connections()); !slices.Contains(last.commands(), ".") || !last.pipelined() {
		t.Errorf("the next mail went as %q", last.commands())
	}
}
