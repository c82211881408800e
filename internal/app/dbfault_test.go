package app

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"alta/pipeline"
)

// badDiskUsers is how many users each play has: enough for 200 changes of the
// ledger's files, however many writes happen to share a commit.
const badDiskUsers = 8

// start is a way to begin 'alta run' that changes the ledger's files at least
// 200 times.
type start struct {
	name    string
	prepare func(*world)
}

// Whatever change of the ledger's files fails, and however: nobody is lost, and
// nobody gets a second mail, for the process lives on and knows what it has sent.
func TestNobodyIsLostWhateverWriteFails(t *testing.T) {
	requireShim(t)
	imported, source := ledgerWithUsers(t), sourceWithUsers(t)
	starts := []start{
		{"the first start, from a source", func(w *world) { w.configure(append(quietPlan(4), source...)...) }},
		{"four connections", func(w *world) { w.configure(quietPlan(4)...); copyLedger(w, imported) }},
		{"one connection", func(w *world) { w.configure(quietPlan(1)...); copyLedger(w, imported) }},
	}
	const last = 200
	every := 10
	if soak() {
		every = 1
	}
	plays := make(chan func())
	var players sync.WaitGroup
	// A play mostly waits, so that more of them share the machine than t.Parallel
	// would let.
	for range 6 {
		players.Go(func() {
			for play := range plays {
				play()
			}
		})
	}
	skew := 0 // so that the four ways to fail don't leave out the same changes
	for _, s := range starts {
		for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO} {
			for _, lasts := range []bool{false, true} {
				for n := 1 + skew%every; n <= last; n += every {
					d := badDisk{errno: errno, from: n, lasts: lasts}
					plays <- func() {
						t.Run(s.name+", "+d.String(), func(t *testing.T) { playOnBadDisk(t, s, d) })
					}
				}
				skew += 3
			}
		}
	}
	close(plays)
	players.Wait()
}

// quietPlan is a plan of one mail.
func quietPlan(connections int) []string {
	return []string{
		"plan.reminders = []", "plan.reissue_on_expiry = false",
		fmt.Sprintf("plan.workers = %d", connections), fmt.Sprintf("smtp.connections = %d", connections),
	}
}

func playOnBadDisk(t *testing.T, s start, d badDisk) {
	w := newWorld(t, time.Now)
	s.prepare(w)
	w.breakDisk()
	o := w.runOnBadDisk(d)
	w.wantNoMoreTransactions()
	w.mendDisk()
	if w.struck() == 0 {
		t.Error("no change of the ledger's files failed")
	}
	o.wantClear(t)
	w.runUntilDry()
	w.wantOneMailForEach(badDiskUsers)
	if t.Failed() {
		t.Logf("the run on the bad disk ended with status %d; it waited: %v\n%s%s", o.status, o.waited, o.stdout, o.stderr)
	}
}

// outcome is how a run on a bad disk ended.
type outcome struct {
	status         int
	report         pipeline.Report
	waited         bool // until the disk was mended, with a mail that it had sent
	stdout, stderr string
}

// wantClear wants an outage that is said in plain words, or a run that did all it
// had to: SQLite can do without some changes, such as those of a checkpoint.
func (o outcome) wantClear(t *testing.T) {
	t.Helper()
	r := o.report
	if sum := r.Sent + r.Retry + r.Failed + r.Held + r.Doubt + r.Cancelled; sum != r.Selected || r.Failed+r.Held+r.Doubt > 0 {
		t.Errorf("the report does not add up, or blames the users: %+v", r)
	}
	switch {
	case o.status == exitDone && r.Sent == badDiskUsers && r.Outage == "":
		return
	case o.status != exitOutage:
		t.Errorf("exit status %d, want 3, or 0 with every mail sent", o.status)
	}
	said := r.Outage
	for line := range strings.Lines(o.stderr) {
		if complaint, ok := strings.CutPrefix(line, "alta: "); ok {
			said += complaint
		} else if !strings.HasPrefix(line, "{") {
			t.Errorf("a line that is neither log nor complaint: %s", line)
		}
	}
	if !plainWords.MatchString(said) || notPlain.MatchString(said) || strings.Count(said, "\n") > 1 {
		t.Errorf("it is not said in one plain sentence: %q", said)
	}
}

var (
	plainWords = regexp.MustCompile(`the database can't be written|the disk is full|the disk reports an error|must be writable`)
	notPlain   = regexp.MustCompile(`(?i)goroutine|panic|insert|update |select|migration|transaction`)
)

