package app

import (
	"fmt"
	"strings"
	"testing"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// The faults of the matrix, in the order of its columns. Garbage is an answer
// that is not SMTP, or none that fits the command. The last one is a right
// answer with others behind it that nobody asked for, and that would make a
// whole mail look accepted.
var smtpFaults = [...]string{"421", "4xx", "5xx", "reset", "stall", "garbage", "more answers"}

// ending is what a fault makes of a delivery.
type ending struct {
	state    pipeline.State
	counted  string // as what the report counts it
	paid     bool   // the attempt counts towards plan.tries
	outage   bool   // the run stopped
	then     int    // mails that the server kept, complete, while the fault lasted
	end      int    // and once it was gone
	operator bool   // the mail goes on with 'alta resend' alone
}

// smtpCase is a row of the matrix.
type smtpCase struct {
	name    string
	stage   sandbox.SMTPStage
	more    string // the right answer and others behind it
	endings [len(smtpFaults)]ending
}

// smtpMatrix is what must come of each fault at each stage.
func smtpMatrix() []smtpCase {
	var (
		never ending // no such cell
		// Nobody's own trouble: the run stops and nobody pays.
		stops = ending{state: pipeline.Due, counted: "retry", outage: true, end: 1}
		// The server is only closing: another connection will do.
		free = ending{state: pipeline.Due, counted: "retry", end: 1}
		// The mail is tried again, and not for ever.
		retry = ending{state: pipeline.Due, counted: "retry", paid: true, end: 1}
		// The server refused the address, or the mail: somebody has to look.
		fails = ending{state: pipeline.Failed, counted: "failed", paid: true, end: 1, operator: true}
		holds = ending{state: pipeline.Held, counted: "held", paid: true, end: 1, operator: true}
		// The dot may have left, and no answer came: the very same mail goes again.
		doubt = ending{state: pipeline.Due, counted: "doubt", paid: true, end: 1}
		twice = ending{state: pipeline.Due, counted: "doubt", paid: true, then: 1, end: 2}
		// Whether the break shows before the dot is written, or after, depends on the
		// network's buffers; the server has no complete mail in any case.
		broken = ending{state: pipeline.Due, counted: "retry or doubt", paid: true, end: 1}
		// A yes is a yes, whatever is said after it.
		sent = ending{state: pipeline.Sent, counted: "sent", paid: true, then: 1, end: 1}
	)
	const accepts = "250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n354 Go on\r\n250 2.0.0 Queued\r\n"
	return []smtpCase{
		//                                                     421    4xx    5xx    reset   stall   garbage more
		{"banner", sandbox.AtBanner, "220 Hi\r\n" + accepts,
			[...]ending{stops, stops, stops, stops, stops, stops, stops}},
		{"EHLO", sandbox.AtEhlo, "250-Hi\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n" + accepts,
			[...]ending{stops, stops, stops, stops, stops, stops, stops}},
		{"STARTTLS", sandbox.AtStartTLS, "220 Go on\r\n" + accepts,
			[...]ending{stops, stops, stops, stops, stops, stops, stops}},
		{"AUTH", sandbox.AtAuth, "235 2.7.0 Welcome\r\n" + accepts,
			[...]ending{stops, stops, stops, stops, stops, stops, stops}},
		{"MAIL", sandbox.AtMail, accepts,
			[...]ending{stops, stops, stops, stops, stops, stops, stops}},
		{"RCPT", sandbox.AtRcpt, "250 2.1.5 Ok\r\n354 Go on\r\n250 2.0.0 Queued\r\n",
			[...]ending{free, retry, fails, retry, retry, retry, retry}},
		{"DATA", sandbox.AtData, "354 Go on\r\n250 2.0.0 Queued\r\n",
			[...]ending{free, retry, holds, retry, retry, retry, retry}},
		{"mid-body", sandbox.AtBody, "",
			[...]ending{retry, retry, holds, broken, broken, broken, never}},
		{"final dot, the mail is not kept", sandbox.AtDot, "",
			[...]ending{retry, retry, holds, doubt, doubt, doubt, never}},
		{"final dot, the mail is kept", sandbox.AtAccepted, "250 2.0.0 Queued\r\n" + accepts,
			[...]ending{never, never, never, twice, twice, twice, sent}},
		{"RSET before the next mail", sandbox.AtRset, accepts,
			[...]ending{sent, sent, sent, sent, sent, sent, sent}},
		{"QUIT", sandbox.AtQuit, "221 2.0.0 Bye\r\n" + accepts,
			[...]ending{sent, sent, sent, sent, sent, sent, sent}},
	}
}

// plans returns the plans of a fault at the row's stage: one, and for garbage
// one of each sort.
func (c smtpCase) plans(fault string) map[string]sandbox.SMTPFault {
	plan := sandbox.SMTPFault{Stage: c.stage, Text: "not now"}
	switch fault {
	case "421":
		plan.Action, plan.Code, plan.Enhanced = sandbox.SMTPRefuse, 421, "4.3.2"
	case "4xx":
		plan.Action, plan.Code = sandbox.SMTPRefuse, 451
	case "5xx":
		plan.Action, plan.Code = sandbox.SMTPRefuse, 550
	case "reset":
		plan.Action = sandbox.SMTPCut
	case "stall":
		plan.Action = sandbox.SMTPStall
	case "more answers":
		plan.Action, plan.Text = sandbox.SMTPRaw, c.more
	case "garbage":
		junk, flood, class := plan, plan, plan
		junk.Action, junk.Text = sandbox.SMTPRaw, "\x16\x03\x01\x00\xff\xfe what\r\n"
		flood.Action = sandbox.SMTPFlood
		class.Action, class.Text = sandbox.SMTPRaw, "354 Go on\r\n"
		if c.stage == sandbox.AtData {
			class.Text = "250 2.0.0 Ok\r\n"
		}
		return map[string]sandbox.SMTPFault{"junk": junk, "flood": flood, "wrong class": class}
	}
	return map[string]sandbox.SMTPFault{fault: plan}
}

// eachFault runs the test for each cell of the matrix that there is, with one
// world for the cells of a row.
func eachFault(t *testing.T, settings []string, test func(*tlsWorld, sandbox.SMTPFault, ending)) {
	eachFaultOf(t, smtpMatrix(), settings, test)
}

func eachFaultOf(t *testing.T, rows []smtpCase, settings []string, test func(*tlsWorld, sandbox.SMTPFault, ending)) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newTLSWorld(t, settings...)
			for i, name := range smtpFaults {
				want := row.endings[i]
				if want.state == "" {
					continue
				}
				for sort, fault := range row.plans(name) {
					t.Run(sort, func(t *testing.T) {
						all := w.t
						w.t = t
						defer func() { w.t = all }()
						test(w, fault, want)
					})
				}
			}
		})
	}
}

