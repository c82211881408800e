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
	mu       sync.Mutex
	limit    limit
	underWay int
	waiting  list.List // of chan turn, each with room for one
}

// turn is the right to make one call.
type turn struct{ cuts int } // [limit].cuts when it began

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
	if l.waiting.Len() == 0 && l.underWay < l.limit.now {
		t := l.begin()
		l.mu.Unlock()
		return t, nil
	}
	mine := make(chan turn, 1)
	place := l.waiting.PushBack(mine)
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
	l.mu.Lock()
	defer l.mu.Unlock()
	switch felt {
	case bearable:
		l.limit.answered(l.underWay >= l.limit.now)
	case overload:
		l.limit.overloaded(t.cuts)
	}
	l.underWay--
	l.call()
}

// call lets in whom the limit allows. The caller holds the lock.
func (l *line) call() {
	for l.waiting.Len() > 0 && l.underWay < l.limit.now {
		l.waiting.Remove(l.waiting.Front()).(chan turn) <- l.begin()
	}
}

// begin counts a call. The caller holds the lock.
func (l *line) begin() turn {
	l.underWay++
	return turn{l.limit.cuts}
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
