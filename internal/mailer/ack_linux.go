package mailer

import (
	"net"
	"syscall"
)

// acknowledgement returns what tells the server at once that its bytes have come.
// Linux puts an acknowledgement off for up to 40 ms, in the hope of sending it
// along with data. After the answer to a final dot there is none when the next
// envelope is out already, and a server that collects small answers (RFC 896)
// keeps back those to that envelope until then.
func acknowledgement(c net.Conn) func() {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return func() {}
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return func() {}
	}
	// It costs time alone where it fails, so nobody needs to know.
	set := func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) }
	return func() { _ = raw.Control(set) }
}
