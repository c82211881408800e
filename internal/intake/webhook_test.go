package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/internal/intake"
	"alta/pipeline"
)

const (
	secret   = "canary-webhook-secret-c0d3"
	previous = "canary-webhook-secret-0ld1"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func fixedClock() time.Time { return noon }

// hook is a handler that serves, and what it leaves behind.
type hook struct {
	url    string
	ledger *ledger
	count  *count
	log    *bytes.Buffer
}

func startHook(t testing.TB, change func(*intake.Options)) *hook {
	t.Helper()
	h := &hook{
		ledger: &ledger{users: map[string]pipeline.Status{"ana": pipeline.Pending}},
		count:  &count{}, log: &bytes.Buffer{},
	}
	o := intake.Options{
		Secrets: []pipeline.Secret{pipeline.NewSecret(secret), pipeline.NewSecret(previous)},
		Ledger:  h.ledger, Observer: h.count, Now: fixedClock,
		Log: slog.New(slog.NewTextHandler(h.log, nil)),
	}
	if change != nil {
		change(&o)
	}
	server := httptest.NewServer(intake.Webhook(o))
	t.Cleanup(server.Close)
	h.url = server.URL + intake.Path
	return h
}

// post sends one webhook on a connection of its own.
func post(t testing.TB, method, url, body string, header http.Header) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	for name, values := range header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

func sign(key, body string) http.Header {
	return signed(intake.Sign(pipeline.NewSecret(key), []byte(body)))
}

func signed(signatures ...string) http.Header { return http.Header{signatureKey: signatures} }

// signatureKey is the header as net/http keeps it.
var signatureKey = http.CanonicalHeaderKey(intake.Header)

const verified = `{"type":"KYC","event":"VERIFIED_USER","externalUserId":"ana"}`

// Each row is one webhook for Ana, who is pending.
func TestWebhook(t *testing.T) {
	good := intake.Sign(pipeline.NewSecret(secret), []byte(verified))
	for _, test := range []struct {
		sentence      string
		body          string
		header        http.Header // nil signs the body with the current secret
		status        int
		user          pipeline.Status // Ana's afterwards
		event, effect string          // as they are counted
	}{
		{"what she has uploaded is in review", `{"type":"KYC","event":"CREATED_KYC","externalUserId":"ana"}`, nil, 200, pipeline.InReview, "CREATED_KYC", "applied"},
		{"so is what a person looks at", `{"type":"KYC","event":"REVIEW_NEEDED_KYC","externalUserId":"ana"}`, nil, 200, pipeline.InReview, "REVIEW_NEEDED_KYC", "applied"},
		{"who is verified is", verified, nil, 200, pipeline.Verified, "VERIFIED_USER", "applied"},
		{"who is rejected is", `{"type":"KYC","event":"REJECTED_KYC","externalUserId":"ana"}`, nil, 200, pipeline.Rejected, "REJECTED_KYC", "applied"},
		{"the type decides nothing", strings.Replace(verified, `"KYC"`, `"KYB"`, 1), nil, 200, pipeline.Verified, "VERIFIED_USER", "applied"},
		{"an unknown user is taken", strings.Replace(verified, "ana", "nobody", 1), nil, 200, pipeline.Pending, "VERIFIED_USER", "unknown_user"},
		{"an unknown event is taken", strings.Replace(verified, "VERIFIED_USER", "LATER_EVENT", 1), nil, 200, pipeline.Pending, "other", "unknown_event"},
		{"the secret of before is good while it is being changed", verified, sign(previous, verified), 200, pipeline.Verified, "VERIFIED_USER", "applied"},
		{"hex may be in upper case", verified, signed(strings.ToUpper(good)), 200, pipeline.Verified, "VERIFIED_USER", "applied"},
		{"the content type is of no interest", verified, http.Header{signatureKey: {good}, "Content-Type": {"text/plain"}}, 200, pipeline.Verified, "VERIFIED_USER", "applied"},

		{"without a signature nothing happens", verified, http.Header{}, 401, pipeline.Pending, "none", "refused"},
		{"nor with one of another secret", verified, sign("another", verified), 401, pipeline.Pending, "none", "refused"},
		{"nor with one of no secret", verified, sign("", verified), 401, pipeline.Pending, "none", "refused"},
		{"nor with that of another body", strings.Replace(verified, "ana", "bob", 1), signed(good), 401, pipeline.Pending, "none", "refused"},
		{"nor when one blank was added", verified + " ", signed(good), 401, pipeline.Pending, "none", "refused"},
		{"nor with half of it", verified, signed(good[:32]), 401, pipeline.Pending, "none", "refused"},
		{"nor with more than it", verified, signed(good + "00"), 401, pipeline.Pending, "none", "refused"},
		{"nor with something that is no hex", verified, signed("sha256=" + good), 401, pipeline.Pending, "none", "refused"},
		{"nor with two of them", verified, signed(good, good), 401, pipeline.Pending, "none", "refused"},
		{"nor with an empty one", verified, signed(""), 401, pipeline.Pending, "none", "refused"},
		{"an empty body needs a signature too", "", http.Header{}, 401, pipeline.Pending, "none", "refused"},

		{"what is signed and no JSON is refused", "hostile", nil, 400, pipeline.Pending, "none", "malformed"},
		{"so is a signed nothing", "", nil, 400, pipeline.Pending, "none", "malformed"},
		{"64 KiB are read", verified + strings.Repeat(" ", 64<<10-len(verified)), nil, 200, pipeline.Verified, "VERIFIED_USER", "applied"},
		{"one byte more is not, signed or not", verified + strings.Repeat(" ", 64<<10+1-len(verified)), nil, 413, pipeline.Pending, "none", "too_large"},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			h := startHook(t, nil)
			header := test.header
			if header == nil {
				header = sign(secret, test.body)
			}
			status, answered, text := post(t, "POST", h.url, test.body, header)
			if status != test.status {
				t.Errorf("status %d, want %d: %s", status, test.status, text)
			}
			if status == 401 && text != "unauthorized\n" {
				t.Errorf("the answer hints at what was wrong: %q", text)
			}
			if answered.Get("Cache-Control") != "no-store" || answered.Get("alta-webhook") != "" {
				t.Errorf("header %v", answered)
			}
			if got := h.ledger.users["ana"]; got != test.user {
				t.Errorf("Ana is %s, want %s", got, test.user)
			}
			if test.status != 200 && len(h.ledger.got) != 0 {
				t.Errorf("the ledger was told %v", h.ledger.got)
			}
			if diff := cmp.Diff(map[[2]string]int{{test.event, test.effect}: 1}, h.count.of); diff != "" {
				t.Errorf("counted (-want +got):\n%s", diff)
			}
			if lines := strings.Count(h.log.String(), "\n"); lines != 1 {
				t.Errorf("%d lines in the log: %s", lines, h.log)
			}
			for _, hidden := range []string{secret, previous, "hostile", good} {
				if strings.Contains(h.log.String()+text, hidden) {
					t.Errorf("%q shows in %s%s", hidden, h.log, text)
				}
			}
		})
	}
}

