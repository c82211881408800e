package mailer

import (
	"slices"
	"sync"
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
		if _, begun, err := send(m, to(name)); err != nil || begun != 1 || o.kept(name) != 1 {
			t.Errorf("%s: begun %d times, kept %d times, %v", name, begun, o.kept(name), err)
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
	if _, begun, err := send(m, to("dora")); err != nil || begun != 1 || o.kept("dora") != 1 {
		t.Errorf("an hour later: begun %d times, %v", begun, err)
	}
	if n := o.connections(); n != 3 {
		t.Errorf("%d connections an hour later, want 3", n)
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
