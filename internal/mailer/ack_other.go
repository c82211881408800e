//go:build !linux

package mailer

import "net"

// acknowledgement leaves acknowledgements to the system.
func acknowledgement(net.Conn) func() { return func() {} }
