//go:build alta_crash

// Package crash, in this build, ends the process with SIGKILL at the point that
// ALTA_CRASH_AT names, as "NAME#N" for the n-th passage of it, and panics at the
// one that ALTA_PANIC_AT names. With
// ALTA_CRASH_LIST it appends the name of every point that is passed to a file.
package crash

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
)

// passages counts how often each point was passed. It is global because the
// points are, which is fine in a process that lives for one test.
var passages = struct {
	sync.Mutex
	of map[string]int
}{of: map[string]int{}}

// Point ends the process if a test wants it to end here.
func Point(name string) {
	passages.Lock()
	defer passages.Unlock()
	passages.of[name]++
	label := fmt.Sprintf("%s#%d", name, passages.of[name])
	if path := os.Getenv("ALTA_CRASH_LIST"); path != "" {
		note(path, label)
	}
	if os.Getenv("ALTA_CRASH_AT") == label {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	if os.Getenv("ALTA_PANIC_AT") == label {
		panic("a bug that a test asked for")
	}
}

// note appends a line. A list with a hole would make a test miss a point, so an
// error ends the process.
func note(path, label string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, label)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		panic(err)
	}
}

// Conn makes each read and write of the connection a point, before and after.
func Conn(name string, c net.Conn) net.Conn { return conn{c, name} }

type conn struct {
	net.Conn
	name string
}

func (c conn) Read(p []byte) (int, error) {
	Point(c.name + " read: before")
	n, err := c.Conn.Read(p)
	Point(c.name + " read: after")
	return n, err
}

func (c conn) Write(p []byte) (int, error) {
	Point(c.name + " write: before")
	n, err := c.Conn.Write(p)
	Point(c.name + " write: after")
	return n, err
}
