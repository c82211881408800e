package mailer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"time"

	"alta/pipeline"
)

// step is a step of the SMTP conversation.
type step int

// The steps, in order.
const (
	atConnect step = iota
	atTLS
	atBanner
	atEHLO
	atSTARTTLS
	atAUTH
	atRSET
	atMAIL
	atRCPT
	atDATA
	atBody // the message, without the final dot
	atDot  // from the final dot to the reply
)

// soon is the least delay before a retry that costs nothing, so that a server
// which keeps closing connections isn't asked in a tight loop.
const soon = time.Minute

// failure is a step that went wrong.
type failure struct {
	step  step
	kept  bool   // the connection was used before
	reply *reply // nil if the server didn't answer
	err   error
}

// mechanismError says that the server can't be logged in to as configured.
type mechanismError struct{ err error }

func (e *mechanismError) Error() string { return e.err.Error() }
func (e *mechanismError) Unwrap() error { return e.err }

// refused tells whether the server answered with a failure.
func (f failure) refused() bool {
	return f.reply != nil && (f.reply.code/100 == 4 || f.reply.code/100 == 5)
}

// fault decides what a failure means. The rules, by step:
//
//   - Up to AUTH nothing depends on the user: always an outage.
//   - MAIL FROM names only us. A refusal for good is an outage. A refusal for
//     now is a retry that costs nothing, and so is a kept connection that
//     broke, since the server may just have closed it; a fresh one that breaks
//     here is an outage.
//   - RCPT TO and DATA are about the user or the mail. 4xx retries, 421 at no
//     cost because the server is only closing. 5xx goes by [failure.permanent].
//   - Until the final dot is written the server has no mail: a break retries.
//   - From the dot on only a reply tells what became of the mail: 4xx and 5xx
//     as above, anything else is in doubt.
func (f failure) fault() *pipeline.Fault {
	switch {
	case f.step <= atRSET:
		return f.outage()
	case f.step == atDot && !f.refused():
		return &pipeline.Fault{
			Kind: pipeline.Doubt, Code: f.code(), Err: f.cause(),
			Reason: "the mail server got the whole mail but its answer did not arrive, so the user may or may not have it; it is repeated or held, as plan.on_doubt says",
		}
	case !f.refused():
		return f.broken()
	case f.reply.code/100 == 4:
		return f.temporary()
	default:
		return f.permanent()
	}
}

// outage is a failure that every user would meet.
func (f failure) outage() *pipeline.Fault {
	return &pipeline.Fault{Kind: pipeline.Outage, Code: f.code(), Reason: f.say(f.outageReason()), Err: f.cause()}
}

// broken is a conversation that ended, or lost its sense, before the dot.
func (f failure) broken() *pipeline.Fault {
	switch {
	case f.step > atMAIL:
		return &pipeline.Fault{
			Kind: pipeline.Retry, Code: f.code(), Err: f.cause(),
			Reason: "the connection to the mail server broke before the mail was complete, so it was not sent; it is tried again later",
		}
	case f.kept:
		return &pipeline.Fault{
			Kind: pipeline.Retry, Free: true, After: soon, Code: f.code(), Err: f.cause(),
			Reason: "the mail server closed an idle connection; the mail is tried again on another one",
		}
	default:
		return f.outage()
	}
}

// temporary is a 4xx reply to MAIL, RCPT, DATA or the final dot.
func (f failure) temporary() *pipeline.Fault {
	fault := &pipeline.Fault{
		Kind: pipeline.Retry, Code: f.code(),
		Reason: f.say("the mail server put the mail off; it is tried again later"),
	}
	// A 421 to the final dot may be about the content and costs an attempt, so
	// that it can't go on for ever.
	if f.step == atMAIL || f.reply.code == 421 && f.step != atDot {
		fault.Free, fault.After = true, soon
	}
	return fault
}

// permanent is a 5xx reply to MAIL, RCPT, DATA or the final dot. It goes by
// the enhanced status of RFC 3463, or else by the code of RFC 5321.
func (f failure) permanent() *pipeline.Fault {
	r := f.reply
	if f.step == atMAIL || r.blamesSender() {
		return f.outage()
	}
	switch {
	case r.enhanced && r.subject == 1, // the destination address
		r.enhanced && r.subject == 2 && r.detail == 1, // mailbox disabled
		!r.telling() && f.step == atRCPT && (r.code == 550 || r.code == 551 || r.code == 553 || r.code == 556):
		return &pipeline.Fault{
			Kind: pipeline.Fail, BadAddress: true, Code: f.code(),
			Reason: f.say("the mail server says that this address takes no mail; correct the address and use 'alta resend'"),
		}
	case r.enhanced && r.subject == 2 && r.detail == 2, // mailbox full
		// RFC 5321, section 4.5.3.1.10: 552 to RCPT counts as temporary.
		!r.telling() && f.step == atRCPT && r.code == 552:
		return &pipeline.Fault{
			Kind: pipeline.Retry, Code: f.code(),
			Reason: f.say("the user's mailbox is full; it is tried again later"),
		}
	case r.enhanced && r.subject == 4: // network and routing
		return &pipeline.Fault{
			Kind: pipeline.Fail, Code: f.code(),
			Reason: f.say("mail can't be routed to this address; check its domain and use 'alta resend'"),
		}
	case r.enhanced && (r.subject == 3 && r.detail == 4 || r.subject == 2 && r.detail == 3), !r.telling() && r.code == 552:
		return &pipeline.Fault{
			Kind: pipeline.Hold, Code: f.code(),
			Reason: f.say("the mail is too big for the mail server; shorten the templates and use 'alta resend'"),
		}
	default:
		// Policy (5.7.x), protocol (5.5.x), content (5.6.x) and whatever is
		// unknown is about us or about this mail, never the user's fault.
		return &pipeline.Fault{
			Kind: pipeline.Hold, Code: f.code(),
			Reason: f.say("the mail server refuses this mail; ask its operator or change the mail, then use 'alta resend'"),
		}
	}
}

