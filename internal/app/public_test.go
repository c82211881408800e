package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// A world whose mails lead to the landing page, which listens on any free port.
const (
	publicBase   = "https://kyc.pagoclaro.example"
	withBase     = `public.base_url = "` + publicBase + `"`
	withListener = `public.listen = "127.0.0.1:0"`
)

var servedPublic = regexp.MustCompile(`"the pages for users are served","address":"([^"]+)"`)

// reached is what a client of the public pages gets; it follows nothing.
type reached struct {
	status   int
	location string
	body     string
}

// reach asks the public pages for what an address below the base URL leads to.
func (s *servant) reach(method, address, form string) reached {
	s.w.t.Helper()
	s.says("the pages for users are served")
	at := "http://" + servedPublic.FindStringSubmatch(s.log.String())[1] + strings.TrimPrefix(address, publicBase)
	ctx, cancel := context.WithTimeout(s.w.t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(form))
	check(s.w.t, err)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:60.0) Gecko/20100101 Firefox/60.0")
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	check(s.w.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	check(s.w.t, err)
	return reached{response.StatusCode, response.Header.Get("Location"), string(body)}
}

// oneClick is what a mail provider posts in the user's name (RFC 8058, section 3.1).
var oneClick = url.Values{"List-Unsubscribe": {"One-Click"}}.Encode()

// lastMail waits for the n-th mail to the address and returns it.
func (w *world) lastMail(address string, n int) sandbox.Mail {
	w.t.Helper()
	w.eventually(fmt.Sprintf("mail %d to %s", n, address), func() bool { return len(w.mailsTo(address)) >= n })
	return w.mailsTo(address)[n-1]
}

