package web

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"alta/pipeline"
)

func newOverviewPage(t testing.TB, f *fakeLedger, operates bool) *OverviewPage {
	return &OverviewPage{Pages: operatorPages(t, operates), From: f, Live: f, Runs: f}
}

func TestOverviewLooks(t *testing.T) {
	for name, f := range map[string]*fakeLedger{
		"busy":  {overview: busyOverview(pageNow()), live: &LiveRun{ID: 48212, Trigger: "schedule", StartedAt: pageNow().Add(-40 * time.Second), Due: 312, SoFar: pipeline.Report{Selected: 120, Sent: 118}}},
		"bad":   {overview: badOverview(pageNow())},
		"empty": {},
	} {
		for _, l := range Languages() {
			page := newOverviewPage(t, f, true)
			response, text := browse(t, http.HandlerFunc(page.Show), "GET", "/", l, "")
			if response.StatusCode != http.StatusOK {
				t.Errorf("status %d", response.StatusCode)
			}
			goldenPage(t, page.Pages, "overview-"+name+"-"+string(l)+".html", text)
			checkHostile(t, text)
		}
	}
}

// checkHostile looks for what the hostile text becomes where nobody escapes it.
func checkHostile(t testing.TB, page string) {
	t.Helper()
	if strings.Contains(page, "<img src=x") || strings.Contains(page, `" 'and'`) {
		t.Error("a hostile text stands in the page as it is")
	}
}

// checkActs looks whether a page shows forms of acts, beside those of its frame.
func checkActs(t testing.TB, page string, want bool) {
	t.Helper()
	forms := strings.Count(page, `method="post"`) - strings.Count(page, `action="/logout"`) - strings.Count(page, `action="/language"`)
	if got := forms > 0; got != want {
		t.Errorf("the page shows acts: %v, want %v", got, want)
	}
}

func TestViewerSeesNoActsOfOverview(t *testing.T) {
	f := &fakeLedger{overview: badOverview(pageNow())}
	for _, operates := range []bool{true, false} {
		_, text := browse(t, http.HandlerFunc(newOverviewPage(t, f, operates).Show), "GET", "/", English, "")
		checkActs(t, text, operates)
	}
}

func TestActsOfOverview(t *testing.T) {
	for _, tt := range []struct {
		sentence, path, form string
		approves             bool
		status               int
		act                  string // "" is none
	}{
		{"a try with a reason", "/outage/try", "reason=the+server+is+back", false, http.StatusSeeOther, "try token:ana the server is back"},
		{"a try without one", "/outage/try", "reason=+", false, http.StatusBadRequest, ""},
		{"a reason of two lines", "/outage/try", "reason=a%0Ab", false, http.StatusBadRequest, ""},
		{"a reason that turns the text around", "/outage/try", "reason=a%E2%80%AEb", false, http.StatusBadRequest, ""},
		{"a reason that is too long", "/outage/try", "reason=" + strings.Repeat("x", 501), false, http.StatusBadRequest, ""},
		{"the longest reason", "/outage/try", "reason=" + url.QueryEscape(strings.Repeat("ñ", 500)), false, http.StatusSeeOther, "try token:ana " + strings.Repeat("ñ", 500)},
		{"a form that is too big", "/outage/try", "reason=x&more=" + strings.Repeat("x", maxActForm), false, http.StatusBadRequest, ""},
		{"a yes with the number", "/guard/approve", "reason=launch&typed=5%2C000", true, http.StatusSeeOther, "approve token:ana launch"},
		{"a yes to a number that is no longer right", "/guard/approve", "reason=launch&typed=10", false, http.StatusSeeOther, "approve token:ana launch"},
		{"a yes without a number", "/guard/approve", "reason=launch", true, http.StatusBadRequest, ""},
		{"a yes with a number that is none", "/guard/approve", "reason=launch&typed=-5", true, http.StatusBadRequest, ""},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			f := &fakeLedger{approves: tt.approves}
			page := newOverviewPage(t, f, true)
			mux := http.NewServeMux()
			mux.HandleFunc("POST /outage/try", page.Try)
			mux.HandleFunc("POST /guard/approve", page.Approve)
			response, text := browse(t, mux, "POST", tt.path, Spanish, tt.form)
			if response.StatusCode != tt.status {
				t.Errorf("status %d, want %d\n%s", response.StatusCode, tt.status, text)
			}
			if got := strings.Join(f.acts, "; "); got != tt.act {
				t.Errorf("acts %q, want %q", got, tt.act)
			}
		})
	}
}

// liveFeed tells a story of runs, one chapter each time it is asked.
type liveFeed chan *LiveRun

func (f liveFeed) LiveRun(ctx context.Context) (*LiveRun, error) {
	select {
	case r := <-f:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestStreamFollowsARun(t *testing.T) {
	feed := make(liveFeed, 10)
	streams := NewStreams(operatorPages(t, true), feed, time.Now)
	streams.every = time.Millisecond
	s := serve(t, streams)
	s.BeforeClose(streams.Close)
	for _, done := range []int{1, 1, 2} {
		feed <- &LiveRun{ID: 7, Trigger: "schedule", StartedAt: pageNow(), Due: 2, SoFar: pipeline.Report{Selected: done, Sent: done}}
	}
	feed <- nil
	request, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.Addr()+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	lines := bufio.NewScanner(response.Body)
	for _, want := range []string{"1 of 2 mails", "2 of 2 mails", "No run is under way"} {
		event := ""
		for lines.Scan() && lines.Text() != "" {
			event += lines.Text() + "\n"
		}
		if strings.HasPrefix(event, "retry:") {
			event = ""
			for lines.Scan() && lines.Text() != "" {
				event += lines.Text() + "\n"
			}
		}
		if !strings.HasPrefix(event, "event: show\ndata: ") || !strings.Contains(event, want) {
			t.Errorf("no %q in\n%s", want, event)
		}
	}
	// The server stops although the stream would go on.
	feed <- nil
	closeServer(t, s)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "event:") {
			t.Errorf("after the end: %s", lines.Text())
		}
	}
}

// One stream more than there are is told to come back.
func TestStreamsAreBounded(t *testing.T) {
	streams := NewStreams(operatorPages(t, true), make(liveFeed), time.Now)
	for range mostStreams {
		streams.slots <- struct{}{}
	}
	response, text := browse(t, streams, "GET", "/events", English, "")
	if response.StatusCode != http.StatusOK || text != "retry: 30000\n\n" {
		t.Errorf("status %d, %q", response.StatusCode, text)
	}
}