// runOnBadDisk makes a run in a process of its own. When that waits for the disk
// with a mail that it has sent, the disk is mended.
func (w *world) runOnBadDisk(d badDisk) (o outcome) {
	w.t.Helper()
	c := w.command("run", "--json")
	d.on(w, c)
	var stdout bytes.Buffer
	stderr := &logBuffer{}
	c.Stdout, c.Stderr = &stdout, stderr
	check(w.t, c.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Wait() // the status says it
	}()
	looks := time.NewTicker(10 * time.Millisecond)
	defer looks.Stop()
	for done := false; !done; {
		select {
		case <-ended:
			done = true
		case <-looks.C:
			if !o.waited && strings.Contains(stderr.String(), "leave alta running") {
				o.waited = true
				w.wantEachMailBegun()
				w.mendDisk()
			}
		}
	}
	if !o.waited {
		w.wantEachMailBegun()
	}
	o.status, o.stdout, o.stderr = c.ProcessState.ExitCode(), stdout.String(), stderr.String()
	w.wantNoSecret(o.stdout + o.stderr)
	if o.stdout != "" {
		check(w.t, json.Unmarshal([]byte(o.stdout), &o.report))
	}
	return o
}

// wantEachMailBegun wants the ledger, as it lies on the disk, to know of each
// mail that came in.
func (w *world) wantEachMailBegun() {
	w.t.Helper()
	mails := w.smtp.Mails() // first: what comes in meanwhile may be missing in the copy
	begun := begunMails(w.t, w.copyOfLedger())
	for _, m := range mails {
		if id := strings.Trim(readMail(w.t, m).id, "<>"); !slices.Contains(begun, id) {
			w.t.Errorf("the mail %s to %s went out, and the ledger knows nothing of it", id, m.To)
		}
	}
}

// runUntilDry makes runs on a sound disk until one finds nothing due.
func (w *world) runUntilDry() {
	w.t.Helper()
	for range 5 {
		var r pipeline.Report
		check(w.t, json.Unmarshal([]byte(w.exec(anyStatus, "run", "--json")), &r))
		if r.Selected == 0 && r.Outage == "" {
			return
		}
	}
	w.t.Fatal("after five runs there is still something due")
}

// wantOneMailForEach wants a mail for each of n users, a sound ledger that says
// so, and no more links than it can account for.
func (w *world) wantOneMailForEach(n int) {
	w.t.Helper()
	db := readLedger(w.t, w.path("alta.db"))
	wantSound(w.t, db)
	if sent := number(w.t, db, `SELECT count(*) FROM deliveries WHERE state = 'sent'`); sent != n {
		w.t.Errorf("the ledger says that %d mails were sent, want %d", sent, n)
	}
	for i := range n {
		if mails := w.mailsTo(badDiskAddress(i)); len(mails) != 1 {
			w.t.Errorf("user %d has %d mails, want one", i, len(mails))
		}
	}
	extra, doubtful := len(w.api.Mints())-n, number(w.t, db, `SELECT count(*) FROM attempts WHERE doubtful = 1`)
	if extra > doubtful {
		w.t.Errorf("%d links too many, and %d doubtful mints", extra, doubtful)
	}
	if w.t.Failed() {
		w.t.Log(ledgerSummary(w.t, db))
	}
}

func badDiskAddress(i int) string { return fmt.Sprintf("u%02d@correo.example", i) }

// ledgerWithUsers returns a folder with a ledger into which the users were
// imported, and its key.
func ledgerWithUsers(t *testing.T) string {
	t.Helper()
	clock := &testClock{at: time.Now().Add(-time.Minute)}
	w := newWorld(t, clock.now, quietPlan(1)...)
	w.importMany(badDiskUsers)
	return w.dir
}

// sourceWithUsers makes a database to pull the users from, and returns the
// settings that name it.
func sourceWithUsers(t *testing.T) []string {
	t.Helper()
	people := make([]person, badDiskUsers)
	for i := range people {
		people[i] = person{id: fmt.Sprintf("u-%02d", i), email: badDiskAddress(i), name: "Ana Torres", country: []pipeline.Country{"MX", "DO"}[i%2]}
	}
	return sourceOf(t, t.TempDir()+"/source.db", people)
}

// sourceOf makes a database with these users, and returns the settings that name it.
func sourceOf(t *testing.T, path string, people []person) []string {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	check(t, err)
	_, err = db.ExecContext(t.Context(), `CREATE TABLE people (id TEXT, email TEXT, name TEXT, country TEXT)`)
	check(t, err)
	for _, who := range people {
		_, err = db.ExecContext(t.Context(), `INSERT INTO people VALUES (?, ?, ?, ?)`, who.id, who.email, who.name, who.country)
		check(t, err)
	}
	check(t, db.Close())
	return []string{"source.sqlite = " + strconv.Quote(path), `source.query = "SELECT id, email, name, country FROM people"`}
}

// copyLedger copies a ledger and its key into the world.
func copyLedger(w *world, from string) {
	w.t.Helper()
	entries, err := os.ReadDir(from)
	check(w.t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "alta.") {
			content, err := os.ReadFile(from + "/" + e.Name())
			check(w.t, err)
			check(w.t, os.WriteFile(w.path(e.Name()), content, 0o600))
		}
	}
}
