//go:build !linux

package pgcluster

import "syscall"

// dieWithParent does nothing: only Linux does this for a process. Elsewhere the
// server of a process that was killed has to be ended by hand.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
