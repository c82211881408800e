package mailer

import (
	"context"
	"errors"
	"io"
	"net"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"alta/pipeline"
)

func TestFaultOfAReply(t *testing.T) {
	const (
		retry, fail, hold, doubt, outage = pipeline.Retry, pipeline.Fail, pipeline.Hold, pipeline.Doubt, pipeline.Outage
	)
	cases := []struct {
		name string
		at   step
		code int
		text string
		kind pipeline.Kind
		want string // the fault's code
		free bool
		bad  bool
	}{
		// Before MAIL FROM nothing depends on the user.
		{"a banner of 554 is an outage", atBanner, 554, "no service", outage, "smtp.554", false, false},
		{"a banner of 421 is an outage", atBanner, 421, "4.3.2 too many", outage, "smtp.4.3.2", false, false},
		{"a refused EHLO is an outage", atEHLO, 502, "5.5.1 what", outage, "smtp.5.5.1", false, false},
		{"TLS that is not available for now is an outage", atSTARTTLS, 454, "4.7.0 later", outage, "smtp.4.7.0", false, false},
		{"a wrong password is an outage", atAUTH, 535, "5.7.8 wrong", outage, "smtp.5.7.8", false, false},
		{"a weak mechanism is an outage", atAUTH, 534, "5.7.9 weak", outage, "smtp.5.7.9", false, false},
		{"a login that fails for now is an outage", atAUTH, 454, "4.7.0 later", outage, "smtp.4.7.0", false, false},

		// MAIL FROM is about us.
		{"a login that is missing is an outage", atMAIL, 530, "5.7.0 log in", outage, "smtp.5.7.0", false, false},
		{"a sender that we may not use is an outage", atMAIL, 553, "5.7.1 not yours", outage, "smtp.5.7.1", false, false},
		{"a sender that doesn't exist is an outage", atMAIL, 550, "5.1.8 bad sender domain", outage, "smtp.5.1.8", false, false},
		{"any other refusal of the sender is an outage", atMAIL, 550, "5.1.1 ?", outage, "smtp.5.1.1", false, false},
		{"protocol trouble at MAIL FROM is an outage", atMAIL, 503, "5.5.1 order", outage, "smtp.5.5.1", false, false},
		{"a full disk at MAIL FROM is an outage", atMAIL, 452, "4.3.1 full", outage, "smtp.4.3.1", false, false},
		{"a quota at MAIL FROM is an outage", atMAIL, 451, "4.7.1 Daily sending quota exceeded", outage, "smtp.4.7.1", false, false},
		{"a rate limit at MAIL FROM is an outage", atMAIL, 450, "4.7.1 slow down", outage, "smtp.4.7.1", false, false},
		{"a fresh connection that is closed at MAIL FROM is an outage", atMAIL, 421, "4.7.0 bye", outage, "smtp.4.7.0", false, false},

		// RCPT TO: the address.
		{"an unknown mailbox fails and is bad", atRCPT, 550, "5.1.1 unknown", fail, "smtp.5.1.1", false, true},
		{"an unknown domain fails and is bad", atRCPT, 550, "5.1.2 unknown", fail, "smtp.5.1.2", false, true},
		{"bad syntax of the address fails and is bad", atRCPT, 501, "5.1.3 syntax", fail, "smtp.5.1.3", false, true},
		{"a mailbox that moved fails and is bad", atRCPT, 551, "5.1.6 moved", fail, "smtp.5.1.6", false, true},
		{"a null MX fails and is bad", atRCPT, 556, "5.1.10 takes no mail", fail, "smtp.5.1.10", false, true},
		{"other trouble with the address fails and is bad", atRCPT, 550, "5.1.0 rejected", fail, "smtp.5.1.0", false, true},
		{"syntax of the sender's address at RCPT is ours", atRCPT, 550, "5.1.7 sender", outage, "smtp.5.1.7", false, false},
		{"the sender's domain at RCPT is ours", atRCPT, 550, "5.1.8 sender", outage, "smtp.5.1.8", false, false},
		{"a disabled mailbox fails and is bad", atRCPT, 550, "5.2.1 disabled", fail, "smtp.5.2.1", false, true},
		{"a full mailbox is tried again, though the code is permanent", atRCPT, 552, "5.2.2 full", retry, "smtp.5.2.2", false, false},
		{"a full mailbox is tried again", atRCPT, 452, "4.2.2 full", retry, "smtp.4.2.2", false, false},
		{"a mailbox with a small size limit holds", atRCPT, 552, "5.2.3 too long", hold, "smtp.5.2.3", false, false},
		{"no route fails, the address may be fine", atRCPT, 550, "5.4.4 no route", fail, "smtp.5.4.4", false, false},
		{"550 without status fails and is bad", atRCPT, 550, "no such user", fail, "smtp.550", false, true},
		{"551 without status fails and is bad", atRCPT, 551, "not here", fail, "smtp.551", false, true},
		{"553 without status fails and is bad", atRCPT, 553, "mailbox name", fail, "smtp.553", false, true},
		{"550 without status that speaks of relaying holds", atRCPT, 550, "relay not permitted", hold, "smtp.550", false, false},
		{"551 without status that speaks of the sender holds", atRCPT, 551, "Sender rejected", hold, "smtp.551", false, false},
		{"553 without status that speaks of the client holds", atRCPT, 553, "client host unknown", hold, "smtp.553", false, false},
		{"a status without a subject that speaks of a block list holds", atRCPT, 550, "5.0.0 see https://www.spamhaus.org/query", hold, "smtp.5.0.0", false, false},
		{"a status that names the address counts for more than words", atRCPT, 550, "5.1.1 unknown client", fail, "smtp.5.1.1", false, true},
		{"556 without status fails and is bad", atRCPT, 556, "takes no mail", fail, "smtp.556", false, true},
		{"a status without a subject counts as none", atRCPT, 550, "5.0.0 no such user", fail, "smtp.5.0.0", false, true},
		{"552 to RCPT counts as temporary", atRCPT, 552, "too many", retry, "smtp.552", false, false},
		{"a status of another class than its code is not believed", atRCPT, 450, "5.1.1 unknown", retry, "smtp.450", false, false},
		{"a temporary status under a permanent code is not believed", atRCPT, 550, "4.2.0 later", fail, "smtp.550", false, true},

		// RCPT TO and DATA: us.
		{"relaying denied holds", atRCPT, 554, "5.7.1 relaying denied", hold, "smtp.5.7.1", false, false},
		{"a policy without detail holds", atRCPT, 550, "5.7.0 policy", hold, "smtp.5.7.0", false, false},
		{"protocol trouble at RCPT holds", atRCPT, 503, "5.5.1 order", hold, "smtp.5.5.1", false, false},
		{"a parameter that is not known holds", atRCPT, 555, "what", hold, "smtp.555", false, false},
		{"a bare syntax error holds", atRCPT, 501, "syntax", hold, "smtp.501", false, false},
		{"a bare 554 to RCPT holds", atRCPT, 554, "no", hold, "smtp.554", false, false},
		{"a login asked for at RCPT is an outage", atRCPT, 530, "log in first", outage, "smtp.530", false, false},
		{"a failed SPF check is an outage", atDot, 550, "5.7.23 SPF", outage, "smtp.5.7.23", false, false},
		{"no reverse DNS is an outage", atRCPT, 550, "5.7.25 rDNS", outage, "smtp.5.7.25", false, false},
		{"a failed DMARC check is an outage", atDot, 550, "5.7.26 auth", outage, "smtp.5.7.26", false, false},
		{"a failed DKIM check is an outage", atDot, 550, "5.7.20 DKIM", outage, "smtp.5.7.20", false, false},
		{"encryption asked for at RCPT is an outage", atRCPT, 530, "5.7.10 TLS", outage, "smtp.5.7.10", false, false},
		{"a mail system that is not capable holds", atRCPT, 554, "5.3.3 no", hold, "smtp.5.3.3", false, false},

		// The mail.
		{"a mail that is too big holds", atDot, 552, "5.3.4 too big", hold, "smtp.5.3.4", false, false},
		{"552 to the mail is too big and holds", atDot, 552, "too big", hold, "smtp.552", false, false},
		{"552 to DATA holds", atDATA, 552, "too big", hold, "smtp.552", false, false},
		{"a full mailbox after the dot is tried again", atDot, 552, "5.2.2 full", retry, "smtp.5.2.2", false, false},
		{"spam holds", atDot, 554, "5.7.1 spam", hold, "smtp.5.7.1", false, false},
		{"a bare 554 to the mail holds", atDot, 554, "transaction failed", hold, "smtp.554", false, false},
		{"a bare 550 to the mail is about the mail, not the address", atDot, 550, "rejected", hold, "smtp.550", false, false},
		{"an unknown mailbox after the dot fails and is bad", atDot, 550, "5.1.1 unknown", fail, "smtp.5.1.1", false, true},
		{"content that can't be converted holds", atDot, 554, "5.6.0 content", hold, "smtp.5.6.0", false, false},
		{"a refused DATA holds", atDATA, 503, "5.5.1 no recipients", hold, "smtp.5.5.1", false, false},

		// For now.
		{"greylisting is tried again", atRCPT, 451, "4.7.1 greylisted", retry, "smtp.4.7.1", false, false},
		{"a busy mailbox is tried again", atRCPT, 450, "busy", retry, "smtp.450", false, false},
		{"a local error is tried again", atDot, 451, "4.3.0 local", retry, "smtp.4.3.0", false, false},
		{"a server that closes at RCPT costs nothing", atRCPT, 421, "bye", retry, "smtp.421", true, false},
		{"a server that closes at DATA costs nothing", atDATA, 421, "bye", retry, "smtp.421", true, false},
		{"421 after the dot costs an attempt, it may be about the mail", atDot, 421, "4.7.28 rate", retry, "smtp.4.7.28", false, false},

		// Nonsense.
		{"a code that makes no sense after the dot is in doubt", atDot, 354, "go on", doubt, "smtp.reply", false, false},
		{"a code that makes no sense at RCPT is tried again", atRCPT, 354, "go on", retry, "smtp.reply", false, false},
		{"a code that makes no sense at MAIL FROM is an outage", atMAIL, 354, "go on", outage, "smtp.reply", false, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newReply(c.code, c.text, redaction{})
			f := failure{step: c.at, reply: &r, err: &textproto.Error{Code: c.code, Msg: c.text}}.fault()
			if f.Kind != c.kind || f.Code != c.want || f.Free != c.free || f.BadAddress != c.bad {
				t.Errorf("kind %v, code %s, free %v, bad address %v", f.Kind, f.Code, f.Free, f.BadAddress)
			}
			if c.kind != doubt && c.want != "smtp.reply" && !strings.Contains(f.Reason, r.String()) {
				t.Errorf("the server's words are not in %q", f.Reason)
			}
			if c.at == atMAIL && c.code/100 == 4 && f.After != 5*time.Minute {
				t.Errorf("one mail is tried after %v", f.After)
			}
			if f.Free && f.After == 0 {
				t.Error("a free retry without a delay can go round and round")
			}
		})
	}
}

