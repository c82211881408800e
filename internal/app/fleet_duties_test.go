package app

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"alta/internal/pgcluster/pgtest"
)

// What an operator asks for starts within a second, whichever machine takes it.
func TestFleetResendsWithinASecond(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 3, `schedule.cron = "@hourly"`, `log.level = "debug"`)
	people := manyPeople(5)
	f.write("users.csv", csvOf(people))
	f.exec(0, "users", "import", f.path("users.csv"))
	for _, h := range f.hosts {
		h.serve()
	}
	for _, h := range f.hosts {
		h.servant.says(`"machines":3,"smtp_connections":4`)
	}
	// On a busy machine one of several tries is what it takes without the others.
	best := time.Hour
	for i, who := range people {
		var answer resent
		check(t, json.Unmarshal([]byte(f.exec(0, "resend", "--user", who.id, "--reason", "asked by phone", "--json")), &answer))
		asked := time.Now()
		if len(answer.Queued) != 1 || !answer.Daemon {
			t.Fatalf("the answer is %+v, want it queued for the fleet", answer)
		}
		f.eventually("the mail", func() bool { return len(f.smtp.Mails()) == i+1 })
		best = min(best, f.smtp.Mails()[i].At.Sub(asked))
	}
	if best > time.Second {
		t.Errorf("the fastest mail came %s after it was asked for", best)
	}
}

// A machine that is told to stop hands its run over, puts back what only waits,
// and the run goes on elsewhere under the same number.
func TestFleetHandsARunOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 2, `schedule.cron = "@hourly"`, "smtp.rate = 60", `log.level = "debug"`)
	people := manyPeople(300)
	f.write("users.csv", csvOf(people))
	f.exec(0, "users", "import", f.path("users.csv"))
	f.missedSlot()
	for _, h := range f.hosts {
		h.serve()
	}
	f.eventually("the run, and mails", func() bool { return len(f.smtp.Mails()) > 30 })
	puller, other := f.hosts[0], f.hosts[1]
	if strings.Contains(other.servant.log.String(), `"run begins"`) {
		puller, other = other, puller
	}
	puller.servant.signal(syscall.SIGTERM)
	if status := puller.servant.wait(); status != exitDone {
		t.Errorf("exit status %d after SIGTERM", status)
	}
	f.eventually("everybody to be mailed", func() bool { return len(f.smtp.Mails()) == len(people) })
	other.servant.says(`"run done"`)
	if n := f.number(`SELECT count(*) FROM runs WHERE error = '' AND sent = ? AND selected >= sent`, len(people)); n != 1 {
		t.Errorf("%d runs sent all of it, want one:\n%s", n, f.exec(anyStatus, "status"))
	}
	f.wantSettled()
	proof{world: f.world, people: people, mails: 1}.check()
}

// missedSlot makes a run of two hours ago the latest one.
func (f *fleetWorld) missedSlot() {
	f.t.Helper()
	ago := time.Now().Add(-2 * time.Hour).Truncate(time.Hour).UnixMilli()
	f.change(`INSERT INTO runs (trigger, slot, started_at, finished_at) VALUES ('schedule', ?, ?, ?)`, ago, ago, ago)
}

// However many slots were missed, whoever leads makes one run for them, and each
// slot is served once.
func TestFleetCatchesUpOneMissedSlot(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 3, `schedule.cron = "@hourly"`)
	f.missedSlot()
	for _, h := range f.hosts {
		h.serve()
	}
	f.eventually("a run", func() bool { return f.number(`SELECT count(*) FROM runs WHERE finished_at IS NOT NULL`) == 2 })
	// Whoever leads next finds nothing that was missed.
	leader := f.leader()
	leader.servant.signal(syscall.SIGTERM)
	leader.servant.wait()
	f.eventually("another machine to lead", func() bool { l := f.leader(); return l != leader && !l.servant.stopped })
	leader.serve()
	f.eventually("the job that the new leader rings", func() bool {
		return f.number(`SELECT count(*) FROM river_job WHERE kind = 'alta_pull' AND state = 'completed'`) >= 2
	})
	if n := f.number(`SELECT count(*) FROM runs`); n != 2 {
		t.Errorf("%d runs, want the one before and one for all that was missed", n)
	}
}

// A ledger that never ran waits for its first slot, on PostgreSQL too.
func TestFleetWaitsForItsFirstSlot(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 1, `schedule.cron = "@hourly"`)
	f.hosts[0].serve()
	f.eventually("the leader to ring", func() bool {
		return f.number(`SELECT count(*) FROM river_job WHERE kind = 'alta_pull' AND state = 'completed'`) == 1
	})
	if n := f.number(`SELECT count(*) FROM runs`); n != 0 {
		t.Errorf("%d runs, want none before the first slot", n)
	}
}

// The links are sealed with one key, which every machine has.
func TestAMachineWithAnotherKeyRefusesToStart(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 2)
	f.hosts[0].serve()
	f.eventually("the first machine", func() bool { return f.number(`SELECT count(*) FROM machines`) == 1 })
	other := f.command("serve", "--config", f.path("machine-2.toml"))
	other.Env = append(other.Env, "ALTA_DATA_KEY="+strings.Repeat("77", 32))
	out, _ := other.CombinedOutput()
	if status := other.ProcessState.ExitCode(); status != exitUsage || !strings.Contains(string(out), "the data key is not the one that sealed the links of this ledger") {
		t.Errorf("exit status %d, want %d and the reason:\n%s", status, exitUsage, out)
	}
	if n := f.number(`SELECT count(*) FROM machines`); n != 1 {
		t.Errorf("%d machines in the fleet, want 1", n)
	}
}

