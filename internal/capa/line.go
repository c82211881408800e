package capa

import (
	"container/list"
	"context"
	"net/http"
	"sync"
)

// line lets calls begin in the order in which they came, and no more of them be
// under way than the limit allows. It is safe for concurrent use.
type line struct {
	mu        sync.Mutex
	limit     limit
	transport *http.Transport // has room for as many calls as the limit can allow
	underWay  int
	waiting   list.List // of chan turn, each with room for one
}

// turn is the right to make one call.
type turn struct {
	cuts      int             // [limit].cuts when it began
	transport *http.Transport // to make it with
	held      bool            // false once it was given up
}

// load says what a call told of the API's load.
type load int

const (
	unknown  load = iota // no call was made
	bearable             // it was answered
	overload
)

func newLine(most int) *line { return &line{limit: newLimit(most)} }

// enter waits for a turn, which leave must give back. Its error is the
// context's.
func (l *line) enter(ctx context.Context) (turn, error) {
	l.mu.Lock()
	if l.waiting.Len() == 0 && l.underWay < l.limit.places() {
		t := l.begin()
		l.mu.Unlock()
		return t, nil
	}
	return l.wait(ctx, l.waiting.PushBack)
}

// keep confirms a turn right before its call. When the share was lowered since
// the turn began, and more are under way than it allows, the turn is given up
// for a later one, ahead of those who have had none; kept is false then, and the
// caller must look anew whether the call may be made. The error is the context's,
// with which the turn is gone.
func (l *line) keep(ctx context.Context, t *turn) (kept bool, err error) {
	l.mu.Lock()
	if l.underWay <= l.limit.most {
		t.transport = l.transport
		l.mu.Unlock()
		return true, nil
	}
	l.underWay-- // which lets nobody in: there are as many left as may be, at least
	*t, err = l.wait(ctx, l.waiting.PushFront)
	return false, err
}

// wait takes a place in the line, and waits for a turn. The caller holds the
// lock, which wait releases.
func (l *line) wait(ctx context.Context, push func(any) *list.Element) (turn, error) {
	mine := make(chan turn, 1)
	place := push(mine)
	l.mu.Unlock()

	select {
	case t := <-mine:
		return t, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-mine: // it came together with the end, so it goes to the next
		l.underWay--
		l.call()
	default:
		l.waiting.Remove(place)
	}
	return turn{}, ctx.Err()
}

// leave gives the turn back.
func (l *line) leave(t turn, felt load) {
	if !t.held {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch felt {
	case bearable:
		l.limit.answered(l.underWay >= l.limit.places())
	case overload:
		l.limit.overloaded(t.cuts)
	}
	l.underWay--
	l.call()
}

// resize sets the most calls and the transport that has room for them, at one
// moment, so that no call is kept waiting by a transport that is too small for
// the calls beside it. It returns the transport before.
func (l *line) resize(most int, transport *http.Transport) (old *http.Transport) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old, l.transport = l.transport, transport
	l.limit.resize(most)
	l.call()
	return old
}

// current returns the transport of calls that begin now.
func (l *line) current() *http.Transport {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.transport
}

// call lets in whom the limit allows. The caller holds the lock.
func (l *line) call() {
	for l.waiting.Len() > 0 && l.underWay < l.limit.places() {
		l.waiting.Remove(l.waiting.Front()).(chan turn) <- l.begin()
	}
}

// begin counts a call. The caller holds the lock.
func (l *line) begin() turn {
	l.underWay++
	return turn{cuts: l.limit.cuts, transport: l.transport, held: true}
}

// feel tells what the end of a call says of the API's load. No answer, or that
// of a gateway whose server gave none, is as much a sign as a plain 429: a
// server that is merely slow to refuse must not be asked more.
func feel(a answer, lost *loss) load {
	if lost != nil {
		return overload
	}
	switch a.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return overload
	}
	return bearable
}
