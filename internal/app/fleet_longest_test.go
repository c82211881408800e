package app

import (
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"alta/internal/pgcluster/pgtest"
	"alta/internal/sandbox"
)

// River takes a job that outlasts its JobTimeout for stuck, and a while later gives
// it to another machine. Where the partner API takes a second, the mail server a
// third of one for each step, and each machine has one connection for sixteen
// workers, no job comes near that, and none is worked twice. The figure is the one
// of docs/performance.md.
func TestNoJobOutlastsItsTimeout(t *testing.T) {
	if !thorough() {
		t.Skip("takes a minute; ALTA_REQUIRE_REAL=1 has it run")
	}
	t.Parallel()
	// The time-outs are not at issue: a machine that is busy with other tests must not
	// meet them.
	const users, timeout, delay = 40, 8 * time.Second, time.Second / 6
	c := pgtest.Shared(t)
	f := newFleet(t, c, 2,
		fmt.Sprintf("smtp.timeout = %q", timeout), fmt.Sprintf("capa.timeout = %q", timeout),
		"smtp.connections = 2", "capa.connections = 2", "smtp.rate = 0", `fleet.lease = "30s"`)
	f.api.SetFaults(sandbox.APIFault{Answer: sandbox.APIAnswer{Delay: time.Second, Action: sandbox.Late}})
	_, port, err := net.SplitHostPort(slowly(t, f.world, delay))
	check(t, err)
	f.settings = append(f.settings, "smtp.port = "+port)
	f.reconfigure()
	people := manyPeople(users)
	f.write("users.csv", csvOf(people))
	f.exec(0, "users", "import", f.path("users.csv"))
	for _, h := range f.hosts {
		h.serve()
	}
	f.eventually("everybody to be mailed", func() bool { return len(f.smtp.Mails()) >= users })
	f.wantSettled()

	text, err := os.ReadFile(f.path("machine-1.toml"))
	check(t, err)
	config, err := LoadConfig("machine-1.toml", text, standardConfig(t), os.Getenv)
	check(t, err)
	limit := longestMail(config)
	longest := time.Duration(f.number(`SELECT max(extract(epoch FROM finalized_at - attempted_at) * 1000)::bigint
		FROM river_job WHERE kind = 'alta_deliver'`)) * time.Millisecond
	t.Logf("the longest of %d jobs took %s, and may take %s", users, longest, limit)
	if longest > limit/2 {
		t.Errorf("a job took %s, and is taken for stuck after %s", longest, limit)
	}
	if again := f.number(`SELECT count(*) FROM river_job WHERE kind = 'alta_deliver' AND attempt > 1`); again > 0 {
		t.Errorf("%d jobs were worked twice", again)
	}
	proof{world: f.world, people: people, mails: 1}.check()
}

// slowly returns an address at which the mail server answers, with that delay in
// each direction.
func slowly(t *testing.T, w *world, delay time.Duration) string {
	t.Helper()
	host, port := w.smtp.Addr()
	proxy := pgtest.NewProxy(t, net.JoinHostPort(host, fmt.Sprint(port)))
	proxy.Slow(delay)
	return proxy.Addr()
}