func TestOnlyPostsAreWebhooks(t *testing.T) {
	h := startHook(t, nil)
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"} {
		status, header, _ := post(t, method, h.url, verified, sign(secret, verified))
		if status != http.StatusMethodNotAllowed || header.Get("Allow") != "POST" {
			t.Errorf("%s: %d, Allow %q", method, status, header.Get("Allow"))
		}
	}
	if len(h.ledger.got) != 0 {
		t.Errorf("the ledger was told %v", h.ledger.got)
	}
}

// Anybody can sign with an empty secret, so one that is not set must not count.
func TestWithoutASecretNothingIsTaken(t *testing.T) {
	for sentence, secrets := range map[string][]pipeline.Secret{"none": nil, "two that are empty": {{}, pipeline.NewSecret("")}} {
		h := startHook(t, func(o *intake.Options) { o.Secrets = secrets })
		if status, _, _ := post(t, "POST", h.url, verified, sign("", verified)); status != 401 || len(h.ledger.got) != 0 {
			t.Errorf("%s: status %d, the ledger was told %v", sentence, status, h.ledger.got)
		}
	}
}

func TestALedgerThatCannotBeWrittenIsAskedAgain(t *testing.T) {
	h := startHook(t, nil)
	h.ledger.fails = errors.New("the disk is full")
	if status, _, text := post(t, "POST", h.url, verified, sign(secret, verified)); status != 503 || strings.Contains(text, "disk") {
		t.Errorf("%d %s", status, text)
	}
	if !strings.Contains(h.log.String(), "level=ERROR") || !strings.Contains(h.log.String(), "the disk is full") {
		t.Errorf("the log says %s", h.log)
	}
	h.ledger.fails = nil
	if status, _, _ := post(t, "POST", h.url, verified, sign(secret, verified)); status != 200 || h.ledger.users["ana"] != pipeline.Verified {
		t.Errorf("the next try: %d, Ana is %s", status, h.ledger.users["ana"])
	}
	if diff := cmp.Diff(map[[2]string]int{{"VERIFIED_USER", "unwritable"}: 1, {"VERIFIED_USER", "applied"}: 1}, h.count.of); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// What waits for an operator is a warning, what had an effect is not, and a line
// names the user by the external id alone.
func TestEachWebhookIsOneLine(t *testing.T) {
	for body, want := range map[string]string{
		verified: `level=INFO msg=webhook effect=applied event=VERIFIED_USER external_id=ana`,
		strings.Replace(verified, "ana", "bob", 1):                          `level=WARN msg=webhook effect=unknown_user event=VERIFIED_USER external_id=bob`,
		strings.Replace(verified, "VERIFIED", "X", 1):                       `level=WARN msg=webhook effect=unknown_event event=X_USER external_id=ana`,
		strings.Replace(verified, "{", `{"email":"ana@correo.example",`, 1): `level=INFO msg=webhook effect=applied event=VERIFIED_USER external_id=ana`,
		strings.Replace(verified, `"ana"`, `"ana\nlevel=ERROR hostile"`, 1): `level=WARN msg="a signed webhook could not be read; it is refused" why="the field externalUserId holds a control character"`,
		strings.Replace(verified, `"externalUserId"`, `"external_user"`, 1): `level=WARN msg="a signed webhook could not be read; it is refused" why="the field externalUserId is missing"`,
		strings.Replace(verified, `"ana"`, `["ana@correo.example"]`, 1):     `level=WARN msg="a signed webhook could not be read; it is refused" why="the field externalUserId is not a text"`,
		strings.Replace(verified, `"ana"`, fmt.Sprintf("%q", " \u00a0"), 1): `level=WARN msg="a signed webhook could not be read; it is refused" why="the field externalUserId is empty"`,
	} {
		h := startHook(t, nil)
		post(t, "POST", h.url, body, sign(secret, body))
		_, line, _ := strings.Cut(strings.TrimSuffix(h.log.String(), "\n"), " ")
		if line != want {
			t.Errorf("the log says\n%s\nwant\n%s", line, want)
		}
	}
}

// A sender who hangs up after the body undoes nothing: the ledger's time is
// bounded, and does not end with the connection.
func TestAHangUpUndoesNothing(t *testing.T) {
	hungUp, taken := make(chan struct{}), make(chan error, 1)
	handler := intake.Webhook(intake.Options{
		Secrets: []pipeline.Secret{pipeline.NewSecret(secret)}, Now: fixedClock, Log: slog.New(slog.DiscardHandler),
		Ledger: newsFunc(func(ctx context.Context, _ pipeline.News) (pipeline.Effect, error) {
			<-hungUp
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("the ledger may take for ever")
			}
			taken <- ctx.Err()
			return pipeline.Applied, nil
		}),
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stop := context.AfterFunc(r.Context(), func() { close(hungUp) })
		defer stop()
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s: %s\r\n\r\n%s",
		len(verified), intake.Header, sign(secret, verified).Get(intake.Header), verified); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Errorf("the ledger was told to stop: %v", err)
	}
}

type newsFunc func(context.Context, pipeline.News) (pipeline.Effect, error)

func (f newsFunc) News(ctx context.Context, n pipeline.News) (pipeline.Effect, error) {
	return f(ctx, n)
}
