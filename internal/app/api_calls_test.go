package app

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"alta/internal/web/api"
)

// noSlot is a schedule of which no moment comes while a test runs.
const noSlot = `schedule.cron = "0 0 1 1 *"`

type usersSaid struct {
	Users []userJSON `json:"users"`
	Next  *string    `json:"next"`
}

type resultsSaid struct {
	Results []api.Enrolled `json:"results"`
}

// TestAPIFromSignUpToErasure is a user's whole way, as a partner's program goes it.
func TestAPIFromSignUpToErasure(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		w := newWorld(t, time.Now, noSlot, `plan.sending_hours = "00:00-00:01"`, `plan.reminders = []`)
		d := w.serve()
		crm, screen := w.caller(d, "crm", "operator"), w.caller(d, "screen", "viewer")
		ana, bob := sixty()[0], sixty()[1]

		var taken resultsSaid
		body := `{"users":[` + oneUser(ana) + `,{"id":"no one","email":"x","name":"X","country":"US"},` + oneUser(ana) + `],"invite":"now"}`
		crm.do("POST", "/users", body).read(t, 200, &taken)
		if r := taken.Results; len(r) != 3 || r[0].Result != "added" || r[0].Mail != mailQueued || r[1].Result != api.Refused || len(r[1].Problems) != 3 ||
			r[2].Result != api.Refused || r[2].Problems[0].Field != "id" {
			t.Fatalf("results %+v", taken.Results)
		}
		w.lastMail(ana.email, 1) // at once, though it is no hour to send
		w.eventually("the mail to be written down", func() bool {
			var u userJSON
			screen.do("GET", "/users/"+ana.id, "").read(t, 200, &u)
			return u.Mails == 1
		})
		crm.do("POST", "/users", `{"users":[`+oneUser(ana)+`],"invite":"now"}`).read(t, 200, &taken)
		if r := taken.Results[0]; r.Result != "unchanged" || r.Mail == mailQueued || r.Mail == "" {
			t.Errorf("the same again: %+v", r)
		}
		crm.do("POST", "/users", `{"users":[`+oneUser(bob)+`]}`).read(t, 200, &taken)
		crm.do("POST", "/users", `{"users":[{"id":"?"}]}`).refused(t, api.Invalid, "results")

		// A status moves by a mark only, which asks for a reason. What is right of the same user waits for that.
		moved, renamed := strings.Replace(oneUser(ana), "{", `{"status":"opted_out",`, 1), strings.Replace(oneUser(bob), bob.email, "otra@correo.example", 1)
		var again resultsSaid
		crm.do("POST", "/users", `{"users":[`+moved+`,`+renamed+`]}`).read(t, 200, &again)
		if r := again.Results[0]; r.Result != api.Refused || len(r.Problems) != 1 || r.Problems[0] != (api.FieldProblem{Field: "status", Reason: notByEnrol}) {
			t.Errorf("a status that would move: %+v", r)
		}
		if r := again.Results[1]; r.Result != "updated" || r.Problems != nil {
			t.Errorf("another address: %+v", r)
		}
		crm.do("POST", "/users", `{"users":[`+moved+`],"invite":"now"}`).refused(t, api.Invalid, "results")

		var shown userJSON
		screen.do("GET", "/users/"+ana.id, "").read(t, 200, &shown)
		if shown.Email != ana.email || shown.Mails != 1 {
			t.Errorf("the user is %+v", shown)
		}
		screen.do("GET", "/users/"+url.PathEscape(ana.email), "").refused(t, api.NotFound, "Capa id")
		screen.do("POST", "/users/"+ana.id+"/mark", `{"status":"verified","reason":"r"}`).refused(t, api.Forbidden, "viewer")

		crm.do("POST", "/users/"+ana.id+"/resends", `{"reason":"asked by phone"}`).refused(t, api.Conflict, "plan.min_gap")
		crm.do("POST", "/users/"+ana.id+"/mark", `{"status":"in_review","reason":"seen in the branch"}`).read(t, 200, nil)
		crm.do("POST", "/users/"+ana.id+"/resends", `{"reason":"asked by phone"}`).refused(t, api.Conflict, "in_review")
		crm.do("DELETE", "/users/"+ana.id+"?reason=wish+of+3+May", "").read(t, 200, nil)
		screen.do("GET", "/users/"+ana.id, "").read(t, 200, &shown)
		if shown.Status != "erased" || shown.Email != "" {
			t.Errorf("after the erasure the user is %+v", shown)
		}
		crm.do("POST", "/users/"+ana.id+"/mark", `{"status":"pending","reason":"r"}`).refused(t, api.Conflict, "final")
		crm.do("DELETE", "/users/nobody?reason=r", "").refused(t, api.NotFound, "no user")

		audit := w.exec(0, "audit", "list", "--actor", "token:crm")
		for _, act := range []string{"mark", "seen in the branch", "erase", "wish of 3 May", "enrol", "added, invite now", "changed email"} {
			if !strings.Contains(audit, act) {
				t.Errorf("the audit log lacks %q:\n%s", act, audit)
			}
		}
		if strings.Contains(audit, "opted_out") || strings.Contains(audit, "otra@") {
			t.Errorf("the audit log has what was refused, or a value:\n%s", audit)
		}
	})
}

func TestAPIFindsUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, noSlot)
	people := w.importPeople(20)
	d := w.serve()
	c := w.caller(d, "screen", "viewer")
	seen, pages := map[string]bool{}, 0
	for path := "/users?limit=7"; ; pages++ {
		var page usersSaid
		c.do("GET", path, "").read(t, 200, &page)
		for _, u := range page.Users {
			if seen[u.ID] {
				t.Errorf("%s stands on two pages", u.ID)
			}
			seen[u.ID] = true
		}
		if page.Next == nil {
			break
		}
		path = "/users?limit=7&cursor=" + url.QueryEscape(*page.Next)
	}
	if len(seen) != len(people) || pages != 2 {
		t.Errorf("%d users on %d pages and a last one", len(seen), pages)
	}
	found := func(query string) (n int) {
		var page usersSaid
		c.do("GET", "/users?"+query, "").read(t, 200, &page)
		return len(page.Users)
	}
	all := found("limit=200")
	if mx, do := found("country=MX"), found("country=DO&status=pending"); mx == 0 || do == 0 || mx+do != all {
		t.Errorf("%d of MX and %d of DO, of %d", mx, do, all)
	}
	for query, want := range map[string]int{
		"email=" + url.QueryEscape(strings.ToUpper(people[3].email)): 1, "email=nobody@correo.example": 0,
		"q=" + url.QueryEscape(people[3].id): 1, "status=verified": 0, "external_id=x-1": 0,
	} {
		if n := found(query); n != want {
			t.Errorf("%s finds %d, want %d", query, n, want)
		}
	}
	c.bad("GET", "/users?country=US", "").refused(t, api.Malformed, "MX, DO")
	c.bad("GET", "/users?limit=1000", "").refused(t, api.Malformed, "1 to 200")
	c.do("GET", "/users?cursor=x", "").refused(t, api.Malformed, "cursor")
	c.do("GET", "/users?email=a%40b.mx&cursor=s.x", "").refused(t, api.Malformed, "cursor")
	c.do("GET", "/users?email=a%40b.mx&q=a", "").refused(t, api.Malformed, "q looks for a beginning")
	c.bad("GET", "/users?colour=red", "").refused(t, api.Malformed, "country, status")
	c.bad("GET", "/nothing", "").refused(t, api.NotFound, "openapi.yaml")
	c.bad("PUT", "/users", "{}").refused(t, api.NoMethod, "GET, HEAD, POST")

	var runs struct {
		Runs []runJSON `json:"runs"`
	}
	c.do("GET", "/runs", "").read(t, 200, &runs)
	var status statusJSON
	c.do("GET", "/status", "").read(t, 200, &status)
	if status.Queue.DueNow != len(people) {
		t.Errorf("%d are due", status.Queue.DueNow)
	}
	var forecast struct {
		Hours []forecastJSON `json:"hours"`
	}
	c.do("GET", "/forecast", "").read(t, 200, &forecast)
	mails := 0
	for _, h := range forecast.Hours {
		mails += h.Mails
	}
	if mails != len(people) {
		t.Errorf("%d mails are foreseen", mails)
	}
	c.bad("GET", "/forecast?from=tomorrow", "").refused(t, api.Malformed, "from must be a time")
	c.do("GET", "/forecast?from=9999-12-31T23:59:59Z", "").refused(t, api.Malformed, "before 9999-12-31")
	c.do("GET", "/forecast?from=9999-12-30T23:59:59Z", "").read(t, 200, nil)
	if got := c.do("GET", "/openapi.yaml", ""); got.status != 200 || string(got.body) != string(api.Contract()) {
		t.Errorf("the contract: %d", got.status)
	}
}