// From the mail to the verification, on either engine: nothing is minted for a mail or
// for whoever looks at the page, one session for however many clicks at once, and the
// link dies when the user opts out.
func TestTheLastingLink(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		w := newWorld(t, time.Now, always, withBase, withListener, `plan.min_gap = "1s"`, `plan.reminders = ["2s"]`)
		p := w.importPeople(1)[0]
		d := w.serve()
		invite := readMail(t, w.lastMail(p.email, 1))
		link := invite.links[0]
		if !strings.HasPrefix(link, publicBase+"/k/") {
			t.Fatalf("the mail leads to %s", link)
		}
		for range 20 {
			if r := d.reach(http.MethodGet, link, ""); r.status != http.StatusOK || !strings.Contains(r.body, "<form") {
				t.Fatalf("the page: %d\n%s", r.status, r.body)
			}
			if r := d.reach(http.MethodHead, link, ""); r.status != http.StatusOK {
				t.Fatalf("HEAD: %d", r.status)
			}
		}
		if n := len(w.api.Mints()); n != 0 {
			t.Fatalf("%d links were minted for a mail and for those who look", n)
		}
		var clicks sync.WaitGroup
		found := make([]reached, 10)
		for i := range found {
			clicks.Go(func() { found[i] = d.reach(http.MethodPost, link, "") })
		}
		clicks.Wait()
		if n := len(w.api.Mints()); n != 1 {
			t.Fatalf("%d links were minted for ten clicks at once", n)
		}
		for _, r := range found {
			if r.status != http.StatusSeeOther || r.location != w.api.Mints()[0].Link.Reveal() {
				t.Errorf("a click: %d to another place than what was minted", r.status)
			}
		}
		if r := d.reach(http.MethodGet, "/healthz", ""); r.status != http.StatusNotFound {
			t.Errorf("the world reaches /healthz: %d", r.status)
		}
		if _, text := d.get("/metrics"); !strings.Contains(text, `alta_openings_total{result="minted"} 1`) || !strings.Contains(text, `alta_openings_total{result="reused"} 9`) {
			t.Errorf("the openings are not counted:\n%s", text)
		}

		w.eventually("the visits to be counted", func() bool {
			_, text := d.get("/metrics")
			return strings.Contains(text, `alta_visits_total{kind="mint"} 1`) && strings.Contains(text, `alta_visits_total{kind="use"} 9`) &&
				strings.Contains(text, `alta_visits_total{kind="open"} 20`) && strings.Contains(text, `alta_visits_total{kind="scan"} 20`)
		})
		if shown := w.exec(0, "users", "show", p.id, "--json"); !strings.Contains(shown, `"opened_at":"20`) && !strings.Contains(shown, `"opened_at": "20`) {
			t.Errorf("users show does not say when the link was opened:\n%s", shown)
		}

		reminder := w.lastMail(p.email, 2)
		unsubscribe, err := reminder.Header("List-Unsubscribe")
		check(t, err)
		leave := strings.Trim(unsubscribe, "<>")
		if second := readMail(t, reminder).links[0]; leave != strings.Replace(second, "/k/", "/u/", 1) || second == link {
			t.Errorf("the reminder leads to %s, and unsubscribes at %s", second, leave)
		}
		if r := d.reach(http.MethodPost, leave, oneClick); r.status != http.StatusOK {
			t.Errorf("opting out: %d\n%s", r.status, r.body)
		}
		for _, dead := range []string{link, strings.Replace(leave, "/u/", "/k/", 1)} {
			if r := d.reach(http.MethodPost, dead, ""); r.status != http.StatusGone || r.location != "" {
				t.Errorf("a link of one who opted out: %d", r.status)
			}
		}
		if r := d.reach(http.MethodGet, publicBase+"/k/AAECAwQFBgcICQoLDA0ODw", ""); r.status != http.StatusNotFound {
			t.Errorf("a token that nobody has: %d", r.status)
		}
		d.signal(syscall.SIGTERM)
		if status := d.wait(); status != 0 {
			t.Errorf("exit status %d", status)
		}

		story := w.exec(0, "explain", p.id)
		for _, want := range []string{"the invite was sent; lasting link", "opened 20 times", "fetched 20 times by scanners", "a verification was opened after a click", "the user: opt_out"} {
			if !strings.Contains(story, want) {
				t.Errorf("explain does not say %q:\n%s", want, story)
			}
		}
		if shown := w.exec(0, "users", "show", p.id); !strings.Contains(shown, "lasting link") || !strings.Contains(shown, "opted_out") {
			t.Errorf("users show:\n%s", shown)
		}
		var x explainJSON
		check(t, json.Unmarshal([]byte(w.exec(0, "explain", p.id, "--json")), &x))
		if len(x.Sessions) != 1 || len(x.Visits) < 3 || x.Deliveries[0].ExpiresAt != nil {
			t.Errorf("explain --json: %+v", x)
		}
		token := link[strings.LastIndex(link, "/")+1:]
		if strings.Contains(d.log.String()+story, token) || strings.Contains(d.log.String(), leave) {
			t.Error("a token was printed")
		}
		for _, m := range w.mailsTo(p.email) {
			if strings.Contains(readMail(t, m).text, "hasta el") {
				t.Error("a mail names a date until which its link is good")
			}
		}
	})
}

// While the partner API is down mails go out all the same, and who clicks is offered a
// mail for when it is back.
func TestTheLastingLinkInAnOutage(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		w := newWorld(t, time.Now, always, withBase, withListener)
		w.api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Status: 503}})
		people := w.importPeople(3)
		d := w.serve()
		for _, p := range people {
			link := readMail(t, w.lastMail(p.email, 1)).links[0]
			if r := d.reach(http.MethodPost, link, ""); r.status != http.StatusServiceUnavailable || !strings.Contains(r.body, "/later") {
				t.Errorf("a click while the API is down: %d\n%s", r.status, r.body)
			}
			if r := d.reach(http.MethodPost, link+"/later", ""); r.status != http.StatusOK {
				t.Errorf("asking for a mail: %d\n%s", r.status, r.body)
			}
		}
		if n := w.number(`SELECT count(*) FROM askers`); n != 3 {
			t.Errorf("%d users ask for a mail, want 3", n)
		}
		if n := w.number(`SELECT count(*) FROM pauses`); n != 0 {
			t.Errorf("%d pauses, though nothing keeps mails from going out", n)
		}
		d.signal(syscall.SIGTERM)
		if status := d.wait(); status != 0 {
			t.Errorf("exit status %d", status)
		}
	})
}

