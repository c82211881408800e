package app

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// door stands before a server and can be shut: then connections to it are
// refused. It keeps no connection open, so that each call knocks anew.
type door struct {
	t       testing.TB
	address string
	to      *httputil.ReverseProxy

	mu     sync.Mutex
	server *http.Server // nil while it is shut
	served sync.WaitGroup
}

// newDoor returns a door that is shut.
func newDoor(t testing.TB, server string) *door {
	t.Helper()
	to, err := url.Parse(server)
	check(t, err)
	d := &door{t: t, to: httputil.NewSingleHostReverseProxy(to)}
	d.to.Transport = &http.Transport{DisableKeepAlives: true}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	d.address = taken.Addr().String()
	check(t, taken.Close())
	t.Cleanup(d.shut)
	return d
}

func (d *door) url() string { return "http://" + d.address }

func (d *door) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server != nil {
		return
	}
	listener, err := net.Listen("tcp", d.address)
	if err != nil {
		d.t.Errorf("open the door: %v", err)
		return
	}
	d.server = &http.Server{Handler: d.to}
	d.server.SetKeepAlivesEnabled(false)
	server := d.server
	d.served.Go(func() { _ = server.Serve(listener) }) // it ends with shut alone
}

func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server == nil {
		return
	}
	if err := d.server.Close(); err != nil {
		d.t.Errorf("shut the door: %v", err)
	}
	d.served.Wait()
	d.server = nil
}
