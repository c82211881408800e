package pgcluster_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"alta/internal/pgcluster"
	"alta/internal/pgcluster/pgtest"
)

func TestProxyForwards(t *testing.T) {
	upstream := listen(t)
	proxy := pgtest.NewProxy(t, upstream.Addr().String())
	client, server := pair(t, proxy, upstream)
	data := make([]byte, 20<<20)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	checkCarries(t, client, server, data)
	checkCarries(t, server, client, data)

	// Either side may end its direction and still listen.
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(server); err != nil || len(rest) != 0 {
		t.Errorf("the server got %q and the error %v", rest, err)
	}
	checkCarries(t, server, client, []byte("the last word"))
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(client); err != nil || len(rest) != 0 {
		t.Errorf("the client got %q and the error %v", rest, err)
	}
}

func TestProxyForwardsABreak(t *testing.T) {
	upstream := listen(t)
	proxy := pgtest.NewProxy(t, upstream.Addr().String())
	client, server := pair(t, proxy, upstream)
	reset(t, server)
	checkReset(t, client)
}

func TestProxyWithoutServer(t *testing.T) {
	upstream := listen(t)
	proxy := pgtest.NewProxy(t, upstream.Addr().String())
	if err := upstream.Close(); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", proxy.Addr())
	if errors.Is(err, syscall.ECONNRESET) {
		return // it was cut before Dial had returned
	}
	checkReset(t, keep(t)(client, err))
}

func TestProxyCut(t *testing.T) {
	upstream := listen(t)
	proxy := pgtest.NewProxy(t, upstream.Addr().String())
	client, server := pair(t, proxy, upstream)
	checkCarries(t, client, server, []byte("before")) // the proxy may still be dialling
	proxy.Cut()
	proxy.Cut()
	checkReset(t, client)
	checkReset(t, server)
	if _, err := net.Dial("tcp", proxy.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got the error %v", err)
	}
	mend(t, proxy)
	mend(t, proxy)
	client, server = pair(t, proxy, upstream)
	checkCarries(t, client, server, []byte("again"))
}

func TestProxyBlackhole(t *testing.T) {
	upstream := listen(t)
	proxy := pgtest.NewProxy(t, upstream.Addr().String())
	client, server := pair(t, proxy, upstream)
	ended, orphan := pair(t, proxy, upstream)
	blackhole(t, proxy)
	blackhole(t, proxy)

	write(t, client, "one way")
	write(t, server, "other way")
	reset(t, ended)
	late := dial(t, proxy)
	write(t, late, "late")
	for name, conn := range map[string]*net.TCPConn{"client": client, "server": server, "the end": orphan, "late": late} {
		checkSilent(t, name, conn)
	}
	if err := upstream.SetDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := upstream.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the server heard of a new connection: %v", err)
	}

	mend(t, proxy)
	checkArrives(t, server, "one way")
	checkArrives(t, client, "other way")
	checkReset(t, orphan)
	checkArrives(t, accept(t, upstream), "late")
}

// A write that waits for a reader must not keep the black hole from coming, nor
// lose or repeat anything.
func TestProxyBlackholeAmidAWrite(t *testing.T) {
	upstream := listen(t)
	proxy := pgtest.NewProxy(t, upstream.Addr().String())
	client, server := pair(t, proxy, upstream)
	data := bytes.Repeat([]byte("0123456789abcdef~"), 2<<20) // more than everything between them holds
	sent := make(chan error, 1)
	go func() {
		_, err := client.Write(data)
		sent <- err
	}()
	got := make([]byte, len(data))
	read := 0
	for range 20 {
		n, err := io.ReadFull(server, got[read:read+100_000])
		read += n
		if err != nil {
			t.Fatal(err)
		}
		blackhole(t, proxy)
		mend(t, proxy)
	}
	if _, err := io.ReadFull(server, got[read:]); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if !bytes.Equal(got, data) {
		t.Error("what arrived is not what was sent")
	}
}

func TestProxyChangesItsMind(t *testing.T) {
	upstream := listen(t)
	proxy := pgtest.NewProxy(t, upstream.Addr().String())
	client, _ := pair(t, proxy, upstream)
	blackhole(t, proxy)
	proxy.Cut()
	checkReset(t, client)
	blackhole(t, proxy) // which takes connections
	late := dial(t, proxy)
	write(t, late, "late")
	checkSilent(t, "late", late)
	mend(t, proxy)
	checkArrives(t, accept(t, upstream), "late")
}

func TestProxySlow(t *testing.T) {
	const delay, chunks = 200 * time.Millisecond, 20
	upstream := listen(t)
	proxy := pgtest.NewProxy(t, upstream.Addr().String())
	client, server := pair(t, proxy, upstream)
	proxy.Slow(delay)
	begun := time.Now()
	var all []byte
	for i := range chunks {
		write(t, client, string(rune('a'+i)))
		all = append(all, byte('a'+i))
		time.Sleep(time.Millisecond) // so that they are chunks of their own
	}
	checkArrives(t, server, string(all))
	if took := time.Since(begun); took < delay || took > chunks*delay/2 {
		t.Errorf("%d chunks took %v with a delay of %v", chunks, took, delay)
	}
	begun = time.Now()
	write(t, server, "back")
	checkArrives(t, client, "back")
	if took := time.Since(begun); took < delay {
		t.Errorf("the way back took %v with a delay of %v", took, delay)
	}

	proxy.Slow(time.Hour)
	write(t, client, "never")
	checkSilent(t, "server", server)
	mend(t, proxy)
	other, otherServer := pair(t, proxy, upstream)
	checkCarries(t, other, otherServer, []byte("at once"))
}

func TestProxyCloseEndsAll(t *testing.T) {
	upstream := listen(t)
	for name, before := range map[string]func(*pgcluster.Proxy, *net.TCPConn){
		"nothing": func(*pgcluster.Proxy, *net.TCPConn) {},
		"cut":     func(p *pgcluster.Proxy, _ *net.TCPConn) { p.Cut() },
		"black hole": func(p *pgcluster.Proxy, client *net.TCPConn) {
			blackhole(t, p)
			write(t, client, "held")
		},
		"slow": func(p *pgcluster.Proxy, client *net.TCPConn) {
			p.Slow(time.Hour)
			write(t, client, "under way")
		},
	} {
		t.Run(name, func(t *testing.T) {
			proxy, err := pgcluster.NewProxy(upstream.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			client, _ := pair(t, proxy, upstream)
			before(proxy, client)
			for range 2 {
				if err := proxy.Close(); err != nil {
					t.Error(err)
				}
			}
			checkReset(t, client)
			if err := proxy.Mend(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("it was mended after its end, with the error %v", err)
			}
		})
	}
}

func TestProxyInFrontOfAServer(t *testing.T) {
	c := pgtest.Shared(t)
	proxy := pgtest.NewProxy(t, c.Addr())
	url := proxy.URL("postgres", "postgres")
	checkValue(t, url, "SELECT 'yes'", "yes")
	conn := connect(t, url)
	proxy.Cut()
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the connection outlived the cut")
	}
	mend(t, proxy)
	checkValue(t, url, "SELECT 'yes'", "yes")
}
