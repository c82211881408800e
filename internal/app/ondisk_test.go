package app

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// Each record is on the disk before the next step, which relies on it: the claim
// before a link is minted, the link and the state sending before the server hears of
// the mail, its Message-ID and digest before the first byte of the message, and the
// server's answer before anybody hears of it. What a power cut would leave at each of these moments
// is opened with SQLite and asked. Many mails are under way and share their commits.
func TestEachRecordIsOnTheDiskBeforeTheNextStep(t *testing.T) {
	t.Parallel()
	requireShim(t)
	for _, test := range []struct {
		name string
		smtp sandbox.SMTPOptions
	}{
		{"The server offers PIPELINING, so that envelopes go behind other mails.", sandbox.SMTPOptions{}},
		{"The server offers none.", sandbox.SMTPOptions{NoPipelining: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			const mails = 50
			w := newOnlooker(t, test.smtp, mails)
			w.run(mails)
			for _, each := range []step{minting, offering, beginning, telling, reporting} {
				if n := w.usersAt(each); n != mails {
					t.Errorf("%s: seen for %d users, want %d", each, n, mails)
				}
			}
			for _, lack := range w.lacks() {
				t.Error(lack)
			}
			// Each mail needs a link, a beginning and a verdict on the disk. Only where some
			// of them share a commit does the test show that sharing loses nothing.
			if n := w.syncs(); n == 0 || n >= 3*mails {
				t.Errorf("the log was synced %d times for %d mails, so that no two shared a commit", n, mails)
			} else {
				t.Logf("the log was synced %d times for %d mails", n, mails)
			}
		})
	}
}

// On a disk that says it has synced and has not, no record of any mail is there at
// any step, so the test above would see it if alta did not wait for the disk.
func TestADiskThatLiesIsSeenAtEveryStep(t *testing.T) {
	t.Parallel()
	requireShim(t)
	const mails = 4
	w := newOnlooker(t, sandbox.SMTPOptions{}, mails)
	w.run(mails, "DIARY_LIES=1")
	if steps, lacks := len(w.sightings()), w.lacks(); steps < 5*mails || len(lacks) != steps {
		t.Errorf("at %d steps of %d mails it is seen %d times:\n%s", steps, mails, len(lacks), strings.Join(lacks, "\n"))
	}
}

// step is what alta does next, as others can see it.
type step string

const (
	minting   step = "a link is asked for"
	offering  step = "the server is told of the recipient"
	beginning step = "the message begins"
	telling   step = "the log says that it was sent"
	reporting step = "the report is printed"
)

// sighting is when a step was seen, by the size that the diary of the disk had then.
type sighting struct {
	step  step
	user  string // the id, or the address
	mail  string // the Message-ID, where the message shows it
	diary int64
}

// lack says what the disk does not know, and should by then; "" is nothing.
func (s sighting) lack(on record) string {
	var want string
	switch s.step {
	case minting:
		if on.state == pipeline.Claimed {
			return ""
		}
		want = "that it is claimed"
	case offering:
		if on.state == pipeline.Sending && on.linked {
			return ""
		}
		want = "that it is sending, with its link"
	case beginning:
		if on.state == pipeline.Sending && on.linked && on.mail == s.mail && on.digested {
			return ""
		}
		want = "that it is sending, as message " + s.mail
	default:
		if on.state == pipeline.Sent && strings.HasPrefix(on.receipt, "250 ") && on.tried && on.next {
			return ""
		}
		want = "the server's answer"
	}
	return fmt.Sprintf("%s, for %s, and the disk does not know %s: %+v", s.step, s.user, want, on)
}

// lacks says, for each step that was seen, what the disk did not know by then.
func (w *onlooker) lacks() (all []string) {
	w.t.Helper()
	d := w.readDiary()
	for _, s := range w.sightings() {
		d.turnTo(s.diary)
		if lack := s.lack(d.records()[s.user]); lack != "" {
			all = append(all, lack)
		}
	}
	return all
}

// run makes a run in which every mail is sent, on the disk that keeps a diary.
func (w *onlooker) run(mails int, env ...string) {
	w.t.Helper()
	library, err := compileDiary()
	check(w.t, err)
	run := w.command("run", "--json")
	run.Env = append(append(run.Env, "LD_PRELOAD="+library, "DIARY_FILE="+w.path("alta.db"), "DIARY="+w.path("diary")), env...)
	var report, log watched
	report.see = func(line string) {
		if line != "{" {
			return // it is seen where it begins
		}
		for _, p := range w.people {
			w.note(sighting{step: reporting, user: p.id})
		}
	}
	log.see = func(line string) {
		var said struct {
			Msg      string `json:"msg"`
			Delivery struct {
				User string `json:"user"`
			} `json:"delivery"`
		}
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "delivery sent" {
			w.note(sighting{step: telling, user: said.Delivery.User})
		}
	}
	run.Stdout, run.Stderr = &report, &log
	started := time.Now()
	if err := run.Run(); err != nil {
		w.t.Fatalf("%v\n%s%s", err, report.all.String(), log.all.String())
	}
	w.wantNoSecret(report.all.String() + log.all.String())
	w.t.Logf("the run took %s", time.Since(started).Round(time.Millisecond))
	var r pipeline.Report
	check(w.t, json.Unmarshal(report.all.Bytes(), &r))
	if r.Sent != mails || r.Selected != mails {
		w.t.Fatalf("report %+v, want %d mails sent", r, mails)
	}
}
