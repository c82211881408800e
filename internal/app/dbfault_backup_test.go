package app

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"alta/internal/sandbox"
)

// Backups that were made while mails were on the wire are whole: each agrees
// with itself, and a run from it ends well and mails nobody whom it knows to be
// mailed.
func TestABackupDuringARunCanBeRunFrom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Now, quietPlan(4)...)
	people := w.importPeople(24)
	steps := w.stepByStep()
	run := w.launch(w.command("run"))
	const backups = 5
	for i := range backups {
		steps.let(4)
		w.eventually("mails on the wire", func() bool { return len(w.smtp.Mails()) >= min(4*(i+2), len(people)) })
		w.exec(0, "backup", w.path(fmt.Sprintf("backup-%d", i)))
	}
	steps.let(len(people))
	if status := run.wait(); status != 0 {
		t.Errorf("exit status %d: %s", status, run.log)
	}
	w.wantOneMailEach(people)

	onTheWire := 0
	for i := range backups {
		restored := newWorld(t, time.Now, quietPlan(4)...)
		copyFile(t, w.path(fmt.Sprintf("backup-%d", i)), restored.path("alta.db"))
		copyFile(t, w.path("alta.db.key"), restored.path("alta.db.key"))
		was := readLedger(t, w.path(fmt.Sprintf("backup-%d", i)))
		wantSound(t, was)
		sent := texts(t, was, `SELECT u.email FROM deliveries d JOIN users u ON u.key = d.user_key WHERE d.state = 'sent'`)
		sending := texts(t, was, `SELECT u.email FROM deliveries d JOIN users u ON u.key = d.user_key WHERE d.state = 'sending'`)
		onTheWire += len(sending)

		restored.runUntilDone()
		wantSound(t, readLedger(t, restored.path("alta.db")))
		for _, p := range people {
			mails, want := restored.mailsTo(p.email), 1
			if slices.Contains(sent, p.email) {
				want = 0
			}
			if len(mails) != want {
				t.Errorf("backup %d: %s got %d mails from it, want %d", i, p.email, len(mails), want)
			} else if slices.Contains(sending, p.email) && !bytes.Equal(mails[0].Raw, w.mailsTo(p.email)[0].Raw) {
				t.Errorf("backup %d: %s got another mail than the one that was on the wire", i, p.email)
			}
		}
	}
	if onTheWire == 0 {
		t.Error("no backup was made with a mail on the wire")
	}
}

// steps are mails that wait, each for its turn, between their keeping and the
// server's yes.
type steps chan struct{}

// stepByStep makes every mail wait until it is let.
func (w *world) stepByStep() steps {
	s := make(steps, 1000)
	w.onKept(func(sandbox.Mail) { <-s })
	w.t.Cleanup(func() { s.let(500) })
	return s
}

// let lets n mails go.
func (s steps) let(n int) {
	for range n {
		s <- struct{}{}
	}
}
