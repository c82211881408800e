// Command bench measures alta, the real program, beside what it has to be
// compared with, and writes docs/performance.md.
//
//	go run ./internal/bench                  the table; about half an hour
//	go run ./internal/bench -huge -write     with ten million users, and the page with its pictures
//	go run ./internal/bench -short           everything once and tiny, so that it can't rot
//
// Every program that is measured runs as a process of its own; this one, started
// again in another role, is several of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // every IANA zone, as the program has them
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stopped := ctx.Err() != nil
	cancel()
	var status exitStatus
	switch {
	case errors.As(err, &status):
		os.Exit(int(status))
	case err != nil && stopped:
		fmt.Fprintln(os.Stderr, "bench: stopped by a signal; its processes and files are gone")
		os.Exit(1)
	case err != nil:
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == roleArgument {
		return playRole(ctx, args[1:], time.Now)
	}
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	return measureAll(ctx, o, time.Now, os.Stdout, os.Stderr)
}
