package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"alta/internal/pgcluster"
	"alta/internal/pgcluster/pgtest"
)

// host is one machine of a fleet under test: a program of its own, with a way of
// its own to the database.
type host struct {
	w       *world
	name    string
	proxy   *pgcluster.Proxy
	servant *servant
}

// fleetWorld is a world with a database server of its own and three machines.
type fleetWorld struct {
	*world
	cluster  *pgcluster.Cluster
	hosts    []*host
	settings []string
}

// newFleet starts nothing yet.
func newFleet(t *testing.T, c *pgcluster.Cluster, machines int, settings ...string) *fleetWorld {
	t.Helper()
	f := &fleetWorld{cluster: c}
	settings = append([]string{
		`schedule.cron = "@every 2s"`, "plan.workers = 16", "smtp.connections = 12", "capa.connections = 24",
		"plan.reminders = []", "plan.reissue_on_expiry = false", "guard.mails = 0", "smtp.rate = 250", `smtp.timeout = "5s"`, `fleet.lease = "3s"`, `log.level = "info"`,
	}, settings...)
	f.world = newWorldOn(t, time.Now, newLedgerDatabase(t, c), settings...)
	for i := range machines {
		f.hosts = append(f.hosts, &host{w: f.world, name: fmt.Sprintf("machine-%d", i+1), proxy: pgtest.NewProxy(t, c.Addr())})
	}
	f.settings = settings
	f.reconfigure()
	return f
}

// reconfigure writes the configuration of each machine, which has a way of its own
// to the database.
func (f *fleetWorld) reconfigure() {
	f.t.Helper()
	f.configure(f.settings...)
	text, err := os.ReadFile(f.path(defaultConfigFile))
	check(f.t, err)
	for _, h := range f.hosts {
		own := strings.ReplaceAll(string(text), f.cluster.Addr(), h.proxy.Addr()) + fmt.Sprintf("fleet.name = %q\n", h.name)
		f.write(h.name+".toml", own)
	}
}

// serve starts the machine's daemon.
func (h *host) serve() {
	h.w.t.Helper()
	h.servant = h.w.launch(h.w.command("serve", "--config", h.w.path(h.name+".toml")))
}

// kill ends the daemon without a word.
func (h *host) kill() {
	h.w.t.Helper()
	h.servant.signal(os.Kill)
	h.servant.wait()
}

// leader returns the machine that rings the schedule, or any where there is none
// just now.
func (f *fleetWorld) leader() *host {
	f.t.Helper()
	conn := f.rows()
	var name string
	if err := conn.queryRow(`SELECT leader_id FROM river_leader`).Scan(&name); err == nil {
		for _, h := range f.hosts {
			if strings.HasPrefix(name, h.name+"-") {
				return h
			}
		}
	}
	return f.hosts[0]
}

// disturbance is something that goes wrong for a while.
type disturbance struct {
	name string
	do   func(f *fleetWorld, r *rand.Rand, pause func(atLeast, atMost time.Duration))
}

func disturbances() []disturbance {
	const ms = time.Millisecond
	any := func(f *fleetWorld, r *rand.Rand) *host { return f.hosts[r.IntN(len(f.hosts))] }
	return []disturbance{
		{"kill -9 of the leader", func(f *fleetWorld, _ *rand.Rand, pause func(_, _ time.Duration)) {
			h := f.leader()
			h.kill()
			pause(100*ms, 2000*ms)
			h.serve()
		}},
		{"kill -9 of a machine", func(f *fleetWorld, r *rand.Rand, pause func(_, _ time.Duration)) {
			h := any(f, r)
			h.kill()
			pause(0, 3000*ms)
			h.serve()
		}},
		{"SIGSTOP past its lease", func(f *fleetWorld, r *rand.Rand, pause func(_, _ time.Duration)) {
			h := any(f, r)
			h.servant.signal(syscall.SIGSTOP)
			pause(3500*ms, 5000*ms)
			h.servant.signal(syscall.SIGCONT)
		}},
		{"a cut network", func(f *fleetWorld, r *rand.Rand, pause func(_, _ time.Duration)) {
			h := any(f, r)
			h.proxy.Cut()
			pause(200*ms, 4000*ms)
			check(f.t, h.proxy.Mend())
		}},
		{"a network without a word", func(f *fleetWorld, r *rand.Rand, pause func(_, _ time.Duration)) {
			h := any(f, r)
			check(f.t, h.proxy.Blackhole())
			pause(200*ms, 4000*ms)
			check(f.t, h.proxy.Mend())
		}},
		{"a slow network", func(f *fleetWorld, r *rand.Rand, pause func(_, _ time.Duration)) {
			h := any(f, r)
			h.proxy.Slow(time.Duration(20+r.IntN(100)) * ms)
			pause(500*ms, 2000*ms)
			h.proxy.Slow(0)
		}},
		{"a restart of PostgreSQL", func(f *fleetWorld, r *rand.Rand, pause func(_, _ time.Duration)) {
			if r.IntN(2) == 0 {
				check(f.t, f.cluster.Kill())
				pause(0, 1500*ms)
			}
			check(f.t, f.cluster.Restart(f.t.Context()))
		}},
		{"SIGTERM", func(f *fleetWorld, r *rand.Rand, pause func(_, _ time.Duration)) {
			h := any(f, r)
			h.servant.signal(syscall.SIGTERM)
			if status := h.servant.wait(); status != exitDone {
				f.t.Errorf("%s ended with status %d after SIGTERM", h.name, status)
			}
			pause(0, 1000*ms)
			h.serve()
		}},
	}
}