func TestWhatAFailureSaysAboutItsConnection(t *testing.T) {
	const fresh, kept, chained = 0, 1, 2
	timeout := &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	cases := []struct {
		sentence  string
		on        int
		at        step
		code      int // 0 is err
		text      string
		err       error
		elsewhere bool
		throttles bool
	}{
		{"A fresh connection has no excuse.", fresh, atMAIL, 0, "", io.EOF, false, false},
		{"Nor when it closes at once.", fresh, atMAIL, 421, "4.3.2 closing", nil, false, true},
		{"A kept one may have been idle for too long.", kept, atMAIL, 0, "", io.EOF, true, false},
		{"Or is silently gone.", kept, atMAIL, 0, "", timeout, true, false},
		{"Or has carried enough mails.", kept, atMAIL, 421, "too many messages", nil, true, false},
		{"Or too many of them.", kept, atMAIL, 421, "4.7.0 slow down", nil, true, true},
		{"Gmail's words for it are those of greylisting.", kept, atMAIL, 421, "4.7.28 Try again later", nil, true, true},
		{"A refusal of the sender is one.", kept, atMAIL, 550, "5.7.1 no", nil, false, false},
		{"A rate limit at MAIL FROM is everybody's.", kept, atMAIL, 450, "4.7.1 slow down", nil, false, true},
		{"Behind another mail the order may be to blame.", chained, atMAIL, 503, "5.5.1 nested MAIL", nil, true, false},
		{"What can't be reset is of no use.", kept, atRSET, 502, "5.5.1 what", nil, true, false},
		{"One that breaks at RCPT TO may have said too much before.", kept, atRCPT, 0, "", io.EOF, true, false},
		{"So may one that makes no sense at DATA.", kept, atDATA, 250, "ok", nil, true, false},
		{"Or has more to say.", chained, atDATA, 0, "", errUnasked, true, false},
		{"A server that thinks about a recipient for ever does so everywhere.", kept, atRCPT, 0, "", timeout, false, false},
		{"A refused recipient is refused.", chained, atRCPT, 550, "5.1.1 no", nil, false, false},
		{"So is one that is put off.", chained, atRCPT, 450, "4.2.1 busy", nil, false, false},
		{"A rate limit at RCPT TO.", kept, atRCPT, 450, "4.7.1 too many", nil, false, true},
		{"Greylisting is nobody's limit.", kept, atRCPT, 450, "4.7.1 Greylisted", nil, false, false},
		{"A server that closes at RCPT TO.", kept, atRCPT, 421, "", nil, false, true},
		{"A mail that has begun stays where it is.", chained, atBody, 0, "", io.EOF, false, false},
		{"And all the more one that is on its way.", chained, atDot, 0, "", io.EOF, false, false},
		{"421 after the dot.", chained, atDot, 421, "4.3.2 closing", nil, false, true},
		{"A rate limit after the dot.", kept, atDot, 451, "4.7.1 rate", nil, false, true},
		{"A local error after the dot.", kept, atDot, 451, "4.3.0 local", nil, false, false},
		{"A rate limit for good is none.", kept, atDot, 550, "5.7.1 rate", nil, false, false},
		{"One connection too many is the crowd's.", fresh, atEHLO, 421, "4.7.0 too many", nil, false, false},
	}
	for _, c := range cases {
		t.Run(c.sentence, func(t *testing.T) {
			f := failure{step: c.at, err: c.err}
			if c.code != 0 {
				r := newReply(c.code, c.text, redaction{})
				f.reply = &r
			}
			if got := f.elsewhere(c.on != fresh, c.on == chained); got != c.elsewhere {
				t.Errorf("elsewhere: %v", got)
			}
			if got := f.throttles(c.on != fresh); got != c.throttles {
				t.Errorf("throttles: %v", got)
			}
		})
	}
}

