package fleet

import (
	"context"
	"sync"
)

// wave is what waits on this machine at one time. A stop, or an outage, ends it:
// what only waits is put back, and what has left the house comes to its end. The
// next ones are of a new wave.
type wave struct {
	base    context.Context // never ends: for what must be written down
	stopped context.Context // ends with the machine's work
	halt    context.CancelFunc

	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
}

// newWave begins the first wave. base never ends.
func newWave(base context.Context) *wave {
	w := &wave{base: base}
	w.stopped, w.halt = context.WithCancel(base)
	w.ctx, w.cancel = context.WithCancel(w.stopped)
	return w
}

// current ends with the wave. A probe goes on when an outage ends the wave, since
// it is to tell whether that is over.
func (w *wave) current(probe bool) context.Context {
	if probe {
		return w.stopped
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ctx
}

// end ends the wave.
func (w *wave) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cancel()
	w.ctx, w.cancel = context.WithCancel(w.stopped)
}

// stop ends this wave and all that follow, probes among them.
func (w *wave) stop() {
	w.halt()
	w.end()
}