// While the fault lasts, a delivery becomes what the matrix says. Once it is
// gone everybody has one mail, or two that are the same where the first was in
// doubt. At RSET and QUIT, which come between mails too, there are two users.
func TestSMTPMatrix(t *testing.T) {
	t.Parallel()
	golden(t, "matrix-smtp.md", smtpMatrixMarkdown())
	onEachEngine(t, testSMTPMatrix)
}

func testSMTPMatrix(t *testing.T) {
	settings := []string{"plan.workers = 1", "smtp.connections = 1"}
	eachFault(t, settings, func(w *tlsWorld, fault sandbox.SMTPFault, want ending) {
		n := 1
		if fault.Stage == sandbox.AtRset || fault.Stage == sandbox.AtQuit {
			n = 2
		}
		users, before := w.enrol(n), w.smtp.Strikes()
		w.strike(fault)
		r := w.pass()
		if w.smtp.Strikes() == before {
			w.t.Fatal("the fault did not happen")
		}
		if (r.Outage != "") != want.outage {
			w.t.Errorf("outage %q, want one: %v", r.Outage, want.outage)
		}
		counts := map[string]int{"sent": r.Sent, "retry": r.Retry, "failed": r.Failed, "held": r.Held, "doubt": r.Doubt}
		counts["retry or doubt"] = r.Retry + r.Doubt
		if counts[want.counted] != n {
			w.t.Errorf("the report %+v, want %d counted as %s", r, n, want.counted)
		}
		for _, user := range users {
			state, paid := w.delivery(user)
			if state != want.state || paid > 1 || (paid == 1) != want.paid {
				w.t.Errorf("the delivery is %s and %d attempts are paid, want %s and paid: %v", state, paid, want.state, want.paid)
			}
			w.wantMails(user, want.then)
		}

		w.mend()
		w.passUntilDone()
		for _, user := range users {
			if want.operator {
				w.wantMails(user, 0)
				w.resend(user)
				w.passUntilDone()
			}
			w.wantMails(user, want.end)
		}
	})
}