func TestFaultOfABrokenConversation(t *testing.T) {
	cases := []struct {
		name string
		at   step
		err  error
		kind pipeline.Kind
		code string
		free bool
	}{
		{"no route to the server", atConnect, &net.OpError{Op: "dial", Err: errors.New("refused")}, pipeline.Outage, "smtp.dial", false},
		{"no such host", atConnect, &net.DNSError{Err: "no such host", Name: "mail.example"}, pipeline.Outage, "smtp.dial", false},
		{"a time-out while connecting", atConnect, context.DeadlineExceeded, pipeline.Outage, "smtp.timeout", false},
		{"a TLS failure", atTLS, errors.New("x509: unknown authority"), pipeline.Outage, "smtp.tls", false},
		{"no STARTTLS", atSTARTTLS, errNoStartTLS, pipeline.Outage, "smtp.starttls_missing", false},
		{"no AUTH", atAUTH, errNoAuth, pipeline.Outage, "smtp.auth_missing", false},
		{"a mechanism that goes wrong", atAUTH, errors.New("invalid server signature"), pipeline.Outage, "smtp.auth", false},
		{"a fresh connection that ends at MAIL FROM", atMAIL, io.EOF, pipeline.Outage, "smtp.connection", false},
		{"a connection that ends at RCPT TO", atRCPT, io.EOF, pipeline.Retry, "smtp.connection", false},
		{"an end at DATA", atDATA, io.ErrUnexpectedEOF, pipeline.Retry, "smtp.connection", false},
		{"an end in the middle of the mail", atBody, io.ErrClosedPipe, pipeline.Retry, "smtp.connection", false},
		{"an end after the dot", atDot, io.EOF, pipeline.Doubt, "smtp.connection", false},
		{"garbage after the dot", atDot, textproto.ProtocolError("short response: ok"), pipeline.Doubt, "smtp.reply", false},
		{"an endless reply after the dot", atDot, errReplyTooLong, pipeline.Doubt, "smtp.reply", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := failure{step: c.at, err: c.err}.fault()
			if f.Kind != c.kind || f.Code != c.code || f.Free != c.free || f.BadAddress {
				t.Errorf("kind %v, code %s, free %v", f.Kind, f.Code, f.Free)
			}
			if !errors.Is(f, c.err) {
				t.Error("the cause is lost")
			}
		})
	}
}

