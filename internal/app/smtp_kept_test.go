package app

import (
	"fmt"
	"slices"
	"testing"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// A fault in the middle of several mails on one connection, where commands come
// together and mails may go one behind another, costs nobody his mail, and gives a
// second one, the same, only where one was in doubt.
func TestOneSMTPFaultOnAKeptConnection(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testOneSMTPFaultOnAKeptConnection)
}

func testOneSMTPFaultOnAKeptConnection(t *testing.T) {
	nth := map[sandbox.SMTPStage]int{ // the third mail's; the first one has no RSET
		sandbox.AtRset: 2, sandbox.AtMail: 3, sandbox.AtRcpt: 3, sandbox.AtData: 3, sandbox.AtBody: 3, sandbox.AtDot: 3, sandbox.AtAccepted: 3,
	}
	rows := slices.DeleteFunc(smtpMatrix(), func(row smtpCase) bool { return nth[row.stage] == 0 })
	if len(rows) != len(nth) {
		t.Fatalf("%d rows for %d stages", len(rows), len(nth))
	}
	for _, workers := range []int{1, 4} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			settings := []string{fmt.Sprintf("plan.workers = %d", workers), "smtp.connections = 1"}
			eachFaultOf(t, rows, settings, func(w *tlsWorld, fault sandbox.SMTPFault, _ ending) {
				fault.Nth = nth[fault.Stage]
				w.playOneFault(fault, 5)
			})
		})
	}
}

// playOneFault mails so many users with a fault at one passage among them, until
// everybody has had his mail. Where the mails came one after the other there was no
// such passage, and it is played again.
func (w *tlsWorld) playOneFault(fault sandbox.SMTPFault, people int) {
	w.t.Helper()
	for range 5 {
		if strikes := w.playOnce(fault, people); strikes == 1 {
			return
		} else if strikes > 1 {
			w.t.Fatalf("the fault happened %d times, want once", strikes)
		}
	}
	w.t.Error("the fault never happened")
}

func (w *tlsWorld) playOnce(fault sandbox.SMTPFault, people int) (strikes int) {
	w.t.Helper()
	users, before := w.enrol(people), w.smtp.Strikes()
	w.strike(fault)
	doubts := w.passUntilDone()
	for _, user := range users {
		if state, _ := w.delivery(user); state == pipeline.Failed || state == pipeline.Held {
			w.resend(user)
		}
	}
	doubts += w.passUntilDone()
	copies := 0
	for _, user := range users {
		n := max(len(w.mailsTo(address(user))), 1)
		copies += n - 1
		w.wantMails(user, n)
	}
	if copies > doubts {
		w.t.Errorf("%d second mails after %d doubts", copies, doubts)
	}
	return w.smtp.Strikes() - before
}