// A newer alta changes the schema under machines that serve: they go on, and others
// of the old release may join, until it says that they must not.
func TestOlderMachinesWorkBesideANewerOne(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 2)
	people := manyPeople(100)
	f.write("users.csv", csvOf(people[:50]))
	f.exec(0, "users", "import", f.path("users.csv"))
	f.hosts[0].serve()
	f.eventually("the mails before", func() bool { return len(f.smtp.Mails()) == 50 })

	// What the migration of a later release would do.
	f.change(`ALTER TABLE users ADD COLUMN nickname text NOT NULL DEFAULT ''`)
	f.change(`ALTER TABLE deliveries ADD COLUMN colour text`)
	f.change(`CREATE TABLE later_news (id bigint PRIMARY KEY)`)
	f.change(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)`)
	f.hosts[1].serve()
	f.write("users.csv", csvOf(people[50:]))
	f.exec(0, "users", "import", f.path("users.csv"))
	f.eventually("the mails after", func() bool { return len(f.smtp.Mails()) == 100 })
	f.wantSettled()
	proof{world: f.world, people: people, mails: 1}.check()

	f.change(`UPDATE ledger SET floor = 99`)
	out, _ := f.command("status").CombinedOutput()
	if !strings.Contains(string(out), "it was made by a newer alta; upgrade this one") {
		t.Errorf("an alta that is too old says:\n%s", out)
	}
}

// While a run of the schedule lasts, the slots that come are left out, so that a
// long campaign leaves room for what operators ask for.
func TestFleetSkipsSlotsWhileARunGoesOn(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 2, `schedule.cron = "@every 1s"`, "smtp.rate = 25")
	people := manyPeople(100)
	f.write("users.csv", csvOf(people))
	f.exec(0, "users", "import", f.path("users.csv"))
	for _, h := range f.hosts {
		h.serve()
	}
	f.eventually("everybody to be mailed", func() bool { return len(f.smtp.Mails()) == len(people) })
	f.wantSettled()
	if n := f.number(`SELECT count(*) FROM runs WHERE selected > 0 OR finished_at IS NULL AND id = 1`); n != 1 {
		t.Errorf("%d runs sent mails, want the first one alone:\n%s", n, f.exec(anyStatus, "status"))
	}
}

// Whoever waits for a run that other machines make, and waits no longer, leaves it
// to them.
func TestARunThatIsLeftToTheFleet(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 2, `schedule.cron = "@hourly"`, "smtp.rate = 40", `log.level = "debug"`)
	for _, h := range f.hosts {
		h.serve()
		h.servant.says(`"smtp_connections":`)
	}
	people := manyPeople(200)
	f.write("users.csv", csvOf(people))
	f.exec(0, "users", "import", f.path("users.csv"))
	run := f.launch(f.command("run"))
	f.eventually("mails", func() bool { return len(f.smtp.Mails()) > 20 })
	run.signal(syscall.SIGINT)
	if status := run.wait(); status != exitOutage {
		t.Errorf("exit status %d, want %d, as for every run that was stopped", status, exitOutage)
	}
	if n := len(f.smtp.Mails()); n == len(people) {
		t.Fatal("it waited for the end of the run")
	}
	f.exec(0, "run") // which sends what that one put back, if it was the one that pulled
	f.eventually("everybody to be mailed", func() bool { return len(f.smtp.Mails()) >= len(people) })
	f.wantSettled()
	proof{world: f.world, people: people, mails: 1}.check()
}

// A run that is told to stop waits for the mails that other machines have on the
// wire for it. One that dies with such a mail keeps it waiting for its lease, and no
// longer, though there is no third machine to settle what it left.
func TestAStoppedRunDoesNotWaitForADeadMachine(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 1, `schedule.cron = "@hourly"`, "smtp.connections = 8", "plan.workers = 8", `smtp.timeout = "50s"`)
	people := manyPeople(40)
	f.write("users.csv", csvOf(people))
	f.exec(0, "users", "import", f.path("users.csv"))
	valve := f.stopAfter(0)
	run := f.launch(f.command("run"))
	valve.wait(t, 8)
	f.hosts[0].serve()
	valve.wait(t, 1) // by the other machine, for the same run
	f.hosts[0].kill()
	run.signal(syscall.SIGTERM)
	f.eventually("the run to drain", func() bool { return f.number(`SELECT count(*) FROM machines WHERE draining`) == 1 })
	valve.release()
	if status := run.wait(); status != exitOutage {
		t.Errorf("exit status %d, want %d, as for every run that was stopped", status, exitOutage)
	}
	f.wantSettled()
	f.runUntilDone()
	proof{world: f.world, people: people, mails: 1}.check()
}

// A program that joined for a run of its own takes over one whose machine has died,
// and hands it on when its own is over, which is soon: what that machine had in hand
// belongs to its lease, and nobody here waits for it.
func TestARunThatEndsDoesNotWaitForAnotherOne(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 0, "smtp.connections = 4", "plan.workers = 4", `smtp.timeout = "50s"`, `fleet.lease = "20s"`)
	people := manyPeople(8)
	f.write("users.csv", csvOf(people))
	f.exec(0, "users", "import", f.path("users.csv"))
	valve := f.stopAfter(0)
	dead := f.launch(f.command("run"))
	valve.wait(t, 4)
	dead.signal(os.Kill)
	dead.wait()
	valve.release()
	// What a third machine did right before it died: the run has a job that waits.
	f.change(`UPDATE runs SET machine_id = NULL WHERE finished_at IS NULL`)
	f.change(`UPDATE river_job SET state = 'available' WHERE kind = 'alta_pull'`)
	began := time.Now()
	f.exec(anyStatus, "run")
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("a run with nothing to do took %s, as long as the lease of a machine that died", took)
	}
	f.endLeases()
	f.runUntilDone()
	proof{world: f.world, people: people, mails: 1}.check()
}