// A fault at one passage only, in the middle of six users on three connections,
// costs nobody his mail, and gives a second one, the same, only where one was
// in doubt.
func TestOneSMTPFaultAmongMany(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testOneSMTPFaultAmongMany)
}

func testOneSMTPFaultAmongMany(t *testing.T) {
	settings := []string{"plan.workers = 3", "smtp.connections = 3"}
	eachFault(t, settings, func(w *tlsWorld, fault sandbox.SMTPFault, _ ending) {
		fault.Nth = 2
		w.playOneFault(fault, 6)
	})
}

// With on_doubt = "hold" the mail waits for an operator, and only then goes
// again, the very same.
func TestADoubtIsHeldForAnOperator(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testADoubtIsHeldForAnOperator)
}

func testADoubtIsHeldForAnOperator(t *testing.T) {
	w := newTLSWorld(t, `plan.on_doubt = "hold"`)
	for stage, kept := range map[sandbox.SMTPStage]int{sandbox.AtDot: 0, sandbox.AtAccepted: 1} {
		user := w.enrol(1)[0]
		w.strike(sandbox.SMTPFault{Stage: stage, Action: sandbox.SMTPCut})
		w.pass()
		w.mend()
		w.passUntilDone()
		if state, paid := w.delivery(user); state != pipeline.InDoubt || paid != 1 {
			t.Errorf("%s: the delivery is %s and %d attempts are paid, want doubt and 1", stage, state, paid)
		}
		w.wantMails(user, kept)
		w.resend(user)
		w.passUntilDone()
		w.wantMails(user, kept+1)
	}
}

// smtpMatrixMarkdown is the matrix as the page of promises shows it.
func smtpMatrixMarkdown() string {
	var b strings.Builder
	b.WriteString("# The mail server: every stage, every fault, and what becomes of the mail\n\n" +
		"Written by `go test ./internal/app -run TestSMTPMatrix -update`, which plays every line over STARTTLS and a login. *Garbage* is played as\n" +
		"junk, as a flood and as a code of the wrong class; *more answers* is a server that answers before it is asked. At the final dot, *kept* means that the\n" +
		"server kept the mail and its answer was lost. *Mails in the end* are those that the user has got once the fault was gone; two are identical.\n\n")
	b.WriteString("| stage | fault | state afterwards | attempt paid | run stops as an outage | mails then | mails in the end |\n")
	b.WriteString("|---|---|---|---|---|---|---|\n")
	answer := map[bool]string{true: "yes", false: "no"}
	for _, row := range smtpMatrix() {
		for i, name := range smtpFaults {
			e := row.endings[i]
			if e.state == "" {
				continue
			}
			state, end := string(e.state), fmt.Sprint(e.end)
			if e.state == pipeline.Due {
				state += ", " + e.counted
			}
			switch {
			case e.operator:
				end += ", after `alta resend`"
			case e.end > 1:
				end += ", identical"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %d | %s |\n", row.name, name, state, answer[e.paid], answer[e.outage], e.then, end)
		}
	}
	return b.String()
}
