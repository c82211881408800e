package herald

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"alta/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var today = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// notebook is a ledger in memory.
type notebook struct {
	mu      sync.Mutex
	due     []Event
	settled map[string][]Outcome
	stopped bool
	forgot  time.Time
	err     error
}

func (n *notebook) Claim(_ context.Context, most int, _, _ time.Time) ([]Event, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return nil, n.err
	}
	some := n.due[:min(most, len(n.due))]
	n.due = n.due[len(some):]
	return some, nil
}

func (n *notebook) Settle(_ context.Context, e Event, o Outcome) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settled[e.Name] = append(n.settled[e.Name], o)
	return nil
}

func (n *notebook) Forget(_ context.Context, before time.Time) error { n.forgot = before; return nil }

func (n *notebook) Stop(context.Context) error { n.stopped = true; return nil }

// heard is what came to the receiver.
type heard struct {
	header http.Header
	body   string
}

type world struct {
	t        *testing.T
	notebook *notebook
	herald   *Herald
	mu       sync.Mutex
	heard    []heard
}

// newWorld starts a receiver that answers so.
func newWorld(t *testing.T, receive http.HandlerFunc) *world {
	w := &world{t: t, notebook: &notebook{settled: map[string][]Outcome{}}}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.mu.Lock()
		w.heard = append(w.heard, heard{r.Header.Clone(), string(body)})
		w.mu.Unlock()
		receive(out, r)
	}))
	t.Cleanup(server.Close)
	w.tellTo(server.URL)
	return w
}

func (w *world) tellTo(url string) {
	key, err := ParseSecret(pipeline.NewSecret(secret))
	if err != nil {
		w.t.Fatal(err)
	}
	w.herald = New(Options{
		URL: url, Key: key, Agent: "alta/test", Ledger: w.notebook, Now: func() time.Time { return today },
		Luck: func() float64 { return 0.5 }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	w.t.Cleanup(w.herald.client.CloseIdleConnections)
}

// all is what came to the receiver so far.
func (w *world) all() []heard {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.heard)
}

// tell tells one event that was tried so often, and returns what came of it.
func (w *world) tell(tries int) (o Outcome, gone bool) {
	w.t.Helper()
	w.notebook.due = []Event{{
		ID: 1, Name: "evt_1", Type: "mail.failed", At: today.Add(-time.Minute), UserID: "ana", ExternalID: "x-1", Step: pipeline.Invite, Round: 1, Code: "smtp.refused", Tries: tries,
	}}
	tidied := today
	gone, err := w.herald.round(w.t.Context(), &tidied)
	if err != nil {
		w.t.Fatal(err)
	}
	all := w.notebook.settled["evt_1"]
	if len(all) == 0 {
		w.t.Fatal("nothing came of the event")
	}
	return all[len(all)-1], gone
}

func status(n int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(n)
	}
}

func TestWhatIsToldIsSigned(t *testing.T) {
	w := newWorld(t, status(204))
	if o, _ := w.tell(1); !o.Delivered || o.Said != "204 No Content" {
		t.Errorf("it came to %+v", o)
	}
	got := w.all()[0]
	want := `{"type":"mail.failed","timestamp":"2026-05-03T11:59:00Z","data":{"user_id":"ana","external_id":"x-1","step":"invite","round":1,"code":"smtp.refused"}}`
	if got.body != want {
		t.Errorf("the body is %s", got.body)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, raw)
	h.Write([]byte("evt_1.1777809600." + want))
	for name, value := range map[string]string{
		"webhook-id": "evt_1", "webhook-timestamp": "1777809600", "webhook-signature": "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil)),
		"Content-Type": "application/json", "User-Agent": "alta/test",
	} {
		if got.header.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, got.header.Get(name), value)
		}
	}
}

// The vector of https://github.com/standard-webhooks/standard-webhooks and its libraries.
func TestSignature(t *testing.T) {
	key, err := ParseSecret(pipeline.NewSecret(secret))
	if err != nil {
		t.Fatal(err)
	}
	got := key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("the signature is %s, want %s", got, want)
	}
}

