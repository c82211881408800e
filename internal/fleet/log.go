package fleet

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// quiet lets only what goes wrong through of River's own log: that a mail was sent,
// and a run made, alta says itself. While the database is away River says so several
// times a second, so that each line is said once a minute.
type quiet struct {
	slog.Handler
	said *said
}

// said is when each message was said last.
type said struct {
	mu sync.Mutex
	at map[string]time.Time
}

// sayAgain is how often a trouble that lasts is said.
const sayAgain = time.Minute

func newQuiet(h slog.Handler) quiet { return quiet{h, &said{at: map[string]time.Time{}}} }

// Enabled implements [slog.Handler].
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	q.said.mu.Lock()
	since := r.Time.Sub(q.said.at[r.Message])
	again := since < 0 || since >= sayAgain
	if again {
		q.said.at[r.Message] = r.Time
	}
	q.said.mu.Unlock()
	if !again {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(attrs), q.said}
}

// WithGroup implements [slog.Handler].
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name), q.said} }
