package app

import (
	"strings"
	"testing"
	"time"

	"alta/internal/sandbox"
)

// A link that the partner API hands out twice would lead one person into the
// verification of another: it stops the run, and nobody gets it but the first.
func TestALinkForTwoUsersStopsTheRun(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testALinkForTwoUsersStopsTheRun)
}

func testALinkForTwoUsersStopsTheRun(t *testing.T) {
	clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
	w := newWorld(t, clock.now, "plan.workers = 1")
	people := sixty()[:4]
	w.write("users.csv", csvOf(people))
	w.alta(0, "users", "import", w.path("users.csv"))
	w.api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Link: "https://kyc.sandbox.example/session/1?_al=the-same=="}})

	r := w.run(3)
	if r.Sent != 1 || !strings.Contains(r.Outage, "one link for two users, "+people[0].id+" and then "+people[1].id) {
		t.Errorf("the first run: %+v, want one mail and an outage that names both users", r)
	}
	if r := w.run(3); r.Sent != 0 || len(w.smtp.Mails()) != 1 {
		t.Errorf("the second run: %+v, want no mail while it goes on", r)
	}
	if n := w.number(`SELECT count(*) FROM attempts WHERE doubtful`); n != 2 {
		t.Errorf("%d doubtful mints, want one for each link that nobody got", n)
	}

	w.api.SetFaults()
	clock.advance(time.Hour)
	if r := w.run(0); r.Sent != 3 {
		t.Errorf("the run after it was mended: %+v, want the other three", r)
	}
	w.wantOneMailEach(people)
	for _, p := range people[1:] {
		readMail(t, w.mailsTo(p.email)[0]).wantLink(t, w.minted(p.id)[len(w.minted(p.id))-1])
	}
}