func TestWhatAReceiverMayAnswer(t *testing.T) {
	for _, c := range []struct {
		sentence string
		receive  http.HandlerFunc
		tries    int
		want     Outcome
		gone     bool
	}{
		{"2xx is taken", status(299), 1, Outcome{Delivered: true, Said: "299"}, false},
		{"500 is tried again", status(500), 1, Outcome{NextAt: today.Add(5 * time.Second), Said: "500 Internal Server Error"}, false},
		{"400 is, too: somebody may mend it", status(400), 2, Outcome{NextAt: today.Add(30 * time.Second), Said: "400 Bad Request"}, false},
		{"503 may ask for time", status(503, "Retry-After", "90"), 1, Outcome{NextAt: today.Add(90 * time.Second), Said: "503 Service Unavailable"}, false},
		{"429 may, by a date, too", status(429, "Retry-After", today.Add(time.Hour).Format(http.TimeFormat)), 1, Outcome{NextAt: today.Add(time.Hour), Said: "429 Too Many Requests"}, false},
		{"a redirect is not followed", status(302, "Location", "/elsewhere"), 1, Outcome{NextAt: today.Add(5 * time.Second), Said: "302 Found, which is not followed"}, false},
		{"410 ends it for all", status(410), 1, Outcome{NextAt: today.Add(5 * time.Second), Said: "410 Gone"}, true},
		{"after three days it is given up", status(500), 17, Outcome{GivenUp: true, Said: "500 Internal Server Error"}, false},
		{"a connection that is cut is tried again", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, 1, Outcome{NextAt: today.Add(5 * time.Second), Said: "EOF"}, false},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			w := newWorld(t, c.receive)
			o, gone := w.tell(c.tries)
			if o != c.want || gone != c.gone || w.notebook.stopped != c.gone {
				t.Errorf("it came to %+v, gone %v, stopped %v, want %+v", o, gone, w.notebook.stopped, c.want)
			}
			if len(w.all()) != 1 {
				t.Errorf("the receiver was asked %d times", len(w.all()))
			}
		})
	}
}

func TestAReceiverThatIsNotThere(t *testing.T) {
	w := newWorld(t, status(200))
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	w.tellTo("http://" + address + "/secret-path")
	if o, _ := w.tell(1); o.Delivered || o.Said != "dial: connection refused" {
		t.Errorf("it came to %+v", o)
	}
}

func TestManyEventsAreAllTold(t *testing.T) {
	w := newWorld(t, status(200))
	for i := range 100 {
		w.notebook.due = append(w.notebook.due, Event{ID: int64(i), Name: fmt.Sprintf("evt_%d", i), Type: "mail.sent", At: today, Tries: 1})
	}
	tidied := time.Time{}
	if _, err := w.herald.round(t.Context(), &tidied); err != nil {
		t.Fatal(err)
	}
	if len(w.notebook.settled) != 100 || len(w.all()) != 100 {
		t.Errorf("%d were told and %d settled", len(w.all()), len(w.notebook.settled))
	}
	if w.notebook.forgot != today.Add(-keptFor) || tidied != today {
		t.Errorf("what happened before %s was forgotten", w.notebook.forgot)
	}
}

// A herald that is told to stop leaves what it was at to the next one.
func TestAStopCutsATryOff(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	w := newWorld(t, func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	})
	w.notebook.due = []Event{{ID: 1, Name: "evt_1", Tries: 1}}
	ctx, stop := context.WithCancel(t.Context())
	var worker sync.WaitGroup
	worker.Go(func() { w.herald.Run(ctx) })
	<-arrived
	stop()
	worker.Wait()
	close(release)
	if len(w.notebook.settled) != 0 {
		t.Errorf("it came to %+v", w.notebook.settled)
	}
}

func TestALedgerThatFailsIsAskedAgain(t *testing.T) {
	w := newWorld(t, status(200))
	w.notebook.err = errors.New("disk full")
	tidied := today
	if _, err := w.herald.round(t.Context(), &tidied); err == nil {
		t.Error("nobody hears of it")
	}
}

func TestSecrets(t *testing.T) {
	for _, c := range []struct {
		sentence, text string
		good           bool
	}{
		{"24 bytes do", secret, true},
		{"64 bytes do", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 64)), true},
		{"23 bytes are too few", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23)), false},
		{"65 bytes are too many", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)), false},
		{"without its beginning it is none", strings.TrimPrefix(secret, "whsec_"), false},
		{"what is no base64 is none", "whsec_hunter2hunter2hunter2hunter2!", false},
		{"nothing is none", "", false},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			_, err := ParseSecret(pipeline.NewSecret(c.text))
			if (err == nil) != c.good {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error holds the secret: %v", err)
			}
		})
	}
}
