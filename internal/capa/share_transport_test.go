package capa

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"alta/pipeline"
)

// The old transport of these tests would keep its connections for ever.
func TestAConnectionOfTheShareBeforeIsClosed(t *testing.T) {
	const (
		before = iota // the share changes before the call
		during
		after
	)
	for _, c := range []struct {
		sentence string
		share    int
		when     int
	}{
		{"An idle one at once.", 4, after},
		{"At zero, too.", 0, after},
		{"One in use when its call has ended.", 4, during},
		{"At zero, too, and its call ends as it would.", 0, during},
		{"One of a call that had its turn, and comes only now.", 4, before},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			var client *Client
			closed := make(chan struct{})
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.when == during {
					client.SetShare(c.share, 0)
				}
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, `{"kycLink":"https://kyc.example/s"}`)
			}))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateClosed {
					close(closed)
				}
			}
			server.Start()
			defer server.Close()
			client, err := New(Config{BaseURL: server.URL, APIKey: pipeline.NewSecret("k"), Connections: 8}, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			old := client.line.transport
			old.IdleConnTimeout = 0
			defer old.CloseIdleConnections()
			if c.when == before {
				client.SetShare(c.share, 0)
			}
			u := pipeline.User{ID: "u1", Country: pipeline.MX}
			if a, lost := client.call(t.Context(), old, client.requests.link(u), maxAnswer); lost != nil || a.status != http.StatusCreated {
				t.Errorf("answer %d, %+v", a.status, lost)
			}
			client.SetShare(c.share, 0)
			select {
			case <-closed:
			case <-time.After(10 * time.Second):
				t.Error("the connection is kept")
			}
		})
	}
}

// A transport that is too small would keep calls waiting within their time-out,
// and one without a limit would open more connections than there are calls.
func TestTheTransportHasRoomForTheShare(t *testing.T) {
	client, err := New(Config{BaseURL: "https://capa.invalid", APIKey: pipeline.NewSecret("k"), Connections: 8}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sentence    string
		connections int
		rate        float64
		room        int
		same        bool // the transport stays
	}{
		{"The same share keeps the connections.", 8, 0, 8, true},
		{"So does a new rate.", 8, 5, 8, true},
		{"Fewer.", 3, 5, 3, false},
		{"More.", 12, 5, 12, false},
		{"With none there is room for a check.", 0, 5, 1, false},
		{"Less than none is none.", -1, 5, 1, true},
	} {
		before := client.line.current()
		client.SetShare(c.connections, c.rate)
		now := client.line.current()
		if now.MaxConnsPerHost != c.room || now.MaxIdleConnsPerHost != c.room || (now == before) != c.same {
			t.Errorf("%s Room for %d, and %d idle; the same: %v.", c.sentence, now.MaxConnsPerHost, now.MaxIdleConnsPerHost, now == before)
		}
	}
}
