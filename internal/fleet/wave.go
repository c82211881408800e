package fleet

import (
	"context"
	"sync"
)

// wave is what waits on this machine at one time. A stop, an outage, or the loss of
// the share ends it: what only waits is put back, and what has left the house comes
// to its end. The next ones are of a new wave.
type wave struct {
	base    context.Context // never ends: for what must be written down
	stopped context.Context // ends with the machine's work
	halt    context.CancelFunc

	mu          sync.Mutex
	probe, mail context.Context
	endProbes   context.CancelFunc
	endMails    context.CancelFunc
}

// newWave begins the first wave. base never ends.
func newWave(base context.Context) *wave {
	w := &wave{base: base}
	w.stopped, w.halt = context.WithCancel(base)
	w.begin()
	return w
}

// current returns what ends with the wave. A probe goes on when an outage ends the
// wave, since it is to tell whether that is over.
func (w *wave) current() (mail, probe context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mail, w.probe
}

// end ends the wave, but for its probes.
func (w *wave) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endMails()
	w.mail, w.endMails = context.WithCancel(w.probe)
}

// endAll ends the wave, and its probes.
func (w *wave) endAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endProbes()
	w.begin()
}

// stop ends this wave and all that follow.
func (w *wave) stop() {
	w.halt()
	w.endAll()
}

func (w *wave) begin() {
	w.probe, w.endProbes = context.WithCancel(w.stopped)
	w.mail, w.endMails = context.WithCancel(w.probe)
}
