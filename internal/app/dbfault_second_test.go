package app

import (
	"strings"
	"testing"
	"time"
)

// Imports, marks, backups and a second run beside a run that has mails on the
// wire: each does its work or says why not, and nobody's mail suffers.
func TestOtherProcessesBesideARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, quietPlan(2)...)
	people := sixty()[:20]
	w.write("first.csv", csvOf(people[:10]))
	w.write("more.csv", csvOf(people))
	w.exec(0, "users", "import", w.path("first.csv"))
	v := w.stopAfter(3)
	run := w.launch(w.command("run"))
	v.wait(t, 2)

	second := w.launch(w.command("run"))
	if status := second.wait(); status != exitOutage || !strings.Contains(second.log.String(), "another alta runs the pipeline on this ledger") {
		t.Errorf("a second run ends with status %d and says %q", status, second.log)
	}
	w.exec(0, "users", "import", w.path("more.csv"))
	done := people[19]
	w.exec(0, "users", "mark", done.id, "verified")
	waiting := people[8]
	w.exec(0, "users", "mark", waiting.id, "opted_out")
	w.exec(0, "status")
	w.exec(0, "backup", w.path("backup"))
	if n := w.transactions(); n != 5 {
		t.Errorf("%d mails were begun meanwhile, want the 3 that are in and the 2 on the wire", n)
	}
	v.release()
	if status := run.wait(); status != 0 {
		t.Errorf("exit status %d: %s", status, run.log)
	}
	w.exec(0, "run")

	for _, p := range people {
		want := 1
		if p == done || p == waiting {
			want = 0
		}
		if n := len(w.mailsTo(p.email)); n != want {
			t.Errorf("%s got %d mails, want %d", p.email, n, want)
		}
	}
	wantSound(t, readLedger(t, w.path("alta.db")))
}
