package web

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// follow opens the stream of a desk, and returns what it says, line by line; the
// channel is closed at its end.
func (g *gate) follow(c *http.Client) <-chan string {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), "GET", g.base+"/events", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	response, err := c.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	said := make(chan string, 1000)
	go func() {
		defer close(said)
		defer response.Body.Close()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			said <- lines.Text()
		}
	}()
	return said
}

// streams returns those of a desk, which beat quickly.
func (g *gate) streams() *Streams {
	for _, route := range g.routes {
		if s, ok := route.Handler.(*Streams); ok {
			s.every = time.Millisecond
			return s
		}
	}
	g.t.Fatal("the desk has no streams")
	return nil
}

// until waits for a line that begins so; false is the end of the stream.
func until(t *testing.T, said <-chan string, begins string) bool {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		select {
		case line, ok := <-said:
			if !ok || strings.HasPrefix(line, begins) {
				return ok
			}
		case <-late:
			t.Fatalf("the stream neither says %q nor ends", begins)
		}
	}
}

func TestAStreamEndsWithItsLogin(t *testing.T) {
	for _, test := range []struct {
		it   string
		ends func(*gate, *http.Client)
	}{
		{"its token is revoked", func(g *gate, _ *http.Client) { g.ring.revoke(viewerToken) }},
		{"whoever follows signs out in another tab", func(g *gate, c *http.Client) { g.send(c, "POST", "/logout", "") }},
		{"nobody has used the page for two hours, whatever the stream showed", func(g *gate, _ *http.Client) { g.pass(loginIdle) }},
		{"the ledger can't say who follows", func(g *gate, _ *http.Client) { g.ring.fail(errors.New("the disk is gone")) }},
	} {
		t.Run(test.it, func(t *testing.T) {
			g, _, _, _, _ := newDesk(t)
			g.streams()
			c := g.signedIn(viewerToken)
			said := g.follow(c)
			if !until(t, said, "event: show") {
				t.Fatal("the stream ended at once")
			}
			test.ends(g, c)
			if until(t, said, "event: show") {
				t.Error("the stream went on")
			}
		})
	}
}

// A page that is only open is not used: neither the stream nor its coming back renews
// the login, and a page that is looked at does.
func TestFollowingKeepsNoLoginAlive(t *testing.T) {
	g, _, _, _, _ := newDesk(t)
	g.streams()
	c := g.signedIn(viewerToken)
	g.pass(loginIdle - time.Minute)
	if !until(t, g.follow(c), "event: show") {
		t.Fatal("the stream ended at once")
	}
	g.pass(time.Minute)
	if a := g.send(c, "GET", "/", ""); a.status != http.StatusSeeOther {
		t.Errorf("after two hours of following the page is answered %d", a.status)
	}
}

// One token has a few streams, and leaves the others to the others.
func TestAFewStreamsForEachToken(t *testing.T) {
	streams := NewStreams(operatorPages(t, true), make(liveFeed), time.Now)
	for _, test := range []struct {
		it, token string
		want      bool
	}{
		{"the first", "vera", true}, {"the second", "vera", true}, {"the third", "vera", true}, {"the fourth", "vera", true},
		{"one too many", "vera", false}, {"another token's first", "olga", true},
	} {
		if got := streams.take(test.token); got != test.want {
			t.Errorf("%s is given: %v", test.it, got)
		}
	}
	ctx := context.WithValue(t.Context(), whoKey{}, Who{"vera", Viewer})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { streams.ServeHTTP(w, r.WithContext(ctx)) })
	if response, text := browse(t, h, "GET", "/events", English, ""); response.StatusCode != http.StatusOK || text != "retry: 30000\n\n" {
		t.Errorf("one too many is answered %d, %q", response.StatusCode, text)
	}
	streams.give("vera")
	if !streams.take("vera") {
		t.Error("a stream that ended leaves no room")
	}
	for range mostOfOne {
		streams.give("vera")
	}
	streams.give("olga")
	if len(streams.slots) != 0 || len(streams.byWho) != 0 {
		t.Errorf("%d slots and %v are left behind", len(streams.slots), streams.byWho)
	}
}
