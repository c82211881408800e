package app

import (
	"database/sql"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"alta/internal/sandbox"
)

// The disk fills while mails are on the wire, stays full over several slots, and
// is freed: the daemon goes on by itself, and everybody has one mail.
func TestTheDaemonOutlivesAFullDisk(t *testing.T) {
	requireShim(t)
	for _, test := range []struct {
		name string
		stop bool // told to stop while the disk is full
	}{
		{"It goes on by itself once there is room.", false},
		{"Told to stop meanwhile, it waits until what it sent is written down.", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, time.Now, append(quietPlan(4), always)...)
			people := w.importPeople(24)
			w.breakDiskAtMail(8)
			d := w.serveOn(badDisk{errno: syscall.ENOSPC, from: 1, lasts: true})

			d.says("leave alta running")
			w.eventually("three slots that find the run still going on", func() bool {
				return strings.Count(d.log.String(), "a slot was skipped") >= 3
			})
			w.wantEachMailBegun()
			w.wantNoMoreTransactions()
			if n := len(w.smtp.Mails()); n < 8 || n > 8+2*4 {
				t.Errorf("%d mails went out, want 8 and what was on the wire", n)
			}
			if n := strings.Count(d.log.String(), "leave alta running"); n > 2 {
				t.Errorf("the log says %d times what is wrong, want a line a minute", n)
			}
			if status, body := d.get("/readyz"); status != 503 || !strings.Contains(body, "the database can't be written") {
				t.Errorf("/readyz: %d %q, want that the database can't be written", status, body)
			}
			if test.stop {
				d.signal(syscall.SIGTERM)
				d.says("stopping")
				w.wantNoMoreTransactions()
				w.mendDisk()
				if status := d.wait(); status != 0 {
					t.Errorf("exit status %d, want 0", status)
				}
				w.exec(0, "run")
			} else {
				w.mendDisk()
				w.eventually("the rest of the mails", func() bool { return len(w.smtp.Mails()) >= len(people) })
				w.eventually("/readyz to say so", func() bool { status, _ := d.get("/readyz"); return status == 200 })
				d.signal(syscall.SIGTERM)
				if status := d.wait(); status != 0 {
					t.Errorf("exit status %d, want 0", status)
				}
			}
			w.wantOneMailEach(people)
			db := readLedger(t, w.path("alta.db"))
			wantSound(t, db)
			if n := number(t, db, `SELECT count(*) FROM attempts WHERE outcome = 'doubt'`); n > 0 {
				t.Errorf("%d mails were in doubt, though their process lived", n)
			}
		})
	}
}

// A disk that is full before a run begins stops it before its first mail, slot
// after slot.
func TestTheDaemonStartsNothingOnAFullDisk(t *testing.T) {
	requireShim(t)
	t.Parallel()
	w := newWorld(t, time.Now, append(quietPlan(4), always)...)
	w.importPeople(1)
	d := w.serveOn(badDisk{errno: syscall.ENOSPC, from: 1, lasts: true})
	w.eventually("the first mail", func() bool { return len(w.smtp.Mails()) == 1 })
	w.breakDisk()
	people := w.importPeople(12) // by another process, whose disk is well
	w.eventually("three slots that fail", func() bool {
		return strings.Count(d.log.String(), "the run failed; the next one tries again") >= 3
	})
	if n := w.transactions(); n != 1 {
		t.Errorf("%d mails were begun, want only the one from before", n)
	}
	for _, raw := range []string{"goroutine", "INSERT", "UPDATE", "SELECT"} {
		if strings.Contains(d.log.String(), raw) {
			t.Errorf("the log holds %q", raw)
		}
	}
	w.mendDisk()
	w.eventually("the rest of the mails", func() bool { return len(w.smtp.Mails()) == len(people) })
	d.signal(syscall.SIGTERM)
	if status := d.wait(); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	w.wantOneMailEach(people)
}

// Another program keeps the ledger locked for longer than alta waits for it.
func TestALedgerThatAnotherProgramLocks(t *testing.T) {
	requireShim(t)
	t.Run("Before a run begins it is an outage, and nothing is sent.", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, time.Now, quietPlan(2)...)
		people := w.importPeople(4)
		free := w.lockLedger()
		c := w.command("run")
		inHaste.on(w, c)
		run := w.launch(c)
		if status := run.wait(); status != exitOutage || !strings.Contains(run.log.String(), "the database can't be written") {
			t.Errorf("exit status %d and %q", status, run.log)
		}
		if n := w.transactions(); n > 0 {
			t.Errorf("%d mails were begun", n)
		}
		free()
		w.exec(0, "run")
		w.wantOneMailEach(people)
	})
	t.Run("With mails on the wire the run waits, and goes on by itself.", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, time.Now, quietPlan(2)...)
		people := w.importPeople(8)
		v := w.stopAfter(2)
		c := w.command("run")
		inHaste.on(w, c)
		run := w.launch(c)
		v.wait(t, 2)
		free := w.lockLedger()
		v.release()
		run.says("leave alta running")
		w.wantNoMoreTransactions()
		free()
		if status := run.wait(); status != exitDone && status != exitOutage {
			t.Errorf("exit status %d: %s", status, run.log)
		}
		w.exec(0, "run")
		w.wantOneMailEach(people)
	})
}

// inHaste is a sound disk, on which a wait for somebody's lock is over at once.
var inHaste = badDisk{haste: true}

// lockLedger takes the write lock, as a program that edits the ledger would,
// until the function is called that it returns.
func (w *world) lockLedger() (free func()) {
	w.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+w.path("alta.db")+"?_txlock=immediate&_busy_timeout=10000")
	check(w.t, err)
	w.t.Cleanup(func() { check(w.t, db.Close()) })
	tx, err := db.BeginTx(w.t.Context(), nil)
	check(w.t, err)
	return func() {
		w.t.Helper()
		check(w.t, tx.Rollback())
	}
}

// breakDiskAtMail makes the disk fail from the moment at which the n-th mail is
// in and its answer is not.
func (w *world) breakDiskAtMail(n int32) {
	var mails atomic.Int32
	w.onKept(func(sandbox.Mail) {
		if mails.Add(1) == n {
			w.breakDisk()
		}
	})
}

// serveOn starts a daemon whose ledger lies on the disk.
func (w *world) serveOn(d badDisk) *servant {
	w.t.Helper()
	c := w.command("serve")
	d.on(w, c)
	return w.launch(c)
}

// transactions returns how many mails were begun at the server.
func (w *world) transactions() (n int) {
	for _, c := range w.smtp.Commands() {
		if strings.HasPrefix(c.Line, "MAIL ") {
			n++
		}
	}
	return n
}

// wantNoMoreTransactions wants every mail that was begun to be in: none has been
// begun that the ledger did not let go.
func (w *world) wantNoMoreTransactions() {
	w.t.Helper()
	if begun, in := w.transactions(), len(w.smtp.Mails()); begun != in {
		w.t.Errorf("%d mails were begun and %d are in", begun, in)
	}
}
