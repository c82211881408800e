package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"alta/pipeline"
)

// What comes of a click is counted, a doubtful mint and the code of what went wrong
// with it.
func TestOpeningsAreCounted(t *testing.T) {
	for _, c := range []struct {
		sentence string
		minted   bool
		err      error
		want     []string
	}{
		{"a link that was minted", true, nil, []string{`alta_openings_total{result="minted"} 1`, "alta_links_minted_total 1"}},
		{"a link from before", false, nil, []string{`alta_openings_total{result="reused"} 1`, "alta_links_minted_total 0"}},
		{"a token that nobody has", false, fmt.Errorf("open: %w", ErrUnknownTicket), []string{`alta_openings_total{result="refused"} 1`}},
		{"a user who is done", false, &pipeline.Fault{Kind: pipeline.Cancel, Code: "user_verified"}, []string{`alta_openings_total{result="refused"} 1`}},
		{"a user who had too many", false, &pipeline.Fault{Kind: pipeline.Retry, Code: pipeline.CodeBudget}, []string{`alta_openings_total{result="spent"} 1`}},
		{"a partner API that does not answer", false, &pipeline.Fault{Kind: pipeline.Retry, Code: "capa.timeout", Doubtful: true},
			[]string{`alta_openings_total{result="failed"} 1`, `alta_opening_faults_total{code="capa.timeout"} 1`, "alta_doubtful_mints_total 1"}},
		{"a ledger that fails", false, errors.New("disk full of SECRET"), []string{`alta_openings_total{result="failed"} 1`, `alta_opening_faults_total{code="internal"} 1`}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			m := NewMetrics(func(context.Context) (Snapshot, error) { return Snapshot{}, nil })
			m.CountOpening(c.minted, c.err)
			server := httptest.NewServer(Handler(m, func(context.Context) error { return nil }))
			defer server.Close()
			response, err := http.Get(server.URL + "/metrics")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(string(text), want+"\n") {
					t.Errorf("%s is missing in\n%s", want, text)
				}
			}
			if strings.Contains(string(text), "SECRET") {
				t.Error("the words of an error are in the metrics")
			}
		})
	}
}

// A server that is told to wait longer lets a slow request finish.
func TestCloseWithinLetsASlowRequestFinish(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	s, err := Listen(t.Context(), "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-end
		w.WriteHeader(http.StatusTeapot)
	}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	status := make(chan int)
	go func() {
		response, err := http.Get("http://" + s.Addr())
		if err != nil {
			status <- 0
			return
		}
		_ = response.Body.Close()
		status <- response.StatusCode
	}()
	<-began
	if err := s.CloseWithin(1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a request that takes longer than the limit: %v", err)
	}
	close(end)
	if got := <-status; got != http.StatusTeapot {
		t.Errorf("the request got %d", got)
	}
}