// An outage that was met while links were minted for mails does not outlive that: with
// lasting links the next run sends.
func TestAnOutageOfMintingEndsWithLastingLinks(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
		w := newWorld(t, clock.now)
		w.api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Status: 401, Code: "UNAUTHORIZED", Message: "Invalid API Key"}})
		people := sixty()[:3]
		w.write("users.csv", csvOf(people))
		w.alta(0, "users", "import", w.path("users.csv"))
		if r := w.run(3); r.Sent != 0 || r.Outage == "" {
			t.Fatalf("the run meets no outage: %+v", r)
		}
		calls := w.api.Calls()

		w.configure(withBase, withListener)
		clock.advance(time.Hour)
		if r := w.run(0); r.Sent != 3 || r.Minted != 0 || r.Outage != "" {
			t.Errorf("with lasting links: %+v, want three mails", r)
		}
		if n := w.api.Calls(); n != calls {
			t.Errorf("the run asked the partner API %d times", n-calls)
		}
		if n := w.number(`SELECT count(*) FROM pauses`); n != 0 {
			t.Errorf("%d pauses are left", n)
		}
	})
}

// A run that died while it prepared mails leaves no doubtful mint where none is made
// for a mail.
func TestNoMintIsInDoubtWithLastingLinks(t *testing.T) {
	c := &Config{Public: PublicConfig{BaseURL: publicBase}}
	claimed := &pipeline.Delivery{ID: 7, Step: pipeline.Invite, DueAt: moment(t, "2026-03-02T18:00:00Z")}
	if v := judgeOrphan(c, time.Now())(claimed, false); v.Doubtful || v.State != pipeline.Due || v.Tried {
		t.Errorf("verdict %+v, want it due as it was", v)
	}
	if v := judgeOrphan(&Config{}, time.Now())(claimed, false); !v.Doubtful {
		t.Errorf("verdict %+v without lasting links, want a doubtful mint", v)
	}
	if v := judgeOrphan(c, time.Now())(claimed, true); v.Code != "interrupted" || v.Outcome != pipeline.OutcomeDoubt {
		t.Errorf("verdict %+v on a mail that had begun, want it in doubt", v)
	}
}

// The webhook is served beside the pages, and alone where mails carry the KYC links
// themselves: what the partner says ends the mails.
func TestTheWebhookIsServed(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		for _, c := range []struct {
			sentence string
			settings []string
		}{
			{"beside the pages", []string{withBase}},
			{"alone", nil},
		} {
			t.Run(c.sentence, func(t *testing.T) {
				w := newWorld(t, time.Now, append(c.settings, always, withListener, `webhook.secret_file = "hook"`)...)
				w.write("hook", w.api.WebhookSecret())
				w.exec(0, "users", "add", "--id", "u-1", "--external-id", "app-1", "--email", "ana@correo.example", "--name", "Ana", "--country", "MX")
				d := w.serve()
				w.lastMail("ana@correo.example", 1)
				d.says("the pages for users are served")
				address := "http://" + servedPublic.FindStringSubmatch(d.log.String())[1] + "/hooks/capa"
				w.exec(0, "webhook", "register", address)
				w.exec(0, "webhook", "test", address)
				if r := d.reach(http.MethodPost, publicBase+"/hooks/capa", `{"type":"KYC","event":"VERIFIED_USER","externalUserId":"app-1"}`); r.status != http.StatusUnauthorized {
					t.Errorf("a webhook without a signature: %d", r.status)
				}
				for range 2 {
					if status, err := w.api.Fire(t.Context(), "VERIFIED_USER", "app-1"); err != nil || status != http.StatusOK {
						t.Errorf("a webhook: %d, %v", status, err)
					}
				}
				if story := w.exec(0, "explain", "u-1"); !strings.Contains(story, "the partner said VERIFIED_USER") || !strings.Contains(story, "Nothing: the user is verified") {
					t.Errorf("explain:\n%s", story)
				}
				if _, text := d.get("/metrics"); !strings.Contains(text, `alta_webhooks_total{effect="applied",event="VERIFIED_USER"} 1`) {
					t.Errorf("the webhook is not counted:\n%s", text)
				}
				if r := d.reach(http.MethodGet, publicBase+"/hooks/capa", ""); r.status != http.StatusMethodNotAllowed {
					t.Errorf("GET of the webhook: %d", r.status)
				}
				d.signal(syscall.SIGTERM)
				if status := d.wait(); status != 0 {
					t.Errorf("exit status %d", status)
				}
			})
		}
	})
}
