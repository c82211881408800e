package web

import (
	"net/http"
	"net/netip"
	"testing"
	"time"
)

func TestAttemptsAreBoundedByAddressAndOverall(t *testing.T) {
	a, now := newAttempts(attemptsAtOnce, attemptEvery), time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range attemptsAtOnce {
		if wait := a.allow(one, now); wait != 0 {
			t.Fatalf("wait %s", wait)
		}
	}
	for range 10_000 { // it costs the others nothing
		if wait := a.allow(one, now); wait != attemptEvery {
			t.Fatalf("wait %s, want %s", wait, attemptEvery)
		}
	}
	if wait := a.allow(other, now); wait != 0 {
		t.Errorf("another address waits %s", wait)
	}
	if wait := a.allow(one, now.Add(attemptEvery/2)); wait != attemptEvery/2 {
		t.Errorf("half-way it waits %s", wait)
	}
	if wait := a.allow(one, now.Add(attemptEvery)); wait != 0 {
		t.Errorf("after its pause it waits %s", wait)
	}
}

// A million addresses get no further than a few, and leave nothing behind.
func TestManyAddressesFillNoMemory(t *testing.T) {
	a, now := newAttempts(attemptsAtOnce, attemptEvery), time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	allowed := 0
	for i := range 1_000_000 {
		if a.allow(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now) == 0 {
			allowed++
		}
		if len(a.by) > 2*allAttemptsAtOnce {
			t.Fatalf("%d addresses are remembered", len(a.by))
		}
		now = now.Add(10 * time.Microsecond)
	}
	if most := allAttemptsAtOnce + int(10*time.Second/anyAttemptEvery); allowed > most || allowed < allAttemptsAtOnce {
		t.Errorf("%d attempts in 10 s, want %d at the most", allowed, most)
	}
	now = now.Add(time.Hour)
	a.allow(netip.MustParseAddr("192.0.2.1"), now)
	if len(a.by) != 1 {
		t.Errorf("%d addresses are remembered after an hour", len(a.by))
	}
}

func TestClientAddr(t *testing.T) {
	for _, test := range []struct {
		it, peer string
		hops     []string
		proxy    bool
		want     string
	}{
		{"the peer", "192.0.2.7:1234", nil, false, "192.0.2.7"},
		{"the peer, whatever it says", "192.0.2.7:1234", []string{"203.0.113.9"}, false, "192.0.2.7"},
		{"the last hop", "127.0.0.1:1234", []string{"203.0.113.9"}, true, "203.0.113.9"},
		{"the last of several", "127.0.0.1:1234", []string{"10.0.0.1, 203.0.113.9"}, true, "203.0.113.9"},
		{"the last of several fields", "127.0.0.1:1234", []string{"10.0.0.1", "10.0.0.2,203.0.113.9"}, true, "203.0.113.9"},
		{"a hop with a port", "127.0.0.1:1234", []string{"203.0.113.9:4711"}, true, "203.0.113.9"},
		{"the proxy where it says nothing", "127.0.0.1:1234", nil, true, "127.0.0.1"},
		{"the proxy where it says nonsense", "127.0.0.1:1234", []string{"unknown"}, true, "127.0.0.1"},
		{"an IPv4 address in IPv6", "[::ffff:192.0.2.7]:1234", nil, false, "192.0.2.7"},
		{"the network of an IPv6 address", "[2001:db8:1:2:3:4:5:6]:1234", nil, false, "2001:db8:1:2::"},
		{"a hop of IPv6 with a port", "127.0.0.1:1234", []string{"[2001:db8:1:2:3:4:5:6]:4711"}, true, "2001:db8:1:2::"},
		{"an address with a zone", "[fe80::1%eth0]:1234", nil, false, "fe80::"},
	} {
		t.Run(test.it, func(t *testing.T) {
			r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": test.hops}}
			if got := clientAddr(r, test.proxy); got.String() != test.want {
				t.Errorf("the client is %s, want %s", got, test.want)
			}
		})
	}
}
