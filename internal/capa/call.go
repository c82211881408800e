package capa

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"alta/pipeline"
)

const (
	maxAnswer   = 64 << 10 // bytes
	usualAnswer = 4 << 10  // bytes; what claims to be longer gets no space before it has come
)

// loss is a call that brought no whole answer.
type loss struct {
	sent    bool // the request may have reached the server
	timeout bool
	err     error // holds no URL and nothing that the server wrote
}

// call makes one request; either the answer, of so many bytes at most, or the loss
// counts.
//
// A request has been sent, for all we know, as soon as it has a connection.
// net/http asks for a second one only when nothing at all was written on the
// first, a kept connection that the server had closed: only then is a POST
// safe to repeat, and Transport never repeats it otherwise, because it carries
// no Idempotency-Key.
//
// The transport is asked directly: it follows no redirect, and a custom header,
// the API key, would go along with one to any host.
func (c *Client) call(ctx context.Context, transport *http.Transport, req http.Request, most int) (answer, *loss) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { sent.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
	// A transport that was replaced meanwhile keeps no connection. One that has
	// carried a whole answer is idle by the time that the answer is read.
	defer func() {
		if transport != c.line.current() {
			transport.CloseIdleConnections()
		}
	}()
	resp, err := transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return answer{}, newLoss(sent.Load(), err)
	}
	defer func() { _ = resp.Body.Close() }()
	a := answer{status: resp.StatusCode, retryAfter: resp.Header.Get("Retry-After")}
	if isRedirect(a.status) {
		return a, nil
	}
	// Reading to the end lets the connection be used again.
	a.body, err = readBody(resp, most)
	if len(a.body) > most {
		a.body, a.oversize = nil, true
	} else if err != nil {
		a.body, a.cut = nil, true
		if isSuccess(a.status) {
			return answer{}, newLoss(true, err)
		}
	}
	return a, nil
}

// readBody reads a body to its end, or one byte more than an answer may have. One
// whose length is told, as nearly every one's is, gets a space of that length.
func readBody(resp *http.Response, most int) ([]byte, error) {
	if 0 <= resp.ContentLength && resp.ContentLength <= usualAnswer {
		body := make([]byte, resp.ContentLength)
		n, err := io.ReadFull(resp.Body, body)
		return body[:n], err
	}
	return io.ReadAll(io.LimitReader(resp.Body, int64(most)+1))
}

// newLoss keeps what is safe of the cause. Before a connection stands, that is
// all of it: Transport's errors name no URL, which would name the user. After
// it, net/http quotes malformed answers, so only errors of the network itself
// are kept.
func newLoss(sent bool, err error) *loss {
	timeout := errors.Is(err, context.DeadlineExceeded)
	if t, ok := errors.AsType[net.Error](err); ok {
		timeout = timeout || t.Timeout()
	}
	if sent {
		if op, ok := errors.AsType[*net.OpError](err); ok {
			err = op
		} else if timeout {
			err = context.DeadlineExceeded
		} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.ErrUnexpectedEOF
		} else {
			err = errors.New("the connection broke, or the answer was not HTTP")
		}
	}
	return &loss{sent: sent, timeout: timeout, err: err}
}

// judgeLoss says what a call without an answer means.
func judgeLoss(l *loss, kind callKind) finding {
	f := finding{
		fault:  pipeline.Fault{Kind: pipeline.Retry, Doubtful: l.sent && kind == minting, Free: !l.sent, Err: l.err},
		causes: []cause{trouble},
	}
	then := "; it is tried again later"
	if kind == minting {
		then = " and may have opened a session; it is tried again later with a new link"
	}
	switch {
	case !l.sent:
		f.fault.Code = "capa.unreachable"
		f.fault.Reason = "the partner API could not be reached, and nothing was sent; it is tried again later, and there is nothing to do unless it goes on"
		f.outage = fmt.Sprintf("the partner API could not be reached or failed for %d users in a row; check the network, DNS and capa.base_url with 'alta doctor'", maxTrouble)
	case l.timeout:
		f.fault.Code = "capa.timeout"
		f.fault.Reason = "the partner API did not answer in time" + then
		f.outage = fmt.Sprintf("the partner API did not answer in time or failed for %d users in a row; check its status page, and capa.timeout", maxTrouble)
	default:
		f.fault.Code = "capa.cut"
		f.fault.Reason = "the partner API ended the connection without an answer" + then
		f.outage = fmt.Sprintf("the partner API ended connections without an answer or failed for %d users in a row; check its status page, and any proxy on the way", maxTrouble)
	}
	return f
}

func isSuccess(status int) bool { return status >= 200 && status < 300 }

func isRedirect(status int) bool { return status >= 300 && status < 400 }
