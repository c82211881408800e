package mailer

import (
	"errors"
	"fmt"
	"time"

	"alta/pipeline"
)

// soon is the least delay before a retry that costs nothing, so that a server
// which keeps closing connections isn't asked in a tight loop.
const soon = time.Minute

// recovery is how long a server that put us off is left in peace before one
// mail is tried.
const recovery = 5 * time.Minute

// fault decides what a failure means when it is looked at alone; streaks see
// several. The rules, by step:
//
//   - Up to AUTH nothing depends on the user: always an outage.
//   - MAIL FROM names only us, so a refusal is an outage, for good or for now.
//     So is a break; one on a connection that was kept does not get
//     here, see [failure.elsewhere].
//   - RCPT TO and DATA are about the user or the mail. 4xx retries, 421 at no
//     cost because the server is only closing. 5xx goes by [failure.permanent].
//   - Until the final dot is written the server has no mail: a break retries. A
//     refusal in mid-message counts as one at the final dot: which of the two a
//     break is noticed at depends on the network's buffers.
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
	case f.temporary():
		return f.putOff()
	default:
		return f.permanent()
	}
}

// everybodys is the outage that a failure becomes when several users met it
// one after the other. It keeps the code, by which a probe is recognized.
//
// A doubt stays one: the mail may have been taken, so it must be repeated as it
// was. It stops the run besides.
func (f failure) everybodys() *pipeline.Fault {
	if own := f.fault(); own.Kind == pipeline.Doubt {
		own.Systemic, own.After = true, recovery
		own.Reason += "; several users in a row met the same, so the run stops: ask the server's operator, or raise smtp.dot_timeout"
		return own
	}
	fault := &pipeline.Fault{Kind: pipeline.Outage, Code: f.code(), Err: f.cause()}
	if f.refused() && !f.temporary() {
		fault.Reason = f.say("the mail server refused several users in a row, so it is most likely about us and not about them; check smtp.from, the login and what may be sent, or ask its operator")
		return fault
	}
	fault.After = recovery
	fault.Reason = f.say("the mail server failed several users in a row, so it is in trouble or limits us; if it lasts, ask its operator or lower smtp.rate")
	return fault
}

// outage is a failure that every user would meet.
func (f failure) outage() *pipeline.Fault {
	return &pipeline.Fault{Kind: pipeline.Outage, Code: f.code(), Reason: f.say(f.outageReason()), Err: f.cause()}
}

// broken is a conversation that ended, or lost its sense, before the dot.
func (f failure) broken() *pipeline.Fault {
	if f.step <= atMAIL {
		return f.outage()
	}
	return &pipeline.Fault{
		Kind: pipeline.Retry, Code: f.code(), Err: f.cause(),
		Reason: "the connection to the mail server broke before the mail was complete, so it was not sent; it is tried again later",
	}
}

// putOff is a 4xx reply to MAIL, RCPT, DATA or the final dot.
func (f failure) putOff() *pipeline.Fault {
	if f.step == atMAIL {
		return &pipeline.Fault{
			Kind: pipeline.Outage, After: recovery, Code: f.code(),
			Reason: f.say("the mail server takes no mail from us for now; if it lasts, ask its operator or lower smtp.rate"),
		}
	}
	fault := &pipeline.Fault{
		Kind: pipeline.Retry, Code: f.code(),
		Reason: f.say("the mail server put the mail off; it is tried again later"),
	}
	// A 421 once the message is on its way may be about the content and costs an
	// attempt, so that it can't go on for ever.
	if f.reply.code == 421 && f.step < atBody {
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
	case r.blamesMailbox() && (r.telling() || f.step == atRCPT):
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

func (f failure) outageReason() string {
	if atAUTH <= f.step && timedOut(f.err) {
		return "the mail server took too long to answer; ask its operator, or raise smtp.timeout"
	}
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

// closedFault is a mailer that was closed before the mail was sent.
func closedFault() *pipeline.Fault {
	return &pipeline.Fault{
		Kind: pipeline.Retry, Free: true, Code: "smtp.closed",
		Reason: "alta is stopping; the mail is sent by the next run",
	}
}