// telling says whether the status names a subject; X.0.0 tells nothing.
func (r *reply) telling() bool { return r.enhanced && r.subject != 0 }

// blamesSender tells whether a 5xx reply is about our address, login,
// encryption or authentication of mail. Servers often save such a refusal for
// RCPT TO, but every user would meet it.
func (r *reply) blamesSender() bool {
	switch r.code {
	case 523, 530, 534, 535, 538: // encryption or a login is missing (RFC 4954)
		return true
	}
	switch {
	case !r.enhanced:
		return false
	case r.subject == 1:
		return r.detail == 7 || r.detail == 8 // the sender's address
	case r.subject == 7:
		// 8 to 14 are login and encryption (RFC 4954, RFC 5248); 20 to 29 are
		// DKIM, SPF, reverse DNS and null MX (RFC 7372, RFC 7505).
		return r.detail >= 8 && r.detail <= 14 || r.detail >= 20 && r.detail <= 29
	}
	return false
}

// code is the fault's code.
func (f failure) code() string {
	if f.refused() {
		return "smtp." + f.reply.status()
	}
	var timeout net.Error
	switch {
	case errors.Is(f.err, context.DeadlineExceeded), errors.As(f.err, &timeout) && timeout.Timeout():
		return "smtp.timeout"
	case errors.Is(f.err, errNoStartTLS):
		return "smtp.starttls_missing"
	case errors.Is(f.err, errNoAuth), isA[*mechanismError](f.err):
		return "smtp.auth_missing"
	case f.reply != nil, errors.Is(f.err, errReplyTooLong), isA[textproto.ProtocolError](f.err):
		return "smtp.reply"
	}
	switch f.step {
	case atConnect:
		return "smtp.dial"
	case atTLS, atSTARTTLS:
		return "smtp.tls"
	case atAUTH:
		return "smtp.auth"
	default:
		return "smtp.connection"
	}
}

// cause is the error for logs; a reply is in the reason already.
func (f failure) cause() error {
	if f.reply != nil || f.err == nil {
		return nil
	}
	return &cleanError{f.err}
}

// say adds the server's words to a reason.
func (f failure) say(reason string) string {
	if f.reply == nil {
		return reason
	}
	return fmt.Sprintf("%s (it said: %s)", reason, f.reply)
}

func (f failure) outageReason() string {
	switch f.step {
	case atConnect:
		return "the mail server can't be reached; check smtp.host, smtp.port and the network"
	case atTLS, atSTARTTLS:
		return "no secure connection to the mail server; check smtp.tls, smtp.port and the server's certificate"
	case atBanner, atEHLO:
		return "the mail server does not take connections; check smtp.host and smtp.port, or ask its operator"
	case atAUTH:
		return "the mail server does not accept the login; check smtp.username and its password"
	default:
		return "the mail server takes no mail from us; check smtp.from and the login, or ask its operator"
	}
}

// recipientFault is an address that no server would take.
func recipientFault(err error) *pipeline.Fault {
	if errors.Is(err, errHeaderText) {
		return headerFault("the user", err)
	}
	return &pipeline.Fault{
		Kind: pipeline.Fail, BadAddress: true, Code: "smtp.address", Err: err,
		Reason: "the user's mail address is not valid; correct it and use 'alta resend'",
	}
}

// utf8Fault is an address that this server can't serve.
func utf8Fault() *pipeline.Fault {
	return &pipeline.Fault{
		Kind: pipeline.Fail, Code: "smtp.smtputf8",
		Reason: "the user's address has letters beyond ASCII before the @, and the mail server does not offer SMTPUTF8; use another address or another server, then 'alta resend'",
	}
}

// headerFault is a text that must not get into a header.
func headerFault(what string, err error) *pipeline.Fault {
	return &pipeline.Fault{
		Kind: pipeline.Hold, Code: "smtp.header", Err: err,
		Reason: what + " can't be written into a mail; correct the data and use 'alta resend'",
	}
}

// cancelFault is a stop that was asked for before anything was sent.
func cancelFault(err error) *pipeline.Fault {
	return &pipeline.Fault{
		Kind: pipeline.Retry, Free: true, Code: "smtp.cancelled",
		Reason: "the run was stopped before the mail was sent; the next one sends it", Err: fmt.Errorf("wait for the mail server: %w", err),
	}
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
