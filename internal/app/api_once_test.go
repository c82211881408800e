package app

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/internal/web/api"
)

// TestAPILinks: the link is the user's own, minted once, audited and capped, and stands
// nowhere else.
func TestAPILinks(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		w := newWorld(t, time.Now, noSlot, `plan.max_links = 2`, `capa.min_life = "59m"`, `capa.link_ttl = "2h"`)
		people := w.importPeople(3)
		d := w.serve()
		c := w.caller(d, "app", "operator")
		var first, again struct {
			URL       string    `json:"url"`
			ExpiresAt time.Time `json:"expires_at"`
		}
		c.do("POST", "/users/"+people[0].id+"/links", "", api.KeyHeader, "k-1").read(t, 201, &first)
		if first.URL != w.api.Mints()[0].Link.Reveal() || first.ExpiresAt.Before(time.Now().Add(time.Hour)) {
			t.Error("the link is not the one that was minted")
		}
		got := c.do("POST", "/users/"+people[0].id+"/links", "", api.KeyHeader, "k-1")
		if got.read(t, 201, &again); again.URL != first.URL {
			t.Error("the same request got another link")
		}
		if got.header.Get("Cache-Control") != "no-store" {
			t.Error("a link may be kept by a cache")
		}
		c.do("POST", "/users/"+people[0].id+"/links", `{"reason":"screen 4"}`).read(t, 201, &again)
		if n := len(w.api.Mints()); n != 1 || again.URL != first.URL {
			t.Errorf("%d links were minted", n)
		}
		audit := w.exec(0, "audit", "list", "--user", people[0].id, "--json")
		if strings.Count(audit, `"action":"link"`) != 3 || !strings.Contains(audit, "screen 4") {
			t.Errorf("the audit log:\n%s", audit)
		}

		w.api.SetFaults(sandbox.APIFault{User: people[1].id, Answer: sandbox.APIAnswer{Status: http.StatusGatewayTimeout, Opens: true}})
		for range 2 { // mints that may have opened a session
			c.do("POST", "/users/"+people[1].id+"/links", "").refused(t, api.Unavailable, "partner API")
		}
		spent := c.do("POST", "/users/"+people[1].id+"/links", "")
		spent.refused(t, api.Spent, "plan.max_links")
		if spent.header.Get("Retry-After") == "" {
			t.Error("nothing says when the next may be minted")
		}
		w.exec(0, "users", "mark", people[2].id, "verified", "--reason", "r")
		c.do("POST", "/users/"+people[2].id+"/links", "").refused(t, api.Conflict, "verified")
		c.do("POST", "/users/nobody/links", "").refused(t, api.NotFound, "no user")
		w.wantNoSecret(w.exec(0, "audit", "list", "--json"))
	})
}

// Fifty requests with one key have one effect, however they meet.
func TestAPIKeysHaveOneEffect(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		w := newWorld(t, time.Now, noSlot)
		p := w.importPeople(1)[0]
		d := w.serve()
		c := w.caller(d, "crm", "operator")
		path, body := "/users/"+p.id+"/mark", `{"status":"in_review","reason":"once"}`
		var all sync.WaitGroup
		answers := make([]said, 50)
		for i := range answers {
			all.Go(func() { answers[i] = c.do("POST", path, body, api.KeyHeader, "mark-1") })
		}
		all.Wait()
		done := 0
		for _, a := range answers {
			switch a.status {
			case 200:
				done++
			case 409:
				a.refused(t, api.UnderWay, "Repeat it")
			default:
				t.Errorf("%d %s", a.status, a.body)
			}
		}
		if done == 0 {
			t.Error("none was done")
		}
		got := c.do("POST", path, body, api.KeyHeader, "mark-1")
		if got.status != 200 || got.header.Get("Idempotency-Replayed") != "true" || !strings.Contains(string(got.body), `"was":"pending"`) {
			t.Errorf("repeated: %d %s", got.status, got.body)
		}
		c.do("POST", path, `{"status":"verified","reason":"once"}`, api.KeyHeader, "mark-1").refused(t, api.KeyReused, "new key")
		if audit := w.exec(0, "audit", "list", "--user", p.id, "--json"); strings.Count(audit, `"action":"mark"`) != 1 {
			t.Errorf("the audit log:\n%s", audit)
		}
	})
}
