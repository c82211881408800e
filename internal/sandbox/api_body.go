package sandbox

import (
	"errors"
	"io"
	"net/http"
)

// readBody reads a body to its end. One whose length is told, as nearly every
// one's is, is read into a space of that length.
func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > maxRequest {
		return nil, errTooLong
	}
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if len(body) > maxRequest {
		return nil, errTooLong
	}
	return body, err
}

var errTooLong = errors.New("the request is too long")
