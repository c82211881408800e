package capa_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"alta/pipeline"
)

// endless yields blanks, which may stand before any JSON.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, strings.Repeat(" ", len(p))), nil }

// An answer without end is given up after 64 KiB: it fills no memory and is not
// waited for until the time-out.
func TestAnswersAreBounded(t *testing.T) {
	for _, test := range []struct {
		sentence string
		answer   func(http.ResponseWriter)
		code     string
		doubtful bool
	}{
		{"A body without end.", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusCreated)
			n, _ := io.Copy(w, endless{}) // ends when the client hangs up
			if n > 64<<20 {               // far more than what the network holds
				t.Errorf("the client took %d bytes", n)
			}
		}, "capa.no_link", true},
		{"A header of 1 MiB.", func(w http.ResponseWriter) {
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
			w.WriteHeader(http.StatusCreated)
		}, "capa.cut", true},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { test.answer(w) }))
			defer server.Close()
			fault := issueFault(t, newClient(t, server.URL, nil, fixedClock), user("u1"))
			if fault.Kind != pipeline.Retry || fault.Code != test.code || fault.Doubtful != test.doubtful {
				t.Errorf("%v, code %s, doubtful %v", fault.Kind, fault.Code, fault.Doubtful)
			}
		})
	}
}
