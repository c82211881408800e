package mailer

import (
	"sync"
	"testing"
	"time"
)

// greeted is a connection whose server has said hello.
func greeted(t *testing.T) *connection {
	t.Helper()
	server, client := tcpPair(t)
	answerUpToDATA(server)
	s := newSocket(client)
	smtpClient, _, err := newDialer(Config{Host: "127.0.0.1", TLS: TLSNone, Timeout: time.Second, LocalName: "test"}).open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	c := newConnection(smtpClient, s, time.Second, time.Second)
	c.offers, c.pipelining, c.kept, c.carried = true, true, true, true
	return c
}

func epoch() time.Time { return time.Time{} }

// A sender who leaves commands behind another one takes the connection with him,
// though nothing has come back yet: the answers would be taken for those to
// somebody else's mail.
func TestCommandsOfOneWhoIsGoneEndTheConnection(t *testing.T) {
	for _, test := range []struct {
		sentence string
		late     bool
	}{
		{"He goes before his turn.", false},
		{"He goes as his turn comes.", true},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			c := greeted(t)
			p := newPool(Config{Connections: 1, IdleTimeout: time.Hour}, dialer{}, epoch)
			p.busy, c.followed = 1, true
			behind := turn{pool: p, c: c, chained: true, behind: true, spoke: true}
			if test.late {
				p.put(c)
				behind.end()
			} else {
				behind.end()
				p.put(c)
			}
			if !c.broken || len(p.idle) != 0 || p.busy != 0 {
				t.Errorf("broken: %v; %d idle, %d busy", c.broken, len(p.idle), p.busy)
			}
		})
	}
}

// One who waits behind a mail that the server takes its time for goes to another
// connection: at once when one is free, after a while whenever there may be
// others, since under load none ever is.
func TestWhenASenderBehindAnotherHasRoom(t *testing.T) {
	for _, test := range []struct {
		sentence          string
		connections, busy int
		soon, long        bool
	}{
		{"There is one connection.", 1, 1, false, false},
		{"All are in use.", 2, 2, false, true},
		{"One is free.", 2, 1, true, true},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			p := newPool(Config{Connections: test.connections}, dialer{}, epoch)
			p.busy = test.busy
			if soon, long := p.hasRoom(false), p.hasRoom(true); soon != test.soon || long != test.long {
				t.Errorf("room soon: %v, after long: %v", soon, long)
			}
		})
	}
}

// Time alone lets the server take more connections again. Who waits notices,
// though nothing happens: behind a mail that is not answered, and in the queue.
func TestALimitThatHasGrownBackIsNoticed(t *testing.T) {
	for _, offers := range []bool{true, false} {
		o, held, answer := holdAna()
		o.noPipelining = !offers
		cfg := openOffice(t, o)
		cfg.Connections = 2
		clock := &movedClock{at: noon()}
		m, err := New(cfg, clock.now)
		if err != nil {
			t.Fatal(err)
		}
		warm(t, m)
		m.pool.look = 5 * time.Millisecond
		m.pool.slow(0) // one at a time
		ana, others := make(chan error, 1), make(chan error, 2)
		go func() { _, _, err := send(m, to("ana")); ana <- err }()
		eventually(t, held.Load)
		waiting := 0
		for _, name := range []string{"beto", "carla"} {
			go func() { _, _, err := send(m, to(name)); others <- err }()
			eventually(t, func() bool {
				m.pool.mu.Lock()
				defer m.pool.mu.Unlock()
				behind := 0
				if offers {
					behind = 1
				}
				return len(m.pool.waiting)+behind > waiting && len(m.pool.ready) == 0
			})
			waiting++
		}
		clock.advance(growth)
		for range 2 {
			if err := <-others; err != nil {
				t.Error(err)
			}
		}
		close(answer)
		if err := <-ana; err != nil {
			t.Error(err)
		}
		_ = m.Close()
	}
}

// movedClock is a clock that stands still until somebody moves it.
type movedClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *movedClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *movedClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
