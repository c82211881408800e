package postgres

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// noticeSilence makes a connection end when what it has sent is not acknowledged
// for long. Keep-alives are sent only where nothing else is, and without this limit
// the kernel would try for a quarter of an hour (tcp(7), TCP_USER_TIMEOUT).
func noticeSilence(network, _ string, c syscall.RawConn) (err error) {
	if network == "unix" {
		return nil
	}
	failed := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silence.Milliseconds()))
	})
	if failed != nil {
		return failed
	}
	return err
}
