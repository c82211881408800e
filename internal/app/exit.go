package app

import (
	"errors"
	"fmt"

	"alta/pipeline"
	"alta/store"
)

// The exit statuses of alta.
const (
	exitDone   = 0
	exitFailed = 1 // something failed; the report says what
	exitUsage  = 2 // usage or configuration
	exitOutage = 3 // the run stopped, nothing was lost
)

// exitError is an error that knows its exit status. An empty text prints
// nothing: the answer has said it already.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func exitStatus(err error) int {
	if err == nil {
		return exitDone
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.status
	}
	if _, ok := errors.AsType[*ConfigError](err); ok {
		return exitUsage
	}
	if errors.Is(err, store.ErrMoved) {
		return exitUsage // another start of the same meets the same
	}
	if f, ok := errors.AsType[*pipeline.Fault](err); ok && f.Kind == pipeline.Outage {
		return exitOutage
	}
	if errors.Is(err, store.ErrLocked) {
		return exitOutage
	}
	return exitFailed
}
