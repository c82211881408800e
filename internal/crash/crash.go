//go:build !alta_crash

// Package crash lets a test end the process at any step that touches the
// outside: each commit, and each read and write of a connection. Only a build
// with the tag alta_crash can do so; in a release, all of it is nothing.
package crash

import "net"

// Point is a moment at which a test can end the process.
func Point(string) {}

// Conn makes each read and write of the connection a point, before and after.
func Conn(_ string, c net.Conn) net.Conn { return c }
