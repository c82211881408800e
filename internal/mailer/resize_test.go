package mailer

import (
	"runtime"
	"slices"
	"sync"
	"testing"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// desk is where the catcher has a whole mail and has not acknowledged it yet. It
// counts the mails that are there at one time, which are at most as many as there
// are connections that carry one, and it can be shut.
type desk struct {
	mu      sync.Mutex
	changed *sync.Cond
	shut    bool
	now     int
	most    int // of now, since the desk was opened last
	came    int // all in all
}

func newDesk() *desk {
	d := new(desk)
	d.changed = sync.NewCond(&d.mu)
	return d
}

// take is the catcher's OnMail.
func (d *desk) take(sandbox.Mail) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now++
	d.came++
	d.most = max(d.most, d.now)
	d.changed.Broadcast()
	for d.shut {
		d.changed.Wait()
	}
	d.now--
}

// until waits for what happens at the desk.
func (d *desk) until(condition func() bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !condition() {
		d.changed.Wait()
	}
}

// shutWith shuts the desk and waits until so many mails are there.
func (d *desk) shutWith(mails int) {
	d.mu.Lock()
	d.shut = true
	d.mu.Unlock()
	d.until(func() bool { return d.now == mails })
}

func (d *desk) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut, d.most = false, 0
	d.changed.Broadcast()
}

// eventuallyPool waits for a state of the pool, whose lock is held meanwhile.
func eventuallyPool(t *testing.T, m *Mailer, condition func(p *pool) bool) {
	t.Helper()
	eventually(t, func() bool {
		m.pool.mu.Lock()
		defer m.pool.mu.Unlock()
		return condition(m.pool)
	})
}

// eachOnce checks that no mail was lost or doubled.
func eachOnce(t *testing.T, s *sandbox.SMTP, all []*pipeline.Delivery) {
	t.Helper()
	times := map[string]int{}
	for _, mail := range s.Mails() {
		times[mail.To[0]]++
	}
	for _, d := range all {
		if n := times[d.User.Email]; n != 1 {
			t.Errorf("%s has %d mails", d.User.Email, n)
		}
	}
}

// 20 workers send 200 mails. In mid-run a mail is on each of the eight connections
// and, with PIPELINING, an envelope behind each.
func TestTheConnectionsAreResizedInMidRun(t *testing.T) {
	for _, c := range []struct {
		sentence     string
		noPipelining bool
		sizes        []int // one after the other, from eight
	}{
		{"Fewer, each with a sender behind.", false, []int{3}},
		{"Fewer, one mail after the other.", true, []int{3}},
		{"One.", false, []int{1}},
		{"One, one mail after the other.", true, []int{1}},
		{"None, and some again.", false, []int{0, 5}},
		{"None, and some again, one mail after the other.", true, []int{0, 5}},
		{"None for a moment.", false, []int{0, 8}},
		{"More.", false, []int{12}},
		{"Fewer and fewer, and more.", false, []int{5, 2, 9}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			d := newDesk()
			s := startCatcher(t, sandbox.SMTPOptions{NoPipelining: c.noPipelining, OnMail: d.take})
			cfg := configFor(s)
			cfg.Connections = 8
			m := newMailer(t, cfg)
			all := users(200)
			var sending sync.WaitGroup
			sending.Go(func() {
				for _, err := range sendAll(m, 20, all) {
					t.Error(err)
				}
			})
			d.until(func() bool { return d.came >= 60 })
			was := 8
			for _, size := range c.sizes {
				d.shutWith(was)
				eventuallyPool(t, m, func(p *pool) bool {
					behind := 20 - p.busy - len(p.waiting)
					return p.opening == 0 && (c.noPipelining || behind == min(was, 20-was))
				})
				m.SetConnections(size)
				m.SetConnections(size)
				if size > was {
					d.until(func() bool { return d.now == size }) // those who wait need nobody to end
				}
				d.open()
				if size > 0 {
					came := func() int { d.mu.Lock(); defer d.mu.Unlock(); return d.came }()
					d.until(func() bool { return d.came >= came+20 })
				} else {
					s.Settle() // until no connection is open
					eventuallyPool(t, m, func(p *pool) bool { return len(p.waiting) == 20 && p.total() == 0 })
					d.until(func() bool { return d.now == 0 })
				}
				d.mu.Lock()
				if d.most > size {
					t.Errorf("%d mails at one time, want at most %d", d.most, size)
				}
				d.mu.Unlock()
				was = size
			}
			m.SetConnections(was) // it is the same
			sending.Wait()
			eachOnce(t, s, all)
			if d.most > was {
				t.Errorf("%d mails at one time, want at most %d", d.most, was)
			}
			if eventuallyPool(t, m, func(p *pool) bool { return p.retiring == 0 }); m.pool.total() > was {
				t.Errorf("%d connections, want at most %d", m.pool.total(), was)
			}
		})
	}
}