func FuzzReply(f *testing.F) {
	for _, seed := range []struct {
		code int
		text string
	}{
		{550, "5.1.1 no such user"}, {421, "4.7.0 bye"}, {250, "2.0.0 Ok: queued"}, {552, "5.2.2"},
		{550, "5.1.1\n5.1.1 two"}, {999, "9.9.9"}, {0, ""}, {554, "https://a.example/?x=y\x00"}, {550, "5.1234.1 x"}, {550, "5.1.1x"},
	} {
		f.Add(seed.code, seed.text)
	}
	f.Fuzz(func(t *testing.T, code int, text string) {
		r := newReply(code, text, redaction{})
		shown := r.String()
		if !utf8.ValidString(shown) || strings.ContainsFunc(shown, unicode.IsControl) {
			t.Errorf("unsafe text %q", shown)
		}
		if utf8.RuneCountInString(r.text) > maxText+1 {
			t.Errorf("%d characters", utf8.RuneCountInString(r.text))
		}
		if lower := strings.ToLower(shown); strings.Contains(lower, "https:") || strings.Contains(lower, "http:") {
			t.Errorf("a link in %q", shown)
		}
		for at := atConnect; at <= atDot; at++ {
			fault := failure{step: at, reply: &r, err: &textproto.Error{Code: code, Msg: text}}.fault()
			if fault.Reason == "" || !strings.HasPrefix(fault.Code, "smtp.") {
				t.Errorf("fault %+v", fault)
			}
			if fault.BadAddress && (fault.Kind != pipeline.Fail || at < atRCPT || code/100 != 5) {
				t.Errorf("step %d blames the address: %+v", at, fault)
			}
			if at < atMAIL && fault.Kind != pipeline.Outage {
				t.Errorf("step %d is no outage: %+v", at, fault)
			}
			if fault.Kind == pipeline.Doubt && at != atDot {
				t.Errorf("doubt before the dot: %+v", fault)
			}
		}
	})
}

// A login that is only slow must send nobody to look for a wrong password.
func TestASlowServerIsNotAWrongLogin(t *testing.T) {
	for _, test := range []struct {
		sentence string
		at       step
		err      error
		want     string
	}{
		{"a login that takes too long", atAUTH, context.DeadlineExceeded, "took too long to answer"},
		{"a sender that nobody answers in time", atMAIL, os.ErrDeadlineExceeded, "took too long to answer"},
		{"a login that is cut off", atAUTH, io.EOF, "does not accept the login"},
		{"a server that can't be reached in time", atConnect, context.DeadlineExceeded, "can't be reached"},
	} {
		if got := (failure{step: test.at, err: test.err}).fault().Reason; !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want that the mail server %s", test.sentence, got, test.want)
		}
	}
}