// TestAPILetsNobodyIn walks the routes without a token, with one that nobody made, and
// with a viewer's.
func TestAPILetsNobodyIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, noSlot)
	d := w.serve()
	viewer := w.caller(d, "screen", "viewer")
	stranger, liar := *viewer, *viewer
	stranger.token, liar.token = "", "alta_"+strings.Repeat("A", 43)
	for _, route := range api.Routes(api.Options{PerMinute: 1}) {
		path := strings.ReplaceAll(strings.TrimPrefix(route.Path, api.Prefix), "{id}", "ana")
		stranger.bad(route.Method, path, "").refused(t, api.Unauthorized, "alta token add")
		liar.bad(route.Method, path, "").refused(t, api.Unauthorized, "alta token add")
		if route.Operators {
			viewer.bad(route.Method, path, "").refused(t, api.Forbidden, "viewer")
			viewer.bad(route.Method, path, "", "Sec-Fetch-Site", "cross-site").refused(t, api.Forbidden, "another site")
		}
	}
	if audit := w.exec(0, "audit", "list", "--actor", "token:screen"); strings.Contains(audit, "screen") {
		t.Errorf("a viewer did something:\n%s", audit)
	}
}

func TestAPIResendsAsManyAsExpected(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		w := newWorld(t, time.Now, noSlot)
		people := w.importPeople(4)
		d := w.serve()
		c := w.caller(d, "crm", "operator")
		c.do("POST", "/resends", `{"country":"MX","expect":9,"reason":"r"}`).refused(t, api.OtherNumber, "who match is 2")
		c.bad("POST", "/resends", `{"country":"MX","expect":1001,"reason":"r"}`).refused(t, api.Invalid, "1 to 1000")
		c.do("POST", "/resends", `{"expect":1,"reason":"r"}`).refused(t, api.Invalid, "To whom?")
		c.bad("POST", "/resends", `{"country":"MX","expect":2}`).refused(t, api.Invalid, "reason is required")
		var done resent
		c.do("POST", "/resends", `{"country":"MX","expect":2,"reason":"template mended"}`).read(t, 202, &done)
		if len(done.Queued) != 2 || len(done.Refused) != 0 {
			t.Fatalf("resent %+v", done)
		}
		w.eventually("two mails", func() bool { return len(w.smtp.Mails()) == 2 })
		c.do("POST", "/runs", `{"reason":"the rest, too"}`).read(t, 202, nil)
		w.eventually("a mail to each", func() bool { return len(w.smtp.Mails()) == len(people) })
	})
}

func TestAPIIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, noSlot, `operator.api_rate = 20`)
	d := w.serve()
	c := w.caller(d, "crm", "operator")
	c.bad("POST", "/users", strings.Repeat(" ", api.LargestBody+1)).refused(t, api.TooLarge, "1 MiB")
	c.bad("POST", "/users", "id,email", "Content-Type", "text/csv").refused(t, api.NotJSON, "application/json")
	c.bad("POST", "/users", `{"user":[]}`).refused(t, api.Malformed, `"user" is unknown`)
	many := make([]string, api.MostUsers+1)
	for i := range many {
		many[i] = oneUser(person{id: fmt.Sprintf("u-%d", i), email: "a@correo.example", name: "A", country: "MX"})
	}
	c.bad("POST", "/users", `{"users":[`+strings.Join(many, ",")+`]}`).refused(t, api.Invalid, "at most 1000")
	var taken resultsSaid
	c.do("POST", "/users", `{"users":[`+strings.Join(many[1:], ",")+`]}`).read(t, 200, &taken)
	if len(taken.Results) != api.MostUsers || taken.Results[999].Result != "added" {
		t.Errorf("%d were taken in", len(taken.Results))
	}
	for range 20 {
		if got := c.do("GET", "/runs", ""); got.status == http.StatusTooManyRequests {
			got.refused(t, api.TooMany, "20 requests")
			if got.header.Get("Retry-After") == "" || got.header.Get("RateLimit") == "" {
				t.Errorf("the header is %v", got.header)
			}
			return
		}
	}
	t.Error("there is no end of requests")
}
