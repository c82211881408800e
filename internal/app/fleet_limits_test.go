package app

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"alta/internal/pgcluster/pgtest"
	"alta/internal/sandbox"
)

// The limits are the fleet's: however many machines there are, the mail server sees
// no more connections and no more mails a second than the configuration says, and
// within ten seconds of a change each has its new share.
func TestFleetSharesTheLimits(t *testing.T) {
	t.Parallel()
	const connections, perSecond = 6, 40
	f := newFleet(t, pgtest.Shared(t), 3, fmt.Sprintf("smtp.connections = %d", connections), fmt.Sprintf("smtp.rate = %d", perSecond), `fleet.lease = "6s"`, `log.level = "debug"`)
	check(t, f.smtp.Close())
	var err error
	// One connection more is turned away, and the mailer says so.
	f.smtp, err = sandbox.StartSMTP(sandbox.SMTPOptions{Username: "alta", Password: testPassword, Now: f.now, MaxConnections: connections})
	check(t, err)
	f.reconfigure()
	people := manyPeople(2000)
	f.write("users.csv", csvOf(people))
	f.exec(0, "users", "import", f.path("users.csv"))

	share := func(h *host, machines, smtp int) {
		t.Helper()
		began := time.Now()
		h.servant.says(fmt.Sprintf(`"machines":%d,"smtp_connections":%d`, machines, smtp))
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s had its share of %d machines after %s", h.name, machines, took)
		}
	}
	a, b, c := f.hosts[0], f.hosts[1], f.hosts[2]
	a.serve()
	share(a, 1, 6)
	f.eventually("the first mails", func() bool { return len(f.smtp.Mails()) > 10 })
	b.serve()
	share(a, 2, 3)
	share(b, 2, 3)
	c.serve()
	share(a, 3, 2)
	share(b, 3, 2)
	share(c, 3, 2)
	before := len(f.smtp.Mails())
	f.eventually("mails from three machines", func() bool { return len(f.smtp.Mails()) > before+2*perSecond })
	c.kill()
	f.eventually("two to have the share of three", func() bool {
		return strings.Count(a.servant.log.String(), `"machines":2,"smtp_connections":3`) == 2
	})
	b.servant.signal(syscall.SIGTERM)
	if status := b.servant.wait(); status != exitDone {
		t.Errorf("exit status %d after SIGTERM", status)
	}
	f.eventually("one to have it all", func() bool {
		return strings.Count(a.servant.log.String(), `"machines":1,"smtp_connections":6`) == 2
	})

	for _, h := range f.hosts {
		if text := h.servant.log.String(); strings.Contains(text, "takes fewer connections") || strings.Contains(text, `"level":"ERROR"`) {
			t.Errorf("%s met more connections than there may be, or an error:\n%s", h.name, text)
		}
	}
	mails := f.smtp.Mails()
	for i := range mails {
		// A limiter lets each machine begin with one mail, and what waits for the
		// server comes late.
		const slack = 12
		if j := i + perSecond + slack; j < len(mails) && mails[j].At.Sub(mails[i].At) < time.Second {
			t.Fatalf("%d mails came within %s", j-i, mails[j].At.Sub(mails[i].At))
		}
	}
}

// An outage that one machine meets stops all of them, and in each run one mail of
// one machine tells whether it is over.
func TestFleetSharesAnOutage(t *testing.T) {
	t.Parallel()
	const users = 300
	f := newFleet(t, pgtest.Shared(t), 3, "capa.connections = 6", "smtp.connections = 6", `schedule.cron = "@every 3s"`)
	people := manyPeople(users)
	f.write("users.csv", csvOf(people))
	f.exec(0, "users", "import", f.path("users.csv"))
	f.api.SetFaults(sandbox.APIFault{Answer: sandbox.KeyInvalid()})
	for _, h := range f.hosts {
		h.serve()
	}
	f.eventually("an outage", func() bool { return f.number(`SELECT count(*) FROM pauses`) == 1 })
	finished := func() int { return f.number(`SELECT count(*) FROM runs WHERE finished_at IS NOT NULL`) }
	runs := finished()
	f.eventually("the run to end", func() bool { return finished() > runs })
	calls, runs := f.api.Calls(), finished()
	if most := 3*16 + 1; calls > most {
		t.Errorf("%d calls before everything stopped, want one of each worker at most, and a probe", calls)
	}
	f.eventually("three more runs", func() bool { return finished() >= runs+3 })
	if made, most := f.api.Calls()-calls, finished()-runs+1; made > most || made == 0 {
		t.Errorf("%d calls in %d runs, want one probe in each", made, most)
	}
	f.api.SetFaults()
	f.eventually("everybody to be mailed", func() bool { return len(f.smtp.Mails()) == users })
	f.wantSettled()
	proof{world: f.world, people: people, mails: 1}.check()
}
