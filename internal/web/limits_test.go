package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// No client can make alta keep much or wait long: the header of a request is
// bounded, nothing reads its body, and each part of the exchange has its time.
func TestRequestsAreBounded(t *testing.T) {
	s := serve(t, Handler(NewMetrics(idle), nil))
	defer closeServer(t, s)
	for _, tt := range []struct {
		sentence, request string
		want              int
	}{
		{"a header of 12 KiB is taken", "GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 12<<10) + "\r\n\r\n", http.StatusOK},
		{"one of 32 KiB is refused", "GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 32<<10) + "\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		{"a path of 32 KiB is refused", "GET /" + strings.Repeat("x", 32<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		{"a body is not waited for", "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n", http.StatusOK},
		{"nothing can be posted", "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n", http.StatusMethodNotAllowed},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			conn, err := net.Dial("tcp", s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			// The server may answer and hang up before it has read all.
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				_, _ = io.WriteString(conn, tt.request)
			}()
			line, err := bufio.NewReader(conn).ReadString('\n')
			<-sent
			if err != nil || !strings.HasPrefix(line, fmt.Sprintf("HTTP/1.1 %d ", tt.want)) {
				t.Errorf("answer %q, %v, want %d", line, err, tt.want)
			}
		})
	}
	for name, limit := range map[string]time.Duration{
		"the header": s.server.ReadHeaderTimeout, "the request": s.server.ReadTimeout,
		"the answer": s.server.WriteTimeout, "an idle connection": s.server.IdleTimeout,
	} {
		if limit <= 0 || limit > time.Minute {
			t.Errorf("%s has %v", name, limit)
		}
	}
}
