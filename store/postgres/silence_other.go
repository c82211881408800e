//go:build !linux

package postgres

import "syscall"

// noticeSilence leaves it to the system how long it waits for what a connection
// has sent to be acknowledged.
func noticeSilence(string, string, syscall.RawConn) error { return nil }
