package app

import "sync"

// beside hands work to a goroutine of its own, a piece at a time, so that the
// next piece can be made meanwhile. Its owner must wait for it.
type beside[T any] struct {
	pieces chan T
	failed chan struct{} // closed after err is set
	err    error
	done   sync.WaitGroup
}

// startBeside begins to do the pieces in the order in which they are handed
// over, until one of them fails.
func startBeside[T any](do func(T) error) *beside[T] {
	b := &beside[T]{pieces: make(chan T), failed: make(chan struct{})}
	b.done.Go(func() {
		for piece := range b.pieces {
			if b.err = do(piece); b.err != nil {
				close(b.failed)
				return
			}
		}
	})
	return b
}

// hand waits until the piece before is done. It returns the error of one that
// failed before; nothing is done after that.
func (b *beside[T]) hand(piece T) error {
	select {
	case <-b.failed:
		return b.err
	case b.pieces <- piece:
		return nil
	}
}

// wait ends the work after the latest piece and returns the error of the one that
// failed. Nothing may be handed over any more.
func (b *beside[T]) wait() error {
	close(b.pieces)
	b.done.Wait()
	return b.err
}
