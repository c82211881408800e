package mailer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"

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

// failure is a step that went wrong. As an error it is the fault that a single
// user would meet.
type failure struct {
	step   step
	reply  *reply // nil if the server didn't answer
	err    error
	redact redaction
}

func (f failure) Error() string { return f.fault().Error() }
func (f failure) Unwrap() error { return f.fault() }

// mechanismError says that the server can't be logged in to as configured.
type mechanismError struct{ err error }

func (e *mechanismError) Error() string { return e.err.Error() }
func (e *mechanismError) Unwrap() error { return e.err }

// refused tells whether the server answered with a failure.
func (f failure) refused() bool {
	return f.reply != nil && (f.reply.code/100 == 4 || f.reply.code/100 == 5)
}

// temporary tells whether the server put us off.
func (f failure) temporary() bool { return f.refused() && f.reply.code/100 == 4 }

// turnedAway tells whether the server did not want one more connection: it put
// us off while we introduced ourselves, closed the channel, or could not be
// reached. While other connections work, that is no outage.
func (f failure) turnedAway() bool {
	if f.refused() {
		return f.temporary() && (f.step <= atEHLO || f.reply.code == 421)
	}
	return f.step == atConnect || f.step == atBanner
}

// elsewhere tells whether the failure says nothing but that this connection is of
// no use any more, so that the mail, whose message has not begun, should take another
// one. A fresh connection that fails has no such excuse.
//
// On one that was kept, that is an end before the sender was accepted, or a 421:
// servers end connections that carried enough mails or were idle. Later it is an
// end, or answers that make no sense: the server may have given one too many to
// the mail before. A server that takes its time over this recipient, and no
// longer answers, would do so on each connection.
//
// Behind another mail every failure of MAIL FROM is one, since it could be the
// order that the server does not like, and an outage stops everybody.
func (f failure) elsewhere(kept, chained bool) bool {
	switch {
	case f.step > atDATA || !kept:
		return false
	case f.step > atMAIL:
		return !f.refused() && !timedOut(f.err)
	case f.step == atMAIL && f.refused():
		return chained || f.reply.code == 421
	default:
		return true
	}
}

// throttles tells whether the server asks for fewer mails at a time: with a
// status of policy (X.7.x), to which rate limits belong, or by closing the
// channel. Greylisting does not, and neither does a server that closes a
// connection which carried mails before it says anything else.
func (f failure) throttles(kept bool) bool {
	switch r := f.reply; {
	case f.step < atMAIL || !f.temporary():
		return false
	case r.telling() && r.subject == 7:
		return r.code == 421 || !r.grey
	default:
		return r.code == 421 && !(kept && f.step == atMAIL)
	}
}

// causes are the streaks that the failure counts in; none for what is an
// outage by itself, or nothing but this user's.
func (f failure) causes() []cause {
	switch f.fault().Kind {
	case pipeline.Fail:
		if r := f.reply; r.telling() && (r.subject == 1 || r.subject == 2) {
			return nil // the status names this address or mailbox, and nobody else's
		}
		return []cause{refusal}
	case pipeline.Hold:
		if r := f.reply; !r.telling() || r.subject == 5 || r.subject == 7 {
			return []cause{refusal, policy}
		}
		return []cause{refusal}
	case pipeline.Doubt:
		return []cause{trouble}
	case pipeline.Retry:
		if f.systemic() {
			return []cause{trouble}
		}
	}
	return nil
}

// systemic tells whether a failure that is tried again may be the server's,
// so that other users would meet it too:
//
//   - A break or a time-out, and 421, which closes the channel (RFC 5321,
//     section 3.8).
//   - X.3.x, the mail system, and X.7.x, security or policy (RFC 3463), to
//     which quotas and rate limits belong.
//   - From DATA on also 4xx without a subject: the server has taken the
//     recipient by then.
//
// Greylisting is none of it, though it meets every new user: it is known by
// its words, and answers 4.7.x or 4xx without a subject. At RCPT TO the latter
// counts as greylisting, whatever its words.
func (f failure) systemic() bool {
	r := f.reply
	switch {
	case f.step <= atMAIL:
		return false
	case !f.refused(), r.code == 421:
		return true
	case !f.temporary(): // a full mailbox, whose 5xx is tried again
		return false
	case r.telling() && r.subject == 3:
		return true
	case r.grey:
		return false
	case r.telling():
		return r.subject == 7
	default:
		return f.step > atRCPT
	}
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
	case f.reply != nil, errors.Is(f.err, errReplyTooLong), errors.Is(f.err, errUnasked), isA[textproto.ProtocolError](f.err):
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
	return &cleanError{f.err, f.redact}
}

// say adds the server's words to a reason.
func (f failure) say(reason string) string {
	if f.reply == nil {
		return reason
	}
	return fmt.Sprintf("%s (it said: %s)", reason, f.reply)
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
