package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"alta/pipeline"
)

// LiveRuns tells of the run that is under way.
type LiveRuns interface {
	// LiveRun returns the run under way, nil for none. It is asked about once a
	// second for each page that follows it, so it is cheap.
	LiveRun(ctx context.Context) (*LiveRun, error)
}

// LiveRun is a run that is under way.
type LiveRun struct {
	ID        int64
	Trigger   string
	StartedAt time.Time
	Due       int // mails that were due when it began; 0 is unknown
	SoFar     pipeline.Report
}

// liveView is what the part "live" of the overview shows.
type liveView struct {
	Run *LiveRun
	Now time.Time
}

// Most is the end of the bar: what falls due meanwhile is taken along.
func (v liveView) Most() int { return max(v.Run.Due, v.Run.SoFar.Selected, 1) }

// Bad counts the mails that did not go out.
func (v liveView) Bad() int { return v.Run.SoFar.Selected - v.Run.SoFar.Sent }

const (
	mostStreams  = 32
	mostOfOne    = 4 // streams of one token: as many pages as a person looks at, and room for others
	streamEvery  = time.Second
	streamLife   = 10 * time.Minute // then the browser connects, and proves who it is, again
	streamWrite  = 10 * time.Second // for one event
	streamRepeat = 15               // events without news between two signs of life
)

// Streams sends the progress of the run under way to the pages that follow it, as
// server-sent events. A stream is let in by whoever guards its route, and looks at each
// beat whether its login still stands, so that one that was revoked ends at once.
type Streams struct {
	pages *Pages
	live  LiveRuns
	now   pipeline.Clock // the machine's own: deadlines of connections go by it
	every time.Duration
	slots chan struct{}
	mu    sync.Mutex
	byWho map[string]int // streams by the name of the token
	stop  chan struct{}
	once  sync.Once
}

// NewStreams returns streams that end when they are closed.
func NewStreams(pages *Pages, live LiveRuns, now pipeline.Clock) *Streams {
	return &Streams{
		pages: pages, live: live, now: now, every: streamEvery,
		slots: make(chan struct{}, mostStreams), byWho: map[string]int{}, stop: make(chan struct{}),
	}
}

// Close ends every stream, so that the server can stop. It does not wait for them;
// the server does.
func (s *Streams) Close() { s.once.Do(func() { close(s.stop) }) }

// ServeHTTP answers GET /events.
func (s *Streams) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would keep the events for itself
	who, _ := WhoAsks(r.Context())
	if !s.take(who.Name) {
		// Anything but 200 would keep the browser from coming back.
		_, _ = fmt.Fprint(w, "retry: 30000\n\n")
		return
	}
	defer s.give(who.Name)
	s.follow(w, r)
}

// take takes a slot for a token; false is that there is none, or none for it.
func (s *Streams) take(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byWho[token] >= mostOfOne {
		return false
	}
	select {
	case s.slots <- struct{}{}:
		s.byWho[token]++
		return true
	default:
		return false
	}
}

func (s *Streams) give(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byWho[token]--; s.byWho[token] == 0 {
		delete(s.byWho, token) // names come and go for as long as the daemon runs
	}
	<-s.slots
}

// follow writes an event whenever there is news, until the client, the server or
// the time is at its end.
func (s *Streams) follow(w http.ResponseWriter, r *http.Request) {
	to := &eventWriter{w: w, control: http.NewResponseController(w), now: s.now}
	if !to.write("retry: 3000\n\n") {
		return
	}
	ticks, end := time.NewTicker(s.every), time.NewTimer(streamLife)
	defer ticks.Stop()
	defer end.Stop()
	shown, quiet := "", 0
	for {
		part, err := s.part(r)
		switch {
		case errors.Is(err, ErrUnknown):
			return // the browser comes back, and is asked to sign in
		case err != nil:
			if r.Context().Err() == nil {
				s.pages.options.Log.Warn("a stream ended: the run under way could not be read", "error", err)
			}
			return
		case part != shown:
			shown, quiet = part, 0
			if !to.write(event("show", part)) {
				return
			}
		default:
			if quiet++; quiet%streamRepeat == 0 && !to.write(": still here\n\n") {
				return
			}
		}
		select {
		case <-ticks.C:
		case <-end.C:
			return
		case <-s.stop:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// part writes what the page shows of the run under way, for whoever may still see it.
func (s *Streams) part(r *http.Request) (string, error) {
	if err := stillIn(r.Context()); err != nil {
		return "", err
	}
	live, err := s.live.LiveRun(r.Context())
	if err != nil {
		return "", err
	}
	var part bytes.Buffer
	view := liveView{Run: live, Now: s.pages.options.Now()}
	err = s.pages.lookOf(r).screens["overview"].template.ExecuteTemplate(&part, "live", view)
	return part.String(), err
}

// event is one server-sent event; each line of its data is a field of its own.
func event(name, data string) string {
	var b strings.Builder
	b.WriteString("event: " + name + "\n")
	for line := range strings.SplitSeq(strings.TrimSpace(data), "\n") {
		b.WriteString("data: " + strings.TrimRight(line, "\r") + "\n")
	}
	b.WriteString("\n")
	return b.String()
}

// eventWriter writes to a client for longer than an answer may take otherwise: each
// write has its own time, so that one who does not read holds nothing for long.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	now     pipeline.Clock
}

func (e *eventWriter) write(text string) bool {
	if err := e.control.SetWriteDeadline(e.now().Add(streamWrite)); err != nil {
		return false
	}
	if _, err := e.w.Write([]byte(text)); err != nil {
		return false
	}
	return e.control.Flush() == nil
}
