package sandbox_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// reached is the answer of a page.
type reached struct {
	status   int
	location string
	body     string
	header   http.Header
}

// reach asks for a page and follows nothing.
func reach(t *testing.T, method, address, form string, header ...string) reached {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		if request.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			request.Host = header[i+1]
		}
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reached{response.StatusCode, response.Header.Get("Location"), string(body), response.Header}
}

// clock is one that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// providerWorld is a provider behind an API that knows Ana, and who hears its webhooks.
type providerWorld struct {
	api   apiClient
	clock *clock
	hooks listener
}

func startProvider(t *testing.T, hookStatus int) providerWorld {
	t.Helper()
	w := providerWorld{clock: &clock{at: apiNoon}, hooks: startListener(t, "s3cret", hookStatus)}
	w.api = startAPI(t, sandbox.APIOptions{WebhookSecret: "s3cret", WebhookURL: w.hooks.url, Users: []sandbox.APIUser{
		{ID: "u-1", ExternalID: "app-1", Name: `Ana <b>Torres</b>`}, {ID: "b-1", Type: pipeline.Business},
	}})
	p, err := sandbox.StartProvider(sandbox.ProviderOptions{API: w.api.api, TTL: time.Minute, Now: w.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return w
}

// session mints a link and returns it.
func (w providerWorld) session(t *testing.T, user, kind string) string {
	t.Helper()
	if status, body := w.api.mint(user, kind, "MX"); status != http.StatusCreated {
		t.Fatalf("mint: %d %s", status, body)
	}
	mints := w.api.api.Mints()
	return mints[len(mints)-1].Link.Reveal()
}

func TestProviderHasEveryOutcome(t *testing.T) {
	for _, c := range []struct{ button, event, result, title string }{
		{"verify", "VERIFIED_USER", "VERIFIED", "You are verified"},
		{"reject", "REJECTED_KYC", "REJECTED", "You were rejected"},
	} {
		t.Run(c.button, func(t *testing.T) {
			w := startProvider(t, http.StatusOK)
			link := w.session(t, "u-1", "kyc")
			if r := reach(t, "GET", link, ""); r.status != 200 || !strings.Contains(r.body, "Ana &lt;b&gt;Torres") || !strings.Contains(r.body, `value="`+c.button+`"`) {
				t.Fatalf("the session's page: %d\n%s", r.status, r.body)
			}
			var presses sync.WaitGroup
			for range 5 {
				presses.Go(func() { reach(t, "POST", link, "outcome="+c.button) })
			}
			presses.Wait()
			r := reach(t, "POST", link, "outcome=upload")
			if r.status != http.StatusSeeOther || !strings.HasPrefix(r.location, "/done?_al=") {
				t.Errorf("a press: %d to %q", r.status, r.location)
			}
			if hook := <-w.hooks.bodies; hook != `{"type":"KYC","event":"`+c.event+`","externalUserId":"app-1"}` || len(w.hooks.bodies) != 0 {
				t.Errorf("%d webhooks more than %s", len(w.hooks.bodies), hook)
			}
			if _, body, _, err := w.api.do("GET", "/api/partner/v2/kyc/details?userId=u-1", ""); err != nil || !strings.Contains(body, `"`+c.result+`"`) {
				t.Errorf("kyc/details says %s, %v", body, err)
			}
			done := reach(t, "GET", strings.Replace(link, "/session?", "/done?", 1), "")
			if done.status != 200 || !strings.Contains(done.body, c.title) || !strings.Contains(done.body, "answered 200") || !strings.Contains(done.body, "myapp://done") {
				t.Errorf("the last page: %d\n%s", done.status, done.body)
			}
			if r := reach(t, "GET", link, ""); r.status != http.StatusGone {
				t.Errorf("a session that is over: %d", r.status)
			}
		})
	}
}

// Who has only handed in documents comes back to the same session, and is decided on.
func TestProviderReviewsWhatWasUploaded(t *testing.T) {
	w := startProvider(t, http.StatusServiceUnavailable)
	link := w.session(t, "b-1", "kyb")
	done := strings.Replace(link, "/session?", "/done?", 1)
	if r := reach(t, "GET", done, ""); r.status != http.StatusSeeOther || !strings.HasPrefix(r.location, "/session?") {
		t.Errorf("the last page before a button was pressed: %d to %q", r.status, r.location)
	}
	for _, c := range []struct{ button, event, page string }{
		{"upload", "CREATED_KYC", "Your documents are in"},
		{"verify", "VERIFIED_USER", "You are verified"},
	} {
		reach(t, "POST", link, "outcome="+c.button)
		if hook := <-w.hooks.bodies; hook != `{"type":"KYC","event":"`+c.event+`","externalUserId":"b-1"}` {
			t.Errorf("the webhook says %s", hook)
		}
		if r := reach(t, "GET", done, ""); !strings.Contains(r.body, c.page) || !strings.Contains(r.body, "answered 503") {
			t.Errorf("the last page says\n%s", r.body)
		}
	}
}

func TestProviderRefuses(t *testing.T) {
	w := startProvider(t, http.StatusOK)
	link := w.session(t, "u-1", "kyc")
	for _, c := range []struct {
		sentence, method, address, form string
		header                          []string
		status                          int
	}{
		{"A session that nobody has opened.", "GET", link + "x", "", nil, 404},
		{"The last page of one.", "GET", strings.Replace(link, "/session?", "/done?x", 1), "", nil, 404},
		{"A button that is not there.", "POST", link, "outcome=vanish", nil, 400},
		{"No button.", "POST", link, "", nil, 400},
		{"A form of another site.", "POST", link, "outcome=verify", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"A name that somebody has made lead here.", "GET", link, "", []string{"Host", "evil.example"}, 421},
		{"Another method.", "DELETE", link, "", nil, 405},
	} {
		if r := reach(t, c.method, c.address, c.form, c.header...); r.status != c.status {
			t.Errorf("%s %d, want %d", c.sentence, r.status, c.status)
		}
	}
	w.clock.advance(time.Minute)
	for _, method := range []string{"GET", "POST"} {
		if r := reach(t, method, link, "outcome=verify"); r.status != http.StatusGone || !strings.Contains(r.body, "expired") {
			t.Errorf("%s of a session that has expired: %d", method, r.status)
		}
	}
	if n := len(w.hooks.bodies); n != 0 {
		t.Errorf("%d webhooks were fired", n)
	}
	if _, err := sandbox.StartProvider(sandbox.ProviderOptions{}); err == nil {
		t.Error("a provider without an API was started")
	}
}
