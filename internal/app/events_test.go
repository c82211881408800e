package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"alta/store"
)

const eventsSecret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// receiver is a partner's program that hears what happens.
type receiver struct {
	t      testing.TB
	server *httptest.Server
	mu     sync.Mutex
	refuse int // so many tries are refused first
	got    []told
	tries  int
}

type told struct {
	id   string
	Type string         `json:"type"`
	Data map[string]any `json:"data"`
	At   time.Time      `json:"timestamp"`
}

func startReceiver(t testing.TB, refuse int) *receiver {
	r := &receiver{t: t, refuse: refuse}
	r.server = httptest.NewServer(http.HandlerFunc(r.hear))
	t.Cleanup(r.server.Close)
	return r
}

func (r *receiver) hear(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	check(r.t, err)
	id, at := request.Header.Get("webhook-id"), request.Header.Get("webhook-timestamp")
	key, err := base64.StdEncoding.DecodeString(eventsSecret)
	check(r.t, err)
	h := hmac.New(sha256.New, key)
	h.Write([]byte(id + "." + at + "." + string(body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil)); request.Header.Get("webhook-signature") != want {
		r.t.Errorf("an event is not signed: %s", body)
	}
	if seconds, err := strconv.ParseInt(at, 10, 64); err != nil || time.Since(time.Unix(seconds, 0)).Abs() > time.Minute {
		r.t.Errorf("it is of %s", at)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	if r.refuse > 0 {
		r.refuse--
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	e := told{id: id}
	check(r.t, json.Unmarshal(body, &e))
	r.got = append(r.got, e)
}

func (r *receiver) heard() []told {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]told{}, r.got...)
}

// TestEventsAreTold goes from a sign-up to a verified user, with a receiver that fails
// at first.
func TestEventsAreTold(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		r := startReceiver(t, 1)
		w := newWorld(t, time.Now, noSlot, `events.url = "`+r.server.URL+`/hooks"`, `events.secret_file = "events"`)
		w.write("events", "whsec_"+eventsSecret)
		d := w.serve()
		c := w.caller(d, "crm", "operator")
		p := sixty()[0]
		c.do("POST", "/users", `{"users":[`+strings.Replace(oneUser(p), "{", `{"external_id":"4711",`, 1)+`],"invite":"now"}`).read(t, 200, nil)
		w.eventually("the mail to be told", func() bool { return len(r.heard()) == 1 })
		sent := r.heard()[0]
		if sent.Type != string(store.MailSent) || sent.Data["user_id"] != p.id || sent.Data["external_id"] != "4711" || sent.Data["step"] != "invite" {
			t.Errorf("told %+v", sent)
		}
		c.do("POST", "/users/"+p.id+"/mark", `{"status":"verified","reason":"r"}`).read(t, 200, nil)
		w.eventually("the verification to be told", func() bool { return len(r.heard()) == 2 })
		if e := r.heard()[1]; e.Type != string(store.UserVerified) || e.id == sent.id {
			t.Errorf("told %+v", e)
		}
		var page struct {
			Events    []eventJSON `json:"events"`
			Next      string      `json:"next"`
			Recording bool        `json:"recording"`
		}
		w.eventually("both to be written down", func() bool {
			c.do("GET", "/events", "").read(t, 200, &page)
			return len(page.Events) == 2 && page.Events[1].State == store.EventDelivered
		})
		if e := page.Events[0]; !page.Recording || e.ID != sent.id || e.Tries != 2 || e.Said != "200 OK" || e.State != store.EventDelivered {
			t.Errorf("events %+v", page)
		}
		c.do("GET", "/events?cursor="+page.Next, "").read(t, 200, &page)
		if len(page.Events) != 0 {
			t.Errorf("behind the last there is %+v", page.Events)
		}
		for _, e := range r.heard() {
			text, err := json.Marshal(e.Data)
			check(t, err)
			if strings.Contains(string(text), p.email) || strings.Contains(string(text), "http") || strings.Contains(string(text), p.name) {
				t.Errorf("an event holds too much: %s", text)
			}
		}
		list := w.exec(0, "events", "list", "--json")
		if strings.Count(list, "\n") != 2 || !strings.Contains(list, sent.id) {
			t.Errorf("alta events list:\n%s", list)
		}
		if out := w.exec(0, "events", "test"); !strings.Contains(out, "200 OK") {
			t.Errorf("alta events test: %s", out)
		}
		if test := r.heard()[2]; test.Type != "alta.test" {
			t.Errorf("told %+v", test)
		}
	})
}

// Nobody who set no address has events in the ledger, and one who takes it away has no
// more of them.
func TestEventsAreOffUnlessAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, noSlot)
	d := w.serve()
	c := w.caller(d, "crm", "operator")
	c.do("POST", "/users", `{"users":[`+oneUser(sixty()[0])+`],"invite":"now"}`).read(t, 200, nil)
	w.lastMail(sixty()[0].email, 1)
	var page struct {
		Events    []eventJSON `json:"events"`
		Recording bool        `json:"recording"`
	}
	c.do("GET", "/events", "").read(t, 200, &page)
	if page.Recording || len(page.Events) != 0 {
		t.Errorf("events %+v", page)
	}
	w.exec(2, "events", "test")
}

func TestServeNeedsTheSecretOfEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, noSlot, `events.url = "https://acme.example/hooks"`)
	w.exec(2, "serve")
	w.write("events", "hunter2")
	w.configure(noSlot, `events.url = "https://acme.example/hooks"`, `events.secret_file = "events"`)
	w.exec(2, "serve")
}
