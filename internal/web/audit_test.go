package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeAudit is an audit log.
type fakeAudit struct {
	lines []AuditLine
	asked AuditQuery
	proof AuditProof
	hold  chan struct{} // until it is closed a proof goes on; nil is none
	began chan struct{}
	cut   error // in the middle of an export
}

func (f *fakeAudit) AuditLines(_ context.Context, q AuditQuery) ([]AuditLine, error) {
	f.asked = q
	return f.lines[:min(q.Limit, len(f.lines))], nil
}

func (f *fakeAudit) WriteAudit(_ context.Context, q AuditQuery, to io.Writer) error {
	f.asked = q
	for _, l := range f.lines {
		if _, err := fmt.Fprintf(to, "%d,%s\n", l.ID, l.Action); err != nil {
			return err
		}
	}
	return f.cut
}

func (f *fakeAudit) ProveAudit(context.Context) (AuditProof, error) {
	if f.hold != nil {
		close(f.began)
		<-f.hold
	}
	return f.proof, nil
}

func busyAudit(n int) *fakeAudit {
	f := &fakeAudit{proof: AuditProof{Rows: int64(n), Hash: strings.Repeat("24c229b9", 8)}}
	acts := []AuditLine{
		{Actor: "token:olga", Action: "resend", UserID: "8f14e45f-ceea-467f-a0e6-0d1f4b1a9b1e", Detail: "reissue: asked by phone"},
		{Actor: "the user", Action: "opt_out", UserID: "c-2"},
		{Actor: "root", Action: "token_add", Detail: "vera viewer"},
		{Actor: hostile, Action: hostile, UserID: hostile, Detail: hostile},
		{Actor: "token:olga", Action: "mark", UserID: "c-3", Detail: "pending -> verified: " + strings.Repeat("seen in the branch ", 12)},
	}
	for i := range n {
		l := acts[i%len(acts)]
		l.ID, l.At = int64(2*n-2*i), pageNow().Add(-time.Duration(i)*time.Hour)
		f.lines = append(f.lines, l)
	}
	return f
}

func auditMux(t testing.TB, f *fakeAudit) (*Pages, http.Handler) {
	pages := operatorPages(t, false)
	a := NewAuditPage(pages, f, time.Now)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /audit", a.Show)
	mux.HandleFunc("GET /audit.csv", a.Export)
	return pages, mux
}

func TestAuditLooks(t *testing.T) {
	for name, tt := range map[string]struct {
		f    *fakeAudit
		path string
	}{
		"audit":        {busyAudit(60), "/audit"},
		"audit-none":   {busyAudit(0), "/audit"},
		"audit-proved": {busyAudit(5), "/audit?verify=now&user=c-3&actor=token:olga&since=2026-11-20&before=900"},
		"audit-broken": {&fakeAudit{proof: AuditProof{Rows: 3, Broken: 4, Why: hostile}}, "/audit?verify=now&user=nobody"},
	} {
		for _, l := range Languages() {
			pages, mux := auditMux(t, tt.f)
			response, text := browse(t, mux, "GET", tt.path, l, "")
			if response.StatusCode != http.StatusOK {
				t.Errorf("status %d", response.StatusCode)
			}
			checkHostile(t, text)
			goldenPage(t, pages, name+"-"+string(l)+".html", text)
		}
	}
}

func TestAuditIsLookedThrough(t *testing.T) {
	f := busyAudit(60)
	pages, mux := auditMux(t, f)
	_, text := browse(t, mux, "GET", "/audit?user=c-3&actor=olga&since=2026-11-20", English, "")
	want := AuditQuery{User: "c-3", Actor: "olga", Since: time.Date(2026, 11, 20, 0, 0, 0, 0, pages.options.Zone), Limit: auditPerPage + 1}
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	next := fmt.Sprintf("/audit?actor=olga&amp;before=%d&amp;since=2026-11-20&amp;user=c-3", f.lines[auditPerPage-1].ID)
	if !strings.Contains(text, next) {
		t.Errorf("no link to %s in %s", next, text)
	}
	browse(t, mux, "GET", strings.ReplaceAll(next, "&amp;", "&"), English, "")
	if f.asked.Before != f.lines[auditPerPage-1].ID {
		t.Errorf("the next page begins before %d", f.asked.Before)
	}
	for _, bad := range []string{"since=yesterday", "before=x", "before=-1", "user=a%0Ab", "actor=" + strings.Repeat("a", 201)} {
		for _, path := range []string{"/audit?", "/audit.csv?"} {
			if response, _ := browse(t, mux, "GET", path+bad, English, ""); response.StatusCode != http.StatusBadRequest {
				t.Errorf("%s%s is answered %d", path, bad, response.StatusCode)
			}
		}
	}
}

// One check at a time reads the whole log; who asks meanwhile is told so.
func TestTheChainIsVerifiedByOneAtATime(t *testing.T) {
	f := busyAudit(3)
	f.hold, f.began = make(chan struct{}), make(chan struct{})
	_, mux := auditMux(t, f)
	done := make(chan string)
	go func() {
		_, text := browse(t, mux, "GET", "/audit?verify=now", English, "")
		done <- text
	}()
	<-f.began
	if _, text := browse(t, mux, "GET", "/audit?verify=now", English, ""); !strings.Contains(text, "being verified just now") {
		t.Errorf("meanwhile it says %s", text)
	}
	close(f.hold)
	if text := <-done; !strings.Contains(text, "The chain holds") || !strings.Contains(text, f.proof.Hash) {
		t.Errorf("it says %s", text)
	}
	if _, text := browse(t, mux, "GET", "/audit", English, ""); !strings.Contains(text, "The chain holds") {
		t.Errorf("later it says %s", text)
	}
}

// An export is whole, or the connection breaks off.
func TestAuditExportIsWholeOrBreaksOff(t *testing.T) {
	f := busyAudit(5)
	_, mux := auditMux(t, f)
	response, text := browse(t, mux, "GET", "/audit.csv?user=c-3&before=9", English, "")
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/csv") || strings.Count(text, "\n") != 5 {
		t.Errorf("status %d, %v: %s", response.StatusCode, response.Header, text)
	}
	if got := response.Header.Get("Content-Disposition"); got != `attachment; filename="alta-audit-2026-11-24.csv"` {
		t.Errorf("the file is %s", got)
	}
	if f.asked.User != "c-3" || f.asked.Before != 0 {
		t.Errorf("asked for %+v", f.asked)
	}
	f.cut = errors.New("the disk is gone")
	s := serve(t, mux)
	defer closeServer(t, s)
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.Addr()+"/audit.csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	if response, err := http.DefaultClient.Do(r); err == nil {
		_, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err == nil {
			t.Error("a part of the log looks like the whole")
		}
	}
}
