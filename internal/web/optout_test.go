package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"alta/pipeline"
)

// A mail provider's one click opts out at once, from wherever it comes, and again
// without harm.
func TestOneClick(t *testing.T) {
	for sentence, h := range map[string]http.Header{
		"a provider's program": {"Content-Type": {"application/x-www-form-urlencoded"}},
		"a provider's page":    {"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {"https://mail.example"}, "Sec-Fetch-Site": {"cross-site"}},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t)
			defer w.finish(t)
			for range 2 {
				got := w.do(t, "POST", "/u/"+tokenOf(1), h, "List-Unsubscribe=One-Click")
				w.wantHeaders(t, "one click", got.header)
				if got.status != http.StatusOK || strings.Contains(got.body, "<form") || !strings.Contains(got.body, "ya no te mandaremos correos") {
					t.Errorf("%d:\n%s", got.status, got.body)
				}
			}
			if w.book.optOuts != 1 {
				t.Errorf("opted out %d times", w.book.optOuts)
			}
			if got := w.do(t, "POST", "/k/"+tokenOf(1), ours(), ""); got.status != http.StatusGone || w.mint.calls != 0 {
				t.Errorf("the link still opens: %d", got.status)
			}
		})
	}
	w := newWorld(t)
	defer w.finish(t)
	got := w.do(t, "POST", "/u/"+tokenOf(1), http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}, multipartBody(oneClickField, oneClickValue))
	if got.status != http.StatusOK || w.book.optOuts != 1 {
		t.Errorf("as a multipart form: %d, %d", got.status, w.book.optOuts)
	}
}

// The page asks first, and its button does as the one click does.
func TestConfirm(t *testing.T) {
	w := newWorld(t)
	defer w.finish(t)
	path := "/u/" + tokenOf(1)
	got := w.do(t, "GET", path, chrome(), "")
	if got.status != http.StatusOK || !strings.Contains(got.body, `name="confirm" value="yes"`) {
		t.Errorf("%d:\n%s", got.status, got.body)
	}
	for _, body := range []string{"", "confirm=no", "List-Unsubscribe=Maybe"} {
		if got := w.do(t, "POST", path, ours(), body); got.status != http.StatusBadRequest || !strings.Contains(got.body, "<form") {
			t.Errorf("%q: %d:\n%s", body, got.status, got.body)
		}
	}
	if w.book.optOuts != 0 {
		t.Fatal("opted out without a word")
	}
	if got := w.do(t, "POST", path, ours(), "confirm=yes"); got.status != http.StatusOK || w.book.optOuts != 1 {
		t.Errorf("%d:\n%s", got.status, got.body)
	}
	if got := w.do(t, "GET", path, chrome(), ""); got.status != http.StatusOK || strings.Contains(got.body, "<form") {
		t.Errorf("afterwards: %d:\n%s", got.status, got.body)
	}
}

// Whoever is done has nothing to leave and stays as he is.
func TestNothingToLeave(t *testing.T) {
	for _, status := range []pipeline.Status{pipeline.Verified, pipeline.Rejected} {
		w := newWorld(t)
		u := mexican()
		u.Status = status
		w.book.put(1, pipeline.Ticket{User: u})
		for _, method := range []string{"GET", "POST"} {
			got := w.do(t, method, "/u/"+tokenOf(1), ours(), "confirm=yes")
			if got.status != http.StatusOK || !strings.Contains(got.body, "La verificación ya terminó") || strings.Contains(got.body, "<form") {
				t.Errorf("%s: %d:\n%s", method, got.status, got.body)
			}
		}
		w.finish(t)
	}
}

// A client that hangs up before the answer has opted out all the same.
func TestOptOutOutlastsTheClient(t *testing.T) {
	entered, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	w := newWorld(t)
	defer w.finish(t)
	w.public.OptOuts = optOutFunc(func(ctx context.Context) error {
		close(entered)
		<-release
		done <- ctx.Err()
		return nil
	})
	ctx, hangUp := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, "POST", w.URL+"/u/"+tokenOf(1), strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			err = response.Body.Close()
		}
		gone <- err
	}()
	<-entered
	hangUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the client: %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Errorf("the ledger's context ended with the client: %v", err)
	}
}

// optOutFunc is a ledger whose noting does as it is told.
type optOutFunc func(context.Context) error

func (f optOutFunc) OptOut(ctx context.Context, _ pipeline.TicketDigest, _ time.Time) (pipeline.Ticket, bool, error) {
	u := mexican()
	u.Status = pipeline.OptedOut
	return pipeline.Ticket{User: u, Dead: true}, true, f(ctx)
}
