package app

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestBeside(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		it     string
		pieces []int
		fails  int // the piece that fails; 0 is none
		want   []int
	}{
		{"does nothing when nothing is handed over", nil, 0, nil},
		{"does the pieces in their order", []int{1, 2, 3}, 0, []int{1, 2, 3}},
		{"does nothing after a piece that failed", []int{1, 2, 3, 4}, 2, []int{1, 2}},
		{"says so when the last piece failed", []int{1, 2}, 2, []int{1, 2}},
	} {
		t.Run(c.it, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var did []int
				b := startBeside(func(piece int) error {
					time.Sleep(time.Second) // on the bubble's clock
					did = append(did, piece)
					if piece == c.fails {
						return broken
					}
					return nil
				})
				var handed error
				for _, piece := range c.pieces {
					if handed = b.hand(piece); handed != nil {
						break
					}
				}
				err := b.wait()
				if wantErr := c.fails != 0; errors.Is(err, broken) != wantErr {
					t.Errorf("error is %v", err)
				}
				if handed != nil && !errors.Is(handed, err) {
					t.Errorf("the one who handed over was told %v, the owner %v", handed, err)
				}
				if !slices.Equal(did, c.want) {
					t.Errorf("did %v, want %v", did, c.want)
				}
			})
		})
	}
}

// The next piece is made while the one before is done.
func TestBesideDoesOnePieceWhileTheNextIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBeside(func(int) error { time.Sleep(time.Second); return nil })
		began := time.Now()
		for piece := range 3 {
			time.Sleep(time.Second) // making it
			check(t, b.hand(piece))
		}
		check(t, b.wait())
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("took %s, want the four seconds of three pieces made and the last one done", took)
		}
	})
}
