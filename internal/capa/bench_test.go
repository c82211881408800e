package capa_test

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"alta/internal/capa"
)

// BenchmarkIssue mints over loopback from a server that costs next to nothing,
// so that what it shows is the client's own.
func BenchmarkIssue(b *testing.B) {
	for _, connections := range []int{1, 64} {
		b.Run("connections="+strconv.Itoa(connections), func(b *testing.B) {
			client := newClient(b, startPlain(b), func(cfg *capa.Config) {
				cfg.Connections, cfg.LinkHosts = connections, []string{"kyc.sandbox.example"}
			}, fixedClock)
			u := user("c0ffee00-0000-4000-8000-000000000001")
			b.ReportAllocs()
			b.SetParallelism(connections)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := client.Issue(b.Context(), u); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// startPlain answers every request with the same link and parses none. It
// returns its base URL.
func startPlain(b *testing.B) string {
	const body = `{"success":true,"data":{"kycLink":"https://kyc.sandbox.example/session?_al=MDEyMzQ1Njc4OWFiY2RlZg==&r=a%2Fb"}}`
	answer := []byte("HTTP/1.1 201 Created\r\nContent-Type: application/json; charset=utf-8\r\n" +
		"Date: Mon, 02 Mar 2026 18:00:00 GMT\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var serving sync.WaitGroup
	b.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer func() { _ = conn.Close() }()
				request := make([]byte, 4096)
				for n := 0; ; {
					m, err := conn.Read(request[n:])
					if err != nil {
						return
					}
					// The body of a mint is one JSON object, and nothing before it holds a brace.
					if n += m; bytes.HasSuffix(request[:n], []byte("}")) {
						if n = 0; writeAll(conn, answer) != nil {
							return
						}
					}
				}
			})
		}
	})
	return "http://" + strings.Replace(listener.Addr().String(), "[::]", "127.0.0.1", 1)
}

func writeAll(w io.Writer, p []byte) error {
	_, err := w.Write(p)
	return err
}
