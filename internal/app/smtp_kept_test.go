package app

import (
	"fmt"
	"testing"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// A fault in the middle of several mails on one connection, where commands come
// together and mails one behind another, costs nobody his mail, and gives a second
// one, the same, only where one was in doubt.
func TestOneSMTPFaultOnAKeptConnection(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 4} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			settings := []string{fmt.Sprintf("plan.workers = %d", workers), "smtp.connections = 1"}
			eachFault(t, settings, func(w *tlsWorld, fault sandbox.SMTPFault, _ ending) {
				switch fault.Stage {
				case sandbox.AtMail, sandbox.AtRcpt, sandbox.AtData, sandbox.AtBody, sandbox.AtDot, sandbox.AtAccepted:
					fault.Nth = 3
				case sandbox.AtRset:
					fault.Nth = 2
				default:
					return // the first mail of a connection meets it
				}
				users, before := w.enrol(5), w.smtp.Strikes()
				w.strike(fault)
				doubts := w.passUntilDone()
				for _, user := range users {
					if state, _ := w.delivery(user); state == pipeline.Failed || state == pipeline.Held {
						w.resend(user)
					}
				}
				doubts += w.passUntilDone()
				if n := w.smtp.Strikes() - before; n != 1 {
					w.t.Errorf("the fault happened %d times, want once", n)
				}
				copies := 0
				for _, user := range users {
					n := max(len(w.mailsTo(address(user))), 1)
					copies += n - 1
					w.wantMails(user, n)
				}
				if copies > doubts {
					w.t.Errorf("%d second mails after %d doubts", copies, doubts)
				}
			})
		})
	}
}
