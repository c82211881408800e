package capa

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"alta/internal/crash"
)

// newTransport returns one for up to so many calls at one time. One for none has
// room for [Client.Check] all the same: net/http takes 0 for no limit.
func newTransport(cfg Config, connections int) *http.Transport {
	// One protocol keeps "was it sent?" exact: HTTP/2 repeats refused streams
	// on its own.
	http1 := new(http.Protocols)
	http1.SetHTTP1(true)
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{Timeout: cfg.Timeout}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return crash.Conn("http", c), nil
		},
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: cfg.Timeout,
		Protocols:           http1,
		MaxConnsPerHost:     max(1, connections),
		MaxIdleConnsPerHost: max(1, connections),
		// Shorter than the 5 s after which Node servers close an idle
		// connection: a POST that meets the close is a doubtful mint.
		IdleConnTimeout: 4 * time.Second,
		// A mint and its answer are a few hundred bytes, and there may be
		// hundreds of connections; what is longer takes a second turn.
		WriteBufferSize:        1 << 10,
		ReadBufferSize:         2 << 10,
		MaxResponseHeaderBytes: maxAnswer,
		// The limit of an answer must hold for what is parsed as well.
		DisableCompression: true,
	}
}
