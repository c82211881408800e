package app

import (
	"strings"
	"syscall"
	"testing"

	"alta/internal/pgcluster/pgtest"
)

// A machine that lives, but has no connection left, keeps nothing in hand: what
// waited there for its turn is sent by the others, and the run comes to its end.
func TestAMachineWithoutAShareGivesBackWhatWaits(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 2, `schedule.cron = "@every 1s"`, "smtp.connections = 1", "smtp.rate = 20", `log.level = "debug"`)
	first, second := f.hosts[0], f.hosts[1]
	for _, h := range f.hosts {
		h.serve()
		h.servant.says(`"smtp_connections":`)
	}
	first.servant.says(`"machines":2,"smtp_connections":1`)

	first.servant.signal(syscall.SIGSTOP)
	people := manyPeople(80)
	f.write("users.csv", csvOf(people))
	f.exec(0, "users", "import", f.path("users.csv"))
	f.eventually("mails of the second machine", func() bool { return len(f.smtp.Mails()) > 5 })
	first.servant.signal(syscall.SIGCONT)
	f.eventually("the second machine to lose its share again", func() bool {
		return strings.Count(second.servant.log.String(), `"machines":2,"smtp_connections":0`) == 2
	})

	f.eventually("everybody to be mailed", func() bool { return len(f.smtp.Mails()) >= len(people) })
	f.wantSettled()
	f.eventually("the end of every run", func() bool { return f.number(`SELECT count(*) FROM runs WHERE finished_at IS NULL`) <= 1 })
	proof{world: f.world, people: people, mails: 1}.check()
}

// River keeps a queue that it could not start. The machine starts it once the
// database lets it.
func TestAQueueThatCouldNotBeStartedIsStartedLater(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 2, `schedule.cron = "@every 1s"`, "smtp.connections = 1")
	for _, h := range f.hosts {
		h.serve()
		f.eventually("it to join", func() bool { return f.number(`SELECT count(*) FROM machines WHERE name LIKE ?`, h.name+"-%") == 1 })
	}
	f.change(`CREATE FUNCTION refuse_queue() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'too many clients'; END $$`)
	f.change(`CREATE TRIGGER refuse_queue BEFORE INSERT OR UPDATE ON river_queue FOR EACH ROW WHEN (NEW.name = 'alta_deliver') EXECUTE FUNCTION refuse_queue()`)
	f.hosts[0].kill()
	f.hosts[1].servant.says("River could not be told whether to take deliveries")
	f.change(`DROP TRIGGER refuse_queue ON river_queue`)

	people := manyPeople(5)
	f.write("users.csv", csvOf(people))
	f.exec(0, "users", "import", f.path("users.csv"))
	f.eventually("the mails", func() bool { return len(f.smtp.Mails()) == len(people) })
	f.wantSettled()
}

// A yes is for the users whom the source brings in that very run.
func TestAYesCoversWhatTheSourceBrings(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T) {
		clock := &testClock{at: moment(t, "2026-03-02T18:00:00Z")}
		w := guardedWorld(t, clock)
		w.configure(append(sourceOf(t, w.path("partner.db"), manyPeople(20)), few, twice)...)
		w.wantStopped("a wrong source", 20)
		if r := w.run(0, "--yes"); r.Sent != 20 {
			t.Errorf("with a yes: %+v, want 20 sent", r)
		}
	})
}

// What an operator asks for waits for nobody's source.
func TestAResendOfAFleetNeedsNoSource(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Shared(t), 1, `schedule.cron = "@hourly"`)
	people := manyPeople(1)
	f.write("users.csv", csvOf(people))
	f.exec(0, "users", "import", f.path("users.csv"))
	f.settings = append(f.settings, `source.sqlite = "nowhere.db"`, `source.query = "SELECT id, email, name, country FROM people"`)
	f.reconfigure()
	f.hosts[0].serve()
	f.eventually("it to join", func() bool { return f.number(`SELECT count(*) FROM machines`) == 1 })
	f.exec(0, "resend", "--user", people[0].id, "--reason", "asked by phone")
	f.eventually("the mail", func() bool { return len(f.smtp.Mails()) == 1 })
	f.wantSettled()
}
