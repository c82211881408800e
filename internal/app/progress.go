package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"alta/pipeline"
)

// bar shows on standard error how far a command is, when a person watches. Its
// zero value shows nothing.
type bar struct {
	writer  progress.Writer
	tracker *progress.Tracker
	screen  *screen
	stopped chan struct{}
}

// newBar begins to show a bar. total 0 means that nobody knows how much is to
// come.
func (a *app) newBar(message string, total int, units progress.Units) *bar {
	if !isTerminal(a.screen.out) {
		return &bar{}
	}
	b := &bar{
		writer:  progress.NewWriter(),
		tracker: &progress.Tracker{Message: message, Total: int64(total), Units: units},
		screen:  a.screen,
		stopped: make(chan struct{}),
	}
	b.writer.SetOutputWriter(a.screen.out)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	b.writer.SetTrackerLength(24)
	b.writer.SetMessageLength(40)
	b.writer.SetStyle(progress.StyleBlocks)
	b.writer.Style().Visibility = progress.StyleVisibility{
		ETA: total > 0, Percentage: total > 0, Speed: true, Time: true, Tracker: total > 0,
	}
	b.writer.AppendTracker(b.tracker)
	go func() {
		defer close(b.stopped)
		b.writer.Render()
	}()
	a.screen.show(b.writer)
	return b
}

// set moves the bar.
func (b *bar) set(done int, message string) {
	if b.writer == nil {
		return
	}
	b.tracker.SetValue(int64(done))
	if message != "" {
		b.tracker.UpdateMessage(message)
	}
}

// stop draws the bar for the last time and leaves the terminal to others.
func (b *bar) stop() {
	if b.writer == nil {
		return
	}
	b.tracker.MarkAsDone()
	b.writer.Stop()
	<-b.stopped
	b.screen.show(nil)
}

// deliveryBar shows a run: done of total, rate, failures and the time left.
type deliveryBar struct {
	*bar
	total int
}

// mails counts mails one by one; the library's own units round them.
func mails() progress.Units {
	return progress.Units{Formatter: func(n int64) string { return strconv.FormatInt(n, 10) }}
}

func (a *app) newDeliveryBar(ctx context.Context, e *engine, limit int) deliveryBar {
	if !isTerminal(a.screen.out) {
		return deliveryBar{bar: &bar{}}
	}
	total, err := e.store.CountDue(ctx, e.now())
	if err != nil {
		total = 0 // a bar without an end; the run itself will say what is wrong
	}
	if limit > 0 {
		total = min(total, limit)
	}
	return deliveryBar{a.newBar("delivering", total, mails()), total}
}

func (b deliveryBar) done(_ *pipeline.Delivery, _ pipeline.Verdict, soFar pipeline.Report) {
	message := fmt.Sprintf("delivering %d of %d", soFar.Selected, max(b.total, soFar.Selected))
	if bad := soFar.Failed + soFar.Held + soFar.Doubt; bad > 0 {
		message += fmt.Sprintf(", %d failed", bad)
	}
	b.set(soFar.Selected, message)
}

// screen is standard error. While a bar is shown it hands lines to the bar,
// which writes them above itself.
type screen struct {
	out io.Writer
	bar atomic.Pointer[progress.Writer]
}

func (s *screen) show(w progress.Writer) {
	if w == nil {
		s.bar.Store(nil)
		return
	}
	s.bar.Store(&w)
}

// Write implements [io.Writer].
func (s *screen) Write(p []byte) (int, error) {
	if w := s.bar.Load(); w != nil {
		(*w).Log("%s", bytes.TrimRight(p, "\n"))
		return len(p), nil
	}
	return s.out.Write(p)
}
