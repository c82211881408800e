package pipeline

import (
	"errors"
	"strings"
	"time"
)

// Kind says what an error means for the delivery that met it.
type Kind int

// The kinds of fault. The zero value is the safe one: try again later.
const (
	Retry  Kind = iota // put the delivery off; it is tried again later
	Fail               // this delivery can never succeed as it is
	Hold               // an operator must look first: one user, or one country
	Doubt              // the server may or may not have taken the mail
	Outage             // the same for every user: stop the run, nobody pays
	Cancel             // the user is no longer owed this mail
)

var kindNames = [...]string{"retry", "fail", "hold", "doubt", "outage", "cancel"}

// String returns the lower-case name of the kind.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// Fault is a classified error. Adapters make them: only they know what an HTTP
// status or an SMTP reply means; everybody else sees the kind.
type Fault struct {
	Kind Kind

	// Code is a stable, lower-case word for machines, for example
	// "capa.not_found" or "smtp.5.1.1". Metrics and filters use it.
	Code string

	// Reason says in one plain sentence what happened and what to do next. It
	// is stored and shown, so it never holds a secret.
	Reason string

	// After is the least time to wait before the next attempt; 0 leaves the
	// delay to the plan.
	After time.Duration

	// Once allows a Retry one time only: when the attempt before this one
	// ended with the same Code, the delivery fails.
	Once bool

	// Free marks a Retry that costs the user no attempt, and FreeOnce one that
	// does when the attempt before it ended with the same Code.
	Free, FreeOnce bool

	// Country widens a Hold from the user to every user of that country and of
	// the user's type; the deliveries stay due and one probe an hour finds out
	// whether it is over.
	Country Country

	// BadAddress marks the user's address as undeliverable.
	BadAddress bool

	// Systemic marks a Doubt that several users met in a row: the delivery is in
	// doubt like any other, and the run stops besides, as for an Outage.
	Systemic bool

	// Doubtful says that a mint may have opened a session that nobody got.
	Doubtful bool

	// Err is the cause. It never holds a secret: it is logged, and a short one
	// is shown behind the reason.
	Err error
}

// LedgerCode is the [Fault.Code] of a ledger that can't be written.
const LedgerCode = "ledger"

// mostCause bounds a cause that is shown, in bytes; what is longer, a stack
// for example, is for logs only.
const mostCause = 300

// explain returns the reason, and the cause where it says more.
func (f *Fault) explain() string {
	if f.Err == nil {
		return f.Reason
	}
	cause := f.Err.Error()
	if len(cause) > mostCause || strings.Contains(cause, "\n") || strings.Contains(f.Reason, cause) {
		return f.Reason
	}
	return f.Reason + ": " + cause
}

// Error returns the reason and the cause.
func (f *Fault) Error() string {
	if f.Err == nil {
		return f.Reason
	}
	return f.Reason + ": " + f.Err.Error()
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// AsFault returns the fault in err's chain. An error that nobody classified is
// a Retry: it costs an attempt, so that it can't go on for ever.
func AsFault(err error) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	return &Fault{Kind: Retry, Code: "unclassified", Reason: err.Error(), Err: err}
}
