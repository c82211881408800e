package pgcluster

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
)

// Ports are taken from below those that systems give to outgoing connections.
// From among those, a client might get the very port of a server that a test has
// just ended: the server could not come back, or the client would reach itself.
const (
	firstPort = 20000
	lastPort  = 32767
)

// listen listens on a port that nobody else uses.
func listen() (net.Listener, error) {
	const attempts = 100
	for attempt := 1; ; attempt++ {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		listener, err := net.Listen("tcp", address(port))
		if err == nil || attempt == attempts || !errors.Is(err, syscall.EADDRINUSE) {
			return listener, err
		}
	}
}

// freePort finds a port that nobody else uses, though somebody may in a moment.
func freePort() (int, error) {
	listener, err := listen()
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