// Three machines of the real binary send two thousand mails while everything that
// can go wrong between them and the database does. Nobody is lost, a second copy
// comes only where an attempt was in doubt, and is the same. ALTA_FLEET_SEED plays
// one seed alone.
//
// No other test runs beside it: a lease of three seconds is short for a machine that
// is busy with something else, which would then be all that goes wrong.
func TestFleetLosesNobody(t *testing.T) {
	const users = 2000
	seeds := 2
	if thorough() {
		seeds = 20
	}
	c := pgtest.Start(t, pgcluster.Options{Durable: true})
	first, last := uint64(1), uint64(seeds)
	if text := os.Getenv("ALTA_FLEET_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		check(t, err)
		first, last = seed, seed
	}
	var total counts
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			f := newFleet(t, c, 3)
			people := manyPeople(users)
			f.write("users.csv", csvOf(people))
			f.exec(0, "users", "import", f.path("users.csv"))
			for _, h := range f.hosts {
				h.serve()
			}
			f.disturb(rand.New(rand.NewPCG(seed, 0)))
			f.settle()
			total.add(proof{world: f.world, people: people, mails: 1}.check())
		})
	}
	t.Logf("%d mails, %d identical copies, %d attempts in doubt, %d mints of which %d were not kept, %d doubtful mints counted",
		total.mails, total.copies, total.doubts, total.mints, total.extraMints, total.doubtfulMints)
}

// disturb lets several things go wrong, one after the other, as long as there is
// something to send.
func (f *fleetWorld) disturb(r *rand.Rand) {
	f.t.Helper()
	pause := func(atLeast, atMost time.Duration) {
		timer := time.NewTimer(atLeast + time.Duration(r.Int64N(int64(atMost-atLeast)+1)))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-f.t.Context().Done():
		}
	}
	all := disturbances()
	f.eventually("the first mails", func() bool { return len(f.smtp.Mails()) > 20 })
	for range 4 {
		d := all[r.IntN(len(all))]
		f.t.Logf("%s after %d mails", d.name, len(f.smtp.Mails()))
		d.do(f, r, pause)
		pause(0, 400*time.Millisecond)
	}
}

// wantSettled waits until nothing is under way.
func (f *fleetWorld) wantSettled() {
	f.t.Helper()
	f.eventually("every mail to be recorded", func() bool {
		return f.number(`SELECT count(*) FROM deliveries WHERE state IN ('claimed', 'sending')`) == 0
	})
}

// settle waits until everything is sent. What was in doubt three times waits for
// the operator.
func (f *fleetWorld) settle() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 2*time.Minute)
	defer cancel()
	ticks := time.NewTicker(200 * time.Millisecond)
	defer ticks.Stop()
	for {
		// A retry that is due in some minutes is due now: the test has no time.
		f.change(`UPDATE deliveries SET due_at = 0 WHERE state = 'due' AND due_at > 0`)
		open := f.number(`SELECT count(*) FROM deliveries WHERE state IN ('due', 'claimed', 'sending')`)
		doubts := f.number(`SELECT count(*) FROM deliveries WHERE state = 'doubt'`)
		switch {
		case open == 0 && doubts == 0:
			return
		case open == 0:
			f.exec(0, "resend", "--doubt", "--reason", "in doubt three times", "--yes")
		}
		select {
		case <-ctx.Done():
			f.t.Fatalf("%d deliveries are open after two minutes\n%s", open, f.exec(anyStatus, "status"))
		case <-ticks.C:
		}
	}
}
