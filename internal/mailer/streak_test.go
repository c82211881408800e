package mailer

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

func TestStreaks(t *testing.T) {
	// A history is a line of users who fail, "ok" for an accepted mail; the
	// outage, if any, is the last word.
	cases := []struct {
		sentence string
		cause    cause
		history  string
		outage   bool
	}{
		{"Four refusals.", refusal, "a b c d", false},
		{"Five refusals.", refusal, "a b c d e", true},
		{"Every other user after them.", refusal, "a b c d e f", true},
		{"One user five times.", refusal, "a a a a a", false},
		{"An accepted mail in between.", refusal, "a b c d ok e", false},
		{"An accepted mail long ago.", refusal, "a ok b c d e f", true},
		{"A user who has been counted, after the outage.", refusal, "a b c d e e", false},
		{"Two policies.", policy, "a b", false},
		{"Three policies.", policy, "a b c", true},
		{"Two users in trouble.", trouble, "a b a b", false},
		{"Three users in trouble.", trouble, "a b c", true},
	}
	for _, c := range cases {
		t.Run(c.sentence, func(t *testing.T) {
			s := newStreaks()
			var full bool
			for word := range strings.FieldsSeq(c.history) {
				if full = false; word == "ok" {
					s.succeed()
					continue
				}
				full = s.fail(word, c.cause)
			}
			if full != c.outage {
				t.Errorf("%s: outage %v, want %v", c.history, full, c.outage)
			}
		})
	}
	t.Run("A long outage takes no more memory.", func(t *testing.T) {
		r := &row{limit: 5}
		for n := range 1000 {
			r.add(fmt.Sprint(n))
		}
		if len(r.users) != 5 {
			t.Errorf("kept %d", len(r.users))
		}
	})
	t.Run("Workers share it.", func(t *testing.T) {
		s := newStreaks()
		outages := make(chan int, 20)
		var workers sync.WaitGroup
		for n := range 20 {
			workers.Go(func() {
				if s.fail(fmt.Sprint(n), refusal) {
					outages <- n
				}
			})
		}
		workers.Wait()
		if len(outages) != 16 {
			t.Errorf("%d of 20 users met the outage, want all from the fifth on", len(outages))
		}
	})
}

func TestCausesOfAFailure(t *testing.T) {
	cases := []struct {
		sentence string
		at       step
		code     int // 0 is a break
		text     string
		want     []cause
	}{
		{"A dead address.", atRCPT, 550, "5.1.1 unknown", nil},
		{"A closed mailbox.", atRCPT, 550, "5.2.1 disabled", nil},
		{"A dead address without status.", atRCPT, 550, "no such user", []cause{refusal}},
		{"No route.", atRCPT, 550, "5.4.4 no route", []cause{refusal}},
		{"A mail that is too big for one mailbox.", atDot, 552, "5.2.3 too big", []cause{refusal}},
		{"A policy.", atRCPT, 554, "5.7.1 relay access denied", []cause{refusal, policy}},
		{"A protocol.", atDATA, 503, "5.5.1 order", []cause{refusal, policy}},
		{"Spam.", atDot, 550, "5.7.1 spam", []cause{refusal, policy}},
		{"A refusal that names nothing.", atRCPT, 550, "relay not permitted", []cause{refusal, policy}},
		{"A refused sender is an outage by itself.", atMAIL, 550, "5.7.1 no", nil},
		{"A missing login is one too.", atRCPT, 530, "5.7.0 log in", nil},
		{"A full mailbox is the user's.", atRCPT, 452, "4.2.2 full", nil},
		{"So it is with a permanent code.", atRCPT, 552, "5.2.2 full", nil},
		{"A busy mailbox is the user's.", atRCPT, 450, "busy", nil},
		{"Greylisting with a status of the mailbox.", atRCPT, 450, "4.2.0 Greylisted", nil},
		{"Greylisting with a status of policy.", atRCPT, 451, "4.7.1 Greylisted", nil},
		{"Greylisting in other words.", atRCPT, 451, "4.7.1 Try again later", nil},
		{"Greylisting without words.", atRCPT, 451, "come back", nil},
		{"Greylisting after the dot.", atDot, 451, "4.7.1 Try again later", nil},
		{"A quota at RCPT TO.", atRCPT, 451, "4.7.1 quota exceeded", []cause{trouble}},
		{"A full disk at RCPT TO.", atRCPT, 452, "4.3.1 full", []cause{trouble}},
		{"A system that is down and says to try again later.", atRCPT, 451, "4.3.2 try again later", []cause{trouble}},
		{"A closing server.", atRCPT, 421, "try again later", []cause{trouble}},
		{"A local error at DATA.", atDATA, 451, "local error", []cause{trouble}},
		{"A local error after the dot.", atDot, 451, "4.3.0 queue file write error", []cause{trouble}},
		{"A break at RCPT TO.", atRCPT, 0, "", []cause{trouble}},
		{"A break in the mail.", atBody, 0, "", []cause{trouble}},
		{"A break after the dot is a doubt, which others may meet too.", atDot, 0, "", []cause{trouble}},
		{"A break before MAIL FROM is an outage by itself.", atEHLO, 0, "", nil},
	}
	for _, c := range cases {
		t.Run(c.sentence, func(t *testing.T) {
			f := failure{step: c.at, err: io.EOF}
			if c.code != 0 {
				r := newReply(c.code, c.text, redaction{})
				f.reply = &r
			}
			if got := f.causes(); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("causes %v, want %v", got, c.want)
			}
		})
	}
}