func TestResizingWithoutEndLosesNothing(t *testing.T) {
	s := startCatcher(t, sandbox.SMTPOptions{})
	cfg := configFor(s)
	cfg.Connections = 8
	m := newMailer(t, cfg)
	all := users(100)
	var resizing sync.WaitGroup
	sent := make(chan struct{})
	for _, sizes := range [][]int{{0, 8, 3}, {1, 5, 0, 2, 12, -1}} {
		resizing.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-sent:
					return
				default:
					m.SetConnections(sizes[n%len(sizes)])
					runtime.Gosched()
				}
			}
		})
	}
	for _, err := range sendAll(m, 20, all) {
		t.Error(err)
	}
	close(sent)
	resizing.Wait()
	eachOnce(t, s, all)
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	for _, n := range []int{0, 5, 5} {
		m.SetConnections(n)
	}
	if _, _, err := send(m, to("ana")); pipeline.AsFault(err).Code != "smtp.closed" {
		t.Errorf("after Close: %v", err)
	}
}

func TestMoreConnectionsWakeThoseWhoWait(t *testing.T) {
	for _, c := range []struct {
		sentence      string
		before, after int
	}{
		{"From one.", 1, 8},
		{"From none.", 0, 8},
		{"Some of them.", 2, 5},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			d := newDesk()
			d.shut = true
			s := startCatcher(t, sandbox.SMTPOptions{OnMail: d.take})
			m := newMailer(t, configFor(s))
			m.SetConnections(c.before)
			all := users(8)
			var sending sync.WaitGroup
			sending.Go(func() {
				for _, err := range sendAll(m, 8, all) {
					t.Error(err)
				}
			})
			d.until(func() bool { return d.now == c.before })
			eventuallyPool(t, m, func(p *pool) bool { return len(p.waiting) == 8-c.before })
			m.SetConnections(c.after)
			d.until(func() bool { return d.now == c.after })
			d.open()
			sending.Wait()
			eachOnce(t, s, all)
		})
	}
}

func TestIdleConnectionsBeyondTheMostAreClosedAtOnce(t *testing.T) {
	d := newDesk()
	s := startCatcher(t, sandbox.SMTPOptions{OnMail: d.take})
	cfg := configFor(s)
	cfg.Connections = 4
	m := newMailer(t, cfg)
	d.shut = true
	var sending sync.WaitGroup
	sending.Go(func() {
		for _, err := range sendAll(m, 4, users(4)) {
			t.Error(err)
		}
	})
	d.until(func() bool { return d.now == 4 })
	d.open()
	sending.Wait()
	gone := func() (n int) {
		for conn := range s.Connections() {
			if slices.Contains(verbsOf(s, conn+1), "QUIT") {
				n++
			}
		}
		return n
	}
	m.SetConnections(4)
	if gone() != 0 {
		t.Errorf("the same number closed %d connections", gone())
	}
	m.SetConnections(1)
	eventuallyPool(t, m, func(p *pool) bool { return p.retiring == 0 })
	if _, _, err := send(m, to("ana")); err != nil || gone() != 3 || s.Connections() != 4 {
		t.Errorf("%d of %d connections were closed, error %v", gone(), s.Connections(), err)
	}
}
