package app

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"alta/internal/sandbox"
)

// onlooker is a world in which somebody stands at each of alta's doors, and notes
// what comes out there and how far the diary of the disk had got by then.
//
// What is seen was done a moment ago, so that a step that is too early is judged by
// a diary that may be too late. A sync on that disk lasts far longer than a byte is
// on its way, and there are many mails: one that does not wait is found. The other
// way round there is no mistake: what waits for the disk is always seen after it.
type onlooker struct {
	*world
	people []person

	mu   sync.Mutex
	seen []sighting
}

// newOnlooker makes the world, with a ledger in which everybody waits for a mail.
func newOnlooker(t *testing.T, smtp sandbox.SMTPOptions, users int) *onlooker {
	t.Helper()
	w := &onlooker{world: newWorld(t, time.Now), people: manyPeople(users)}
	check(t, w.smtp.Close())
	smtp.Username, smtp.Password, smtp.Now = "alta", testPassword, time.Now
	var err error
	w.smtp, err = sandbox.StartSMTP(smtp)
	check(t, err)
	w.configure("plan.workers = 24", "smtp.connections = 12", `smtp.host = "127.0.0.1"`,
		"smtp.port = "+strconv.Itoa(w.beforeSMTP()), "capa.base_url = "+strconv.Quote(w.beforeAPI()))
	w.write("users.csv", csvOf(w.people))
	w.alta(0, "users", "import", w.path("users.csv"))
	copyFile(t, w.path("alta.db"), w.path("before.db"))
	if _, err := os.Stat(w.path("alta.db-wal")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the import left a log behind, so that its ledger is not whole: %v", err)
	}
	return w
}

// sizeOfDiary is how far the disk has got.
func (w *onlooker) sizeOfDiary() int64 {
	info, err := os.Stat(w.path("diary"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0 // nothing was written yet
	}
	if err != nil {
		w.t.Error(err)
		return 0
	}
	return info.Size()
}

// note adds what was seen. The diary is looked at now unless it was before.
func (w *onlooker) note(s sighting) {
	if s.diary == 0 {
		s.diary = w.sizeOfDiary()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, s)
}

// sightings returns what was seen, as the diary goes.
func (w *onlooker) sightings() []sighting {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.SortedFunc(slices.Values(w.seen), func(a, b sighting) int { return cmp.Compare(a.diary, b.diary) })
}

// usersAt counts whom a step was seen of. An envelope may be said again, on another
// connection.
func (w *onlooker) usersAt(which step) int {
	users := map[string]bool{}
	for _, s := range w.sightings() {
		if s.step == which {
			users[s.user] = true
		}
	}
	return len(users)
}

// beforeAPI stands before the partner API and returns where.
func (w *onlooker) beforeAPI() string {
	w.t.Helper()
	target, err := url.Parse(w.api.URL())
	check(w.t, err)
	transport := &http.Transport{}
	pass := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		path := strings.Split(r.URL.Path, "/")
		if len(path) > 5 && path[4] == "users" {
			w.note(sighting{step: minting, user: path[5]})
		}
		pass.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	return server.URL
}

// beforeSMTP stands before the mail server and returns the port.
func (w *onlooker) beforeSMTP() int {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(w.t, err)
	host, port := w.smtp.Addr()
	var open sync.WaitGroup
	open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
			if err != nil {
				_ = client.Close()
				continue
			}
			open.Go(func() {
				_, _ = io.Copy(server, io.TeeReader(client, &overheard{onlooker: w}))
				_ = server.Close()
			})
			open.Go(func() {
				_, _ = io.Copy(client, server)
				_ = client.Close()
			})
		}
	})
	w.t.Cleanup(func() {
		_ = listener.Close()
		open.Wait()
	})
	return listener.Addr().(*net.TCPAddr).Port
}