// TestAFailureThatEveryUserMeets sends to ten users, one after the other.
func TestAFailureThatEveryUserMeets(t *testing.T) {
	refused := func(stage sandbox.SMTPStage, code int, enhanced, text string) sandbox.SMTPFault {
		return sandbox.SMTPFault{Stage: stage, Action: sandbox.SMTPRefuse, Code: code, Enhanced: enhanced, Text: text}
	}
	cases := []struct {
		sentence string
		fault    sandbox.SMTPFault
		code     string
		paid     int // users who pay before the outage; 10 is no outage
		bad      int // of these, whose address is marked
		after    time.Duration
	}{
		{"Exim refuses to relay.", refused(sandbox.AtRcpt, 550, "", "relay not permitted"), "smtp.550", 2, 0, 0},
		{"Postfix refuses to relay.", refused(sandbox.AtRcpt, 554, "5.7.1", "Relay access denied"), "smtp.5.7.1", 2, 0, 0},
		{"Everything is spam.", refused(sandbox.AtDot, 550, "5.7.1", "spam"), "smtp.5.7.1", 2, 0, 0},
		{"DATA is refused.", refused(sandbox.AtData, 554, "", "no"), "smtp.554", 2, 0, 0},
		{"Every user is unknown, and the status says so of each.", refused(sandbox.AtRcpt, 550, "5.1.1", "no such user"), "", 10, 10, 0},
		{"Every user is unknown, and only the words say so.", refused(sandbox.AtRcpt, 550, "", "no such user"), "smtp.550", 4, 4, 0},
		{"Every mail is too big.", refused(sandbox.AtDot, 552, "5.3.4", "too big"), "smtp.5.3.4", 4, 0, 0},
		{"A quota at MAIL FROM.", refused(sandbox.AtMail, 451, "4.7.1", "Daily sending quota exceeded"), "smtp.4.7.1", 0, 0, recovery},
		{"A quota at RCPT TO.", refused(sandbox.AtRcpt, 451, "4.7.1", "Daily sending quota exceeded"), "smtp.4.7.1", 2, 0, recovery},
		{"A full disk after the dot.", refused(sandbox.AtDot, 452, "4.3.1", "disk full"), "smtp.4.3.1", 2, 0, recovery},
		{"A server that closes at DATA.", refused(sandbox.AtData, 421, "", "bye"), "smtp.421", 2, 0, recovery},
		{"A server that breaks off.", sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: sandbox.SMTPCut}, "smtp.connection", 2, 0, recovery},
		{"Greylisting never is an outage.", refused(sandbox.AtRcpt, 450, "4.7.1", "Greylisted, try again later"), "", 10, 0, 0},
		{"Greylisting without status neither.", refused(sandbox.AtRcpt, 451, "", "temporarily rejected"), "", 10, 0, 0},
		{"Nor are full mailboxes.", refused(sandbox.AtRcpt, 452, "4.2.2", "full"), "", 10, 0, 0},
	}
	for _, c := range cases {
		t.Run(c.sentence, func(t *testing.T) {
			s := startCatcher(t, sandbox.SMTPOptions{Faults: []sandbox.SMTPFault{c.fault}})
			m := newMailer(t, configFor(s))
			all := users(10)
			paid, bad := 0, 0
			for _, d := range all {
				_, _, err := send(m, d)
				f := pipeline.AsFault(err)
				if f.BadAddress {
					bad++
				}
				if f.Kind != pipeline.Outage {
					paid++
					continue
				}
				if f.Code != c.code || f.After != c.after || f.BadAddress || f.Free {
					t.Errorf("outage %+v", f)
				}
				if c.fault.Text != "" && !strings.Contains(f.Reason, c.fault.Text) {
					t.Errorf("the server's words are not in %q", f.Reason)
				}
			}
			if paid != c.paid || bad != c.bad {
				t.Errorf("%d paid and %d were marked, want %d and %d", paid, bad, c.paid, c.bad)
			}
			s.SetFaults()
			if _, _, err := send(m, all[9]); err != nil {
				t.Fatalf("after mending: %v", err)
			}
			s.SetFaults(c.fault)
			if f := failureOf(send(m, all[0])); c.paid > 0 && f.Kind == pipeline.Outage {
				t.Errorf("an accepted mail did not end the streak: %+v", f)
			}
		})
	}
}

func failureOf(_ pipeline.Receipt, _ int, err error) *pipeline.Fault { return pipeline.AsFault(err) }
