package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"

	"alta/internal/app"
)

// playProfiled is alta itself, in this process, with the profiler of Go beside
// it. The released program has none.
func playProfiled(ctx context.Context, t task) (err error) {
	defaults, err := os.ReadFile(t.Defaults)
	if err != nil {
		return err
	}
	f, err := os.Create(t.Profile)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(fmt.Errorf("profile: %w", err), f.Close())
	}
	status := app.Main(ctx, t.Args, defaults)
	pprof.StopCPUProfile()
	if err := f.Close(); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if status != 0 {
		return exitStatus(status)
	}
	return nil
}
