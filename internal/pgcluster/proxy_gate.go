package pgcluster

import (
	"context"
	"sync"
)

// gate holds back what the links of a proxy write while it is a black hole.
type gate struct {
	writing sync.RWMutex // held for reading during each write

	mu   sync.Mutex
	open chan struct{} // closed while the gate is open
}

func newGate() *gate {
	g := &gate{open: make(chan struct{})}
	close(g.open)
	return g
}

// wait returns when the gate is open, which may be over a moment later.
func (g *gate) wait(ctx context.Context) error {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	select {
	case <-open:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pass does something that the gate guards, unless it is shut.
func (g *gate) pass(do func()) {
	g.writing.RLock()
	defer g.writing.RUnlock()
	if g.isOpen() {
		do()
	}
}

// shut lets nothing pass once it has returned. A write may take for ever, so the
// caller interrupts those that are under way.
func (g *gate) shut(interrupt func()) {
	g.mu.Lock()
	if g.isOpenLocked() {
		g.open = make(chan struct{})
	}
	g.mu.Unlock()
	interrupt()
	g.writing.Lock() // waits for those writes
	defer g.writing.Unlock()
}

// unlock opens the gate after the caller has allowed writes again.
func (g *gate) unlock(allow func()) {
	allow()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.isOpenLocked() {
		close(g.open)
	}
}

func (g *gate) isOpen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.isOpenLocked()
}

func (g *gate) isOpenLocked() bool {
	select {
	case <-g.open:
		return true
	default:
		return false
	}
}
